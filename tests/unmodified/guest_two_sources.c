/*
 * In-place conversion off: the VM tracks what is private, shared memory is the program's own and private memory the guest_memfd's. The
 * same binary checks the other build options: argument "on" is in-place with VM attributes, "nobody" neither. Exit 0; 1 with the line;
 * 77 when no guest can run here.
 */
#include "machine.h"

#include <pthread.h>

struct attributes { uint64_t address, size, attributes, flags; };
#define SET_MEMORY_ATTRIBUTES 0x4020AED2ul

static int set_attributes(int vm, uint64_t address, uint64_t size, uint64_t value)
{
    struct attributes a = { address, size, value, 0 };
    return ioctl(vm, SET_MEMORY_ATTRIBUTES, &a);
}
static int refused(int vm, uint64_t address, uint64_t size, uint64_t value, uint64_t flags)
{
    struct attributes a = { address, size, value, flags };
    return ioctl(vm, SET_MEMORY_ATTRIBUTES, &a) == 0 ? 0 : errno;
}
static int create_errno(int vm, uint64_t flags)
{
    struct create_guest_memfd c = { .size = SIZE, .flags = flags };
    int fd = ioctl(vm, CREATE_GUEST_MEMFD, &c);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}
static int plain_slot(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, void *address)
{
    struct kvm_userspace_memory_region r = { slot, flags, gpa, size, (uintptr_t)address };
    return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r);
}
static unsigned char *memory(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static void capabilities(const long (*values)[3])
{
    static const int which[3] = { 250, 233, 244 };
    int fds[3] = { kvm, ioctl(kvm, KVM_CREATE_VM, 1), ioctl(kvm, KVM_CREATE_VM, 0) };
    CHECK(fds[1] >= 0 && fds[2] >= 0);
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j)
            CHECK(ioctl(fds[j], KVM_CHECK_EXTENSION, which[i]) == values[i][j]);
    close(fds[1]);
    close(fds[2]);
}

/* Specification 1.6: flags, attributes, size, alignment; the last column is what a request for "shared" answers. */
static void checks_of_the_ioctl(int vm, uint64_t supported)
{
    CHECK(ioctl(vm, SET_MEMORY_ATTRIBUTES, NULL) == -1 && errno == EFAULT);
    for (int bit = 0; bit < 64; ++bit) {
        CHECK(refused(vm, 0, PAGE, 0, UINT64_C(1) << bit) == EINVAL);
        CHECK(refused(vm, 0, PAGE, UINT64_C(1) << bit, 0) == ((UINT64_C(1) << bit) & supported ? 0 : EINVAL));
    }
    CHECK(refused(vm, 0, 0, 0, 0) == EINVAL && refused(vm, ~UINT64_C(4095), PAGE, 0, 0) == EINVAL && refused(vm, PAGE, UINT64_MAX - 1, 0, 0) == EINVAL);
    for (uint64_t off = 1; off < PAGE; off += 511)
        CHECK(refused(vm, off, PAGE, 0, 0) == EINVAL && refused(vm, 0, PAGE + off, 0, 0) == EINVAL);
    CHECK(refused(vm, 0, PAGE, 0, 0) == 0);
    CHECK(refused(vm, UINT64_C(1) << 40, UINT64_C(1) << 39, supported, 0) == 0 && refused(vm, UINT64_C(1) << 40, UINT64_C(1) << 39, 0, 0) == 0);
}

static void boot_on_plain_memory(struct machine *m)
{
    memset(m, 0, sizeof *m);
    m->guest.vm = ioctl(kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
    CHECK(m->guest.vm >= 0);
    m->guest.system = memory(SIZE);
    CHECK(plain_slot(m->guest.vm, 0, 0, 0, SIZE, m->guest.system) == 0);
    CHECK(guest_start(&m->guest, kvm) == 0);
}

static int go_on(struct machine *m, uint64_t *answer)
{
    if (ioctl(m->guest.vcpu, KVM_RUN, 0) < 0)
        return -1;
    if (answer)
        *answer = ((uint64_t *)(void *)(m->guest.system + MAILBOX))[3];
    return (int)m->guest.run->exit_reason;
}

/* A program goes on after EINTR: it is what KVM_RUN may always say. */
static int run_on(struct machine *m, int reason, uint64_t *answer)
{
    while (reason == -1 && errno == EINTR)
        reason = go_on(m, answer);
    return reason;
}
static uint64_t sum_of(struct machine *m, uint64_t gpa, uint64_t length)
{
    uint64_t answer = 0;
    CHECK(run_on(m, guest_do(&m->guest, GUEST_SUM, gpa, length, &answer), &answer) == KVM_EXIT_IO);
    return answer;
}
static void fill_pages(struct machine *m, uint64_t gpa, uint64_t pages)
{
    uint64_t answer = 0;
    CHECK(run_on(m, guest_do(&m->guest, GUEST_FILL, gpa, pages, &answer), &answer) == KVM_EXIT_IO && answer == pages);
}
static int load(struct machine *m, uint64_t gpa, uint64_t *answer) { return run_on(m, guest_do(&m->guest, GUEST_LOAD, gpa, 0, answer), answer); }

static void two_memories(struct machine *m)
{
    int vm = m->guest.vm, fd = create(vm, SIZE, 0);
    uint64_t answer = 0;
    unsigned char *shared = memory(SIZE);
    CHECK(set_slot(vm, 1, DATA, SIZE, (uintptr_t)shared, fd, 0) == 0);
    for (int i = 0; i < SIZE / PAGE; ++i)
        shared[i * PAGE] = 100;
    CHECK(sum_of(m, DATA, 2 * PAGE) == 200);
    CHECK(set_attributes(vm, DATA, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK(sum_of(m, DATA, 2 * PAGE) == 100); /* the file's page is zeros */
    fill_pages(m, DATA, 2);                  /* 1 into the file, 2 into the program's memory */
    CHECK(shared[0] == 100 && shared[PAGE] == 2);
    CHECK(set_attributes(vm, DATA, PAGE, 0) == 0);
    CHECK(sum_of(m, DATA, 2 * PAGE) == 102);
    CHECK(set_attributes(vm, DATA, SIZE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK(sum_of(m, DATA, 2 * PAGE) == 1); /* contents stay where they are */
    CHECK(set_attributes(vm, DATA, SIZE, 0) == 0);

    /* Every second page, then merged again, from both ends. */
    for (int i = 0; i < 16; i += 2)
        CHECK(set_attributes(vm, DATA + (uint64_t)i * PAGE, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    fill_pages(m, DATA, 16);
    for (int i = 0; i < 16; ++i)
        CHECK(shared[i * PAGE] == (i % 2 ? i + 1 : 100));
    for (int i = 14; i >= 0; i -= 2)
        CHECK(set_attributes(vm, DATA + (uint64_t)i * PAGE, PAGE, 0) == 0);
    fill_pages(m, DATA, 16);
    for (int i = 0; i < 16; ++i)
        CHECK(shared[i * PAGE] == i + 1);
    CHECK(set_attributes(vm, DATA, 16 * PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    for (int i = 0; i < 16; i += 5)
        CHECK(load(m, DATA + (uint64_t)i * PAGE, &answer) == KVM_EXIT_IO && answer == (i % 2 ? 0 : (uint64_t)i + 1));
    CHECK(set_attributes(vm, 0, UINT64_C(1) << 30, 0) == 0); /* across slots and nothing */
    CHECK(set_slot(vm, 1, DATA, 0, 0, fd, 0) == 0);

    /* Attributes are the VM's: they were there before the slot and the file. */
    CHECK(set_attributes(vm, DATA + PAGE, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK(set_slot(vm, 1, DATA, SIZE / 2, (uintptr_t)shared, fd, 64 * PAGE) == 0);
    memset(shared, 1, 3 * PAGE);
    CHECK(sum_of(m, DATA, 3 * PAGE) == 2 * PAGE);
    CHECK(set_attributes(vm, DATA + PAGE, PAGE, 0) == 0);
    CHECK(sum_of(m, DATA, 3 * PAGE) == 3 * PAGE);
    CHECK(set_slot(vm, 1, DATA, 0, 0, fd, 0) == 0);
    munmap(shared, SIZE);
    close(fd);
}

static void private_without_memory(struct machine *m)
{
    int vm = m->guest.vm;
    uint64_t answer = 0;
    unsigned char *shared = memory(SIZE);
    memset(shared + 3 * PAGE, 6, 8);
    CHECK(plain_slot(vm, 1, 0, DATA, SIZE, shared) == 0);
    CHECK(set_attributes(vm, DATA + 3 * PAGE, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK_MEMORY_FAULT(m, load(m, DATA + 3 * PAGE, NULL), MEMORY_ATTRIBUTE_PRIVATE, DATA + 3 * PAGE);
    CHECK_MEMORY_FAULT(m, go_on(m, NULL), MEMORY_ATTRIBUTE_PRIVATE, DATA + 3 * PAGE);
    CHECK(set_attributes(vm, DATA + 3 * PAGE, PAGE, 0) == 0); /* what a VMM does then */
    CHECK(run_on(m, go_on(m, &answer), &answer) == KVM_EXIT_IO && answer == 0x0606060606060606);

    CHECK(set_attributes(vm, DATA, SIZE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK_MEMORY_FAULT(m, guest_do(&m->guest, GUEST_FILL, DATA, 1, NULL), MEMORY_ATTRIBUTE_PRIVATE, DATA);
    CHECK(shared[0] == 0);
    CHECK(set_attributes(vm, DATA, SIZE, 0) == 0);
    CHECK(run_on(m, go_on(m, NULL), NULL) == KVM_EXIT_IO && shared[0] == 1); /* the write arrived */

    CHECK(set_attributes(vm, DATA, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK(set_slot(vm, 1, DATA, 0, 0, -1, 0) == 0);
    CHECK_MEMORY_FAULT(m, load(m, DATA + 64, NULL), MEMORY_ATTRIBUTE_PRIVATE, DATA); /* no slot, but private */
    CHECK(set_attributes(vm, DATA, PAGE, 0) == 0);
    CHECK(go_on(m, NULL) == KVM_EXIT_MMIO && m->guest.run->mmio.phys_addr == DATA + 64);
    CHECK(go_on(m, NULL) == KVM_EXIT_IO);

    int fd = create(vm, SIZE, 0); /* the file goes: private faults, shared goes on */
    CHECK(set_slot(vm, 1, DATA, SIZE, (uintptr_t)shared, fd, 0) == 0);
    CHECK(set_attributes(vm, DATA + PAGE, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    close(fd);
    CHECK(load(m, DATA, &answer) == KVM_EXIT_IO && answer == 1);
    CHECK_MEMORY_FAULT(m, load(m, DATA + PAGE, NULL), MEMORY_ATTRIBUTE_PRIVATE, DATA + PAGE);
    CHECK(set_attributes(vm, DATA + PAGE, PAGE, 0) == 0);
    CHECK(run_on(m, go_on(m, NULL), NULL) == KVM_EXIT_IO);
    CHECK(set_slot(vm, 1, DATA, 0, 0, -1, 0) == 0);
    munmap(shared, SIZE);
}

static void *delete_the_slot(void *argument)
{
    struct machine *m = argument;
    usleep(2000);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, -1, 0) == 0);
    return NULL;
}

static void a_slot_goes_while_the_guest_reads(struct machine *m)
{
    for (int round = 0; round < 2; ++round) {
        int fd = create(m->guest.vm, SIZE, 0);
        CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, fd, 0) == 0);
        CHECK(set_attributes(m->guest.vm, DATA, SIZE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
        pthread_t thread;
        pthread_create(&thread, NULL, delete_the_slot, m);
        CHECK(guest_do(&m->guest, GUEST_SUM, DATA, 64 * PAGE, NULL) == -1 && errno == EFAULT); /* longer than the slot lives */
        CHECK(m->guest.run->exit_reason == EXIT_MEMORY_FAULT && memory_fault_of(m).flags == MEMORY_ATTRIBUTE_PRIVATE && memory_fault_of(m).size == PAGE);
        CHECK(memory_fault_of(m).gpa % PAGE == 0 && memory_fault_of(m).gpa - DATA < SIZE);
        pthread_join(thread, NULL);
        CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, fd, 0) == 0);
        uint64_t answer = 1;
        CHECK(run_on(m, go_on(m, &answer), &answer) == KVM_EXIT_IO && answer == 0);
        CHECK(set_attributes(m->guest.vm, DATA, SIZE, 0) == 0);
        CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, fd, 0) == 0);
        close(fd);
    }
}

struct toggler {
    int vm;
    uint64_t from;
    _Atomic int stop;
    _Atomic long changes;
};
static void *toggle(void *argument)
{
    struct toggler *t = argument;
    for (unsigned i = 0; !t->stop; ++i, ++t->changes) {
        CHECK(set_attributes(t->vm, t->from + (uint64_t)(i * 7 % 64) * PAGE, (1 + i % 3) * PAGE, i & 1 ? MEMORY_ATTRIBUTE_PRIVATE : 0) == 0);
        usleep(300);
    }
    return NULL;
}

/* Pages that are not converted keep their contents for the guest, whatever happens to their slot meanwhile. */
static void changes_while_the_guest_runs(struct machine *m)
{
    int vm = m->guest.vm, fd = create(vm, SIZE, 0);
    unsigned char *shared = memory(SIZE);
    CHECK(set_slot(vm, 1, DATA, SIZE, (uintptr_t)shared, fd, 0) == 0);
    CHECK(set_attributes(vm, DATA + 100 * PAGE, 100 * PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    struct toggler t = { .vm = vm, .from = DATA, .stop = 0 };
    pthread_t thread;
    pthread_create(&thread, NULL, toggle, &t);
    for (int round = 0; round < 10; ++round) {
        fill_pages(m, DATA + 90 * PAGE, 20);
        for (int i = 0; i < 20; ++i)
            CHECK(shared[(90 + i) * PAGE] == (i < 10 ? i + 1 : 0));
        CHECK(sum_of(m, DATA + 99 * PAGE, PAGE) == 10 && sum_of(m, DATA + 100 * PAGE, PAGE) == 11);
        (void)sum_of(m, DATA, PAGE); /* in the middle of it */
    }
    t.stop = 1;
    pthread_join(thread, NULL);
    printf("%ld changes while the guest ran\n", t.changes);
    CHECK(t.changes > 10);
    CHECK(set_attributes(vm, 0, UINT64_C(1) << 30, 0) == 0 && set_slot(vm, 1, DATA, 0, 0, fd, 0) == 0);
    munmap(shared, SIZE);
    close(fd);
}

/* Page tables, code and stack lie in the slot whose pages change: a guest does not notice. */
static void changes_beside_the_guests_code(struct machine *m)
{
    int vm = m->guest.vm;
    unsigned char *more = memory(SIZE);
    CHECK(plain_slot(vm, 1, 0, DATA, SIZE, more) == 0);
    struct toggler t = { .vm = vm, .from = SIZE / 2, .stop = 0 };
    pthread_t thread;
    pthread_create(&thread, NULL, toggle, &t);
    for (int round = 0; round < 20 || t.changes < 100; ++round) {
        fill_pages(m, DATA, 100);
        CHECK(sum_of(m, DATA, 512) == 1);
    }
    t.stop = 1;
    pthread_join(thread, NULL);
    CHECK(set_attributes(vm, 0, UINT64_C(1) << 30, 0) == 0 && set_slot(vm, 1, DATA, 0, 0, -1, 0) == 0);
    munmap(more, SIZE);
}

static void slots_without_a_file(struct machine *m)
{
    int vm = m->guest.vm;
    unsigned char *shared = memory(SIZE);
    memset(shared, 1, 8 * PAGE);
    CHECK(plain_slot(vm, 1, 0, DATA, SIZE, shared) == 0);
    CHECK(plain_slot(vm, 2, 0, DATA + SIZE - PAGE, SIZE, shared) == -1 && errno == EEXIST);
    CHECK(plain_slot(vm, 1, 0, DATA, SIZE, shared) == 0);
    CHECK(plain_slot(vm, 1, 0, DATA, SIZE / 2, shared) == -1 && errno == EINVAL);
    CHECK(plain_slot(vm, 1, 0, DATA, SIZE, shared + PAGE) == -1 && errno == EINVAL);
    CHECK(plain_slot(vm, 1, KVM_MEM_READONLY, DATA, SIZE, shared) == -1 && errno == EINVAL);
    CHECK(set_attributes(vm, DATA + 2 * PAGE, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK(plain_slot(vm, 1, 0, DATA + 4 * SIZE, SIZE, shared) == 0); /* moves, and what is private there is another page */
    CHECK(sum_of(m, DATA + 4 * SIZE, 4 * PAGE) == 4 * PAGE);
    CHECK(load(m, DATA, NULL) == KVM_EXIT_MMIO && go_on(m, NULL) == KVM_EXIT_IO);
    CHECK(plain_slot(vm, 1, 0, DATA, SIZE, shared) == 0);
    CHECK(sum_of(m, DATA, 2 * PAGE) == 2 * PAGE);
    CHECK_MEMORY_FAULT(m, load(m, DATA + 2 * PAGE, NULL), MEMORY_ATTRIBUTE_PRIVATE, DATA + 2 * PAGE);
    CHECK(set_attributes(vm, DATA + 2 * PAGE, PAGE, 0) == 0 && run_on(m, go_on(m, NULL), NULL) == KVM_EXIT_IO);
    CHECK(set_slot(vm, 1, DATA, 0, 0, -1, 0) == 0);

    static uint64_t bits[SIZE / PAGE / 64]; /* dirty logging follows the slot's number */
    struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bits };
    CHECK(plain_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, DATA, SIZE, shared) == 0);
    CHECK(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0);
    fill_pages(m, DATA, 3);
    CHECK(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0 && bits[0] == 7);
    CHECK(set_attributes(vm, DATA + PAGE, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == -1 && errno == EOPNOTSUPP);
    CHECK(set_attributes(vm, DATA + PAGE, PAGE, 0) == 0 && ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0);
    CHECK(set_slot(vm, 1, DATA, 0, 0, -1, 0) == 0);
    CHECK(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == -1 && errno == ENOENT);
    memset(shared, 1, 8 * PAGE);

    CHECK(plain_slot(vm, 1, KVM_MEM_READONLY, DATA, SIZE, shared) == 0); /* a write is MMIO, in every piece */
    CHECK(set_attributes(vm, DATA + 5 * PAGE, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    for (int page = 0; page <= 6; page += 6) {
        CHECK(guest_do(&m->guest, GUEST_FILL, DATA + (uint64_t)page * PAGE, 1, NULL) == KVM_EXIT_MMIO && m->guest.run->mmio.is_write);
        CHECK(go_on(m, NULL) == KVM_EXIT_IO && shared[page * PAGE] == 1 && sum_of(m, DATA + (uint64_t)page * PAGE, PAGE) == PAGE);
    }
    CHECK(set_attributes(vm, DATA + 5 * PAGE, PAGE, 0) == 0 && set_slot(vm, 1, DATA, 0, 0, -1, 0) == 0);
    munmap(shared, SIZE);
}

/* A file that the host can map backs its slot alone, in both attributes; and so in a VM without private memory. */
static void files_that_can_be_mapped(struct machine *m)
{
    int vm = m->guest.vm, fd = create(vm, SIZE, FLAG_MMAP);
    unsigned char *shared = memory(SIZE);
    shared[0] = 77;
    CHECK(set_slot(vm, 1, DATA, SIZE, (uintptr_t)shared, fd, 0) == 0);
    fill_pages(m, DATA, 4);
    CHECK(shared[0] == 77);
    CHECK(set_attributes(vm, DATA, 2 * PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK(sum_of(m, DATA, 4 * PAGE) == 10);
    CHECK(set_attributes(vm, DATA, 2 * PAGE, 0) == 0);
    CHECK(set_slot(vm, 1, DATA, 0, 0, fd, 0) == 0);
    munmap(shared, SIZE);
    close(fd);
}

/* More pieces than the real KVM has slots: a clear error, and nothing has happened. */
static void too_many_pieces(struct machine *m)
{
    enum { PAGES = 66000 };
    int vm = m->guest.vm;
    unsigned char *shared = memory((size_t)PAGES * PAGE);
    shared[0] = 9;
    for (uint64_t i = 1; i < PAGES; i += 2)
        CHECK(set_attributes(vm, DATA + i * PAGE, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK(plain_slot(vm, 1, 0, DATA, (uint64_t)PAGES * PAGE, shared) == -1 && errno == ENOMEM);
    CHECK(load(m, DATA, NULL) == KVM_EXIT_MMIO && go_on(m, NULL) == KVM_EXIT_IO);
    CHECK(plain_slot(vm, 1, 0, DATA, 8 * PAGE, shared) == 0); /* four pieces */
    CHECK(sum_of(m, DATA, PAGE) == 9);
    CHECK(set_slot(vm, 1, DATA, 0, 0, -1, 0) == 0);
    CHECK(set_attributes(vm, DATA, (uint64_t)PAGES * PAGE, 0) == 0);
    CHECK(plain_slot(vm, 1, 0, DATA, (uint64_t)PAGES * PAGE, shared) == 0);
    CHECK(sum_of(m, DATA, PAGE) == 9 && set_slot(vm, 1, DATA, 0, 0, -1, 0) == 0);
    munmap(shared, (size_t)PAGES * PAGE);
}

static void off(void)
{
    static const long values[3][3] = { { 0, 0, 0 }, { 8, 8, 0 }, { 3, 1, 3 } };
    capabilities(values);
    struct machine m;
    boot_on_plain_memory(&m);
    int other = ioctl(kvm, KVM_CREATE_VM, 0), vm = m.guest.vm;
    CHECK(create_errno(vm, 0) == 0 && create_errno(vm, FLAG_MMAP) == 0 && create_errno(vm, FLAG_INIT_SHARED) == EINVAL && create_errno(vm, FLAG_MMAP | FLAG_INIT_SHARED) == EINVAL);
    CHECK(create_errno(other, FLAG_MMAP | FLAG_INIT_SHARED) == 0);
    int fd = create(vm, SIZE, FLAG_MMAP);
    CHECK(convert(fd, 0, PAGE, 0) == -1 && errno == ENOTTY);
    close(fd);
    int spare = ioctl(kvm, KVM_CREATE_VM, 1);
    checks_of_the_ioctl(spare, MEMORY_ATTRIBUTE_PRIVATE);
    close(spare);
    checks_of_the_ioctl(other, 0);
    close(other);
    two_memories(&m);
    private_without_memory(&m);
    a_slot_goes_while_the_guest_reads(&m);
    changes_while_the_guest_runs(&m);
    changes_beside_the_guests_code(&m);
    slots_without_a_file(&m);
    files_that_can_be_mapped(&m);
    too_many_pieces(&m);
}

/* In-place conversion with a kernel that was built with VM attributes: the ioctl is there, and has nothing to say. */
static void on(void)
{
    static const long values[3][3] = { { 8, 8, 0 }, { 0, 0, 0 }, { 3, 3, 3 } };
    capabilities(values);
    for (int type = 0; type < 2; ++type) {
        int vm = ioctl(kvm, KVM_CREATE_VM, type);
        checks_of_the_ioctl(vm, 0);
        close(vm);
    }
}

/* Neither: a mistake of the administrator. Everything is shared. */
static void nobody(void)
{
    static const long values[3][3] = { { 0, 0, 0 }, { 0, 0, 0 }, { 3, 1, 3 } };
    capabilities(values);
    struct machine m;
    boot_on_plain_memory(&m);
    CHECK(refused(m.guest.vm, 0, PAGE, 0, 0) == ENOTTY);
    int fd = create(m.guest.vm, SIZE, 0);
    CHECK(convert(fd, 0, PAGE, 0) == -1 && errno == ENOTTY);
    unsigned char *shared = memory(SIZE);
    shared[0] = 55;
    CHECK(set_slot(m.guest.vm, 1, DATA, SIZE, (uintptr_t)shared, fd, 0) == 0);
    CHECK(sum_of(&m, DATA, PAGE) == 55);
    close(fd);
    CHECK(sum_of(&m, DATA, PAGE) == 55);
}

int main(int argc, char **argv)
{
    if (open_kvm() != 0)
        return 77;
    const char *mode = argc > 1 ? argv[1] : "off";
    !strcmp(mode, "off") ? off() : !strcmp(mode, "on") ? on() : nobody();
    printf("two sources, %s: ok\n", mode);
    return 0;
}
