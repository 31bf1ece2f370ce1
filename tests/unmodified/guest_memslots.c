/*
 * KVM_SET_USER_MEMORY_REGION2: all the memslots that there are, those that are refused, and memslots that move and go while a vCPU reads
 * them. Argument "off": the slots of files have memory of the program's beside them;
 * a second one: every slot number, not every 32nd. Exit 0; 1 with the line; 77 when no guest can run here.
 */
#include "cases.h"
#include "worker.h"

#include <pthread.h>
#include <sys/eventfd.h>

enum { FAR_AWAY = 64 << 20, MAX_SLOTS = 10, NO_FILE = -1 };

static int in_place, step = 32;
static int new_vm(int type) { return ioctl(kvm, KVM_CREATE_VM, type); }
static uint64_t file_flags(void) { return in_place ? FLAG_MMAP | FLAG_INIT_SHARED : 0; }

static int set_with_flags(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, uint64_t address, int fd, uint64_t offset)
{
    struct memory_region2 r = { .slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = size, .userspace_addr = address };
    r.guest_memfd = (uint32_t)fd;
    r.guest_memfd_offset = offset;
    return ioctl(vm, SET_USER_MEMORY_REGION2, &r);
}

static void *own_memory(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static void types(int unused)
{
    (void)unused;
    unsigned offered = (unsigned)ioctl(kvm, KVM_CHECK_EXTENSION, 235);
    for (int type = 0; type < 32; ++type) {
        int vm = new_vm(type);
        CHECK(offered >> type & 1 ? vm >= 0 : vm == -1 && errno == EINVAL);
        if (vm >= 0)
            CHECK(ioctl(vm, KVM_CHECK_EXTENSION, 235) == (int)offered && close(vm) == 0);
    }
    CHECK(FAILS(new_vm(32), EINVAL) && FAILS(new_vm(-1), EINVAL));
}

/* Every memslot (or every 32nd), one page each: of a file, of the program's memory, or one of each in turn. */
static void all_slots(int kind)
{
    int vm = new_vm(1), count = ioctl(vm, KVM_CHECK_EXTENSION, MAX_SLOTS);
    CHECK(count >= 32);
    uint64_t size = (uint64_t)count * PAGE, stride = 2 * PAGE; /* no two are neighbours */
    int fd = create(vm, size, file_flags());
    uint64_t memory = (uint64_t)(uintptr_t)own_memory(size);
    int last = (count - 1) / step * step;
    for (int i = 0; i <= last; i += step) {
        uint64_t at = (uint64_t)i;
        if (kind == 0 || (kind == 2 && i / step % 2))
            CHECK(set_slot(vm, (uint32_t)i, at * stride, PAGE, memory + at * PAGE, fd, (size / PAGE - 1 - at) * PAGE) == 0);
        else
            CHECK(plain_slot(vm, (uint32_t)i, 0, at * stride, PAGE, (void *)(uintptr_t)(memory + at * PAGE)) == 0);
    }
    uint64_t beyond = (uint64_t)count * stride;
    for (uint32_t slot = (uint32_t)count; slot < (uint32_t)count + 3; ++slot) {
        CHECK(FAILS(plain_slot(vm, slot, 0, beyond, PAGE, (void *)(uintptr_t)memory), EINVAL));
        CHECK(FAILS(set_slot(vm, slot, beyond, PAGE, memory, fd, 0), EINVAL) && FAILS(set_slot(vm, slot, beyond, 0, 0, fd, 0), EINVAL));
    }
    CHECK(FAILS(plain_slot(vm, 0xffff, 0, beyond, PAGE, (void *)(uintptr_t)memory), EINVAL));
    if (in_place && kind == 0)
        CHECK(convert(fd, 0, size, PRIVATE) == 0 && convert(fd, PAGE, size - PAGE, 0) == 0);
    for (int i = 0; i <= last; i += step)
        CHECK(set_slot(vm, (uint32_t)(kind == 1 ? last - i : i), 0, 0, 0, NO_FILE, 0) == 0);
    for (int i = 0; i < count; i += 97)
        CHECK(FAILS(set_slot(vm, (uint32_t)i, 0, 0, 0, NO_FILE, 0), EINVAL)); /* gone already */
}

static void flags(int type)
{
    int vm = new_vm(type), fd = create(vm, SIZE, file_flags() & (type ? 3 : 0));
    uint64_t memory = (uint64_t)(uintptr_t)own_memory(SIZE);
    for (int bit = 0; bit < 32; ++bit) {
        uint32_t flag = 1u << bit;
        int known = flag <= KVM_MEM_READONLY, supported = flag == KVM_MEM_LOG_DIRTY_PAGES || (known && ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM));
        for (int version = 1; version < 3; ++version) {
            int result = version == 1 ? plain_slot(vm, 1, flag, DATA, SIZE, (void *)(uintptr_t)memory) : set_with_flags(vm, 1, flag, DATA, SIZE, memory, fd, 0);
            int right = version == 2 && flag == MEM_GUEST_MEMFD ? 1 : known && supported;
            CHECK(right ? result == 0 : result == -1 && errno == EINVAL);
            if (result == 0)
                CHECK(set_slot(vm, 1, DATA, 0, 0, NO_FILE, 0) == 0);
        }
        if (flag != MEM_GUEST_MEMFD)
            CHECK(FAILS(set_with_flags(vm, 1, flag | MEM_GUEST_MEMFD, DATA, SIZE, memory, fd, 0), EINVAL));
    }
    CHECK(set_with_flags(vm, 1, 0, DATA, SIZE, memory, 4711, 4711) == 0); /* without the flag nobody looks at the file */
    CHECK(FAILS(set_slot(vm, 1, DATA, SIZE, memory, fd, 0), EINVAL) && FAILS(set_with_flags(vm, 1, MEM_GUEST_MEMFD, DATA, SIZE, memory, fd, 0), EINVAL));
    CHECK(set_slot(vm, 1, DATA, 0, 0, NO_FILE, 0) == 0);
    CHECK(set_slot(vm, 1, DATA, SIZE, memory, fd, 0) == 0);
    for (uint32_t change = 0; change < 8; ++change) /* a slot of a file stays as it is */
        CHECK(FAILS(set_with_flags(vm, 1, change, change & 1 ? DATA : FAR_AWAY, SIZE, memory, fd, 0), EINVAL));
    CHECK(set_with_flags(vm, 1, 0, 0, 0, 0, NO_FILE, 0) == 0);
}

/* Which descriptor it may be, in the order of the checks. */
static void wrong_files(int unused)
{
    (void)unused;
    int vm = new_vm(1), other_vm = new_vm(1), fd = create(vm, SIZE, file_flags()), foreign = create(other_vm, SIZE, 0);
    int of_default = create(new_vm(0), SIZE, 0);
    uint64_t memory = (uint64_t)(uintptr_t)own_memory(2 * SIZE);
    int wrong[] = { kvm, vm, other_vm, foreign, of_default, open("/dev/zero", O_RDWR), eventfd(0, 0), memfd_create("m", 0), 0 };
    int closed = dup(fd);
    close(closed);
    int not_open[] = { -1, -2, closed, 100000, 0x7fffffff };
    for (unsigned i = 0; i < sizeof not_open / sizeof *not_open; ++i)
        CHECK(FAILS(set_slot(vm, 1, DATA, SIZE, memory, not_open[i], 0), EBADF));
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; ++i)
        CHECK(FAILS(set_slot(vm, 1, DATA, SIZE, memory, wrong[i], 0), EINVAL));
    for (uint64_t n = 1; n < PAGE; ++n)
        CHECK(FAILS(set_slot(vm, 1, DATA, PAGE, memory, fd, n), EINVAL) && FAILS(set_slot(vm, 1, DATA, PAGE, memory, NO_FILE, n), EINVAL));
    CHECK(FAILS(set_slot(vm, 1, DATA, SIZE, memory, fd, PAGE), EINVAL) && FAILS(set_slot(vm, 1, DATA, PAGE, memory, fd, SIZE), EINVAL) && FAILS(set_slot(vm, 1, DATA, SIZE + PAGE, memory, fd, 0), EINVAL));
    CHECK(FAILS(set_slot(vm, 1, DATA, PAGE, memory, fd, -(uint64_t)PAGE), EINVAL) && FAILS(set_slot(vm, 1, DATA, 2 * PAGE, memory, fd, -(uint64_t)PAGE), EINVAL));
    CHECK(FAILS(set_slot(vm, 1, DATA, PAGE, memory, fd, UINT64_C(1) << 63), EINVAL) && FAILS(set_slot(vm, 1, DATA + 1, PAGE, memory, fd, 0), EINVAL));
    CHECK(FAILS(set_slot(vm, 1, DATA, PAGE + 1, memory, fd, 0), EINVAL) && FAILS(set_slot(vm, 1, DATA, PAGE, memory + 1, fd, 0), EINVAL));
    CHECK(FAILS(set_slot(vm, 1, DATA, PAGE, UINT64_C(1) << 63, fd, 0), EINVAL) && FAILS(set_slot(vm, 1, -(uint64_t)PAGE, 2 * PAGE, memory, fd, 0), EINVAL));
    CHECK(set_slot(vm, 1, DATA, SIZE, memory, fd, 0) == 0); /* and it is still free */
    close(fd);
    CHECK(set_slot(vm, 1, DATA, 0, 0, NO_FILE, 0) == 0 && FAILS(set_slot(vm, 1, DATA, SIZE, memory, fd, 0), EBADF));
}

/* A slot over the middle of the file, then every other range of pages in the file and in the guest. */
static void overlaps(int unused)
{
    (void)unused;
    enum { PAGES = 12, FROM = 4, TO = 8 };
    int vm = new_vm(1), fd = create(vm, PAGES * PAGE, file_flags()), second = create(vm, PAGES * PAGE, file_flags());
    uint64_t memory = (uint64_t)(uintptr_t)own_memory(PAGES * PAGE);
    CHECK(set_slot(vm, 1, DATA + FROM * PAGE, (TO - FROM) * PAGE, memory, fd, FROM * PAGE) == 0);
    for (uint64_t a = 0; a < PAGES; ++a)
        for (uint64_t b = a + 1; b <= PAGES; ++b) {
            int over = a < TO && b > FROM;
            int result = set_slot(vm, 2, FAR_AWAY, (b - a) * PAGE, memory, fd, a * PAGE); /* elsewhere in the guest */
            CHECK(over ? result == -1 && errno == EEXIST : result == 0 && set_slot(vm, 2, 0, 0, 0, NO_FILE, 0) == 0);
            result = set_slot(vm, 2, DATA + a * PAGE, (b - a) * PAGE, memory, second, 0); /* of another file */
            CHECK(over ? result == -1 && errno == EEXIST : result == 0 && set_slot(vm, 2, 0, 0, 0, NO_FILE, 0) == 0);
            result = plain_slot(vm, 2, 0, DATA + a * PAGE, (b - a) * PAGE, (void *)(uintptr_t)memory);
            CHECK(over ? result == -1 && errno == EEXIST : result == 0 && set_slot(vm, 2, 0, 0, 0, NO_FILE, 0) == 0);
        }
    int copy = dup(fd); /* a duplicate is the same file */
    CHECK(FAILS(set_slot(vm, 2, FAR_AWAY, PAGE, memory, copy, FROM * PAGE), EEXIST) && set_slot(vm, 2, FAR_AWAY, PAGE, memory, copy, 0) == 0);
    CHECK(set_slot(vm, 1, 0, 0, 0, NO_FILE, 0) == 0 && set_slot(vm, 3, DATA, PAGE, memory, fd, FROM * PAGE) == 0);
}

static void boot_anywhere(struct machine *m)
{
    if (in_place) {
        boot(m);
        return;
    }
    memset(m, 0, sizeof *m);
    m->guest.vm = new_vm(1);
    m->guest.system = own_memory(SIZE);
    CHECK(plain_slot(m->guest.vm, 0, 0, 0, SIZE, m->guest.system) == 0 && guest_start(&m->guest, kvm) == 0);
}

struct reader {
    struct worker w;
    _Atomic unsigned long mmio;
};

/* Reads the word while it is 7. In a slot that is away the access is MMIO: answered with 7. Ends when it is something else. */
static void *read_and_answer(void *argument)
{
    struct reader *r = argument;
    worker_ask(&r->w, WORK_WATCH, DATA, 0, 7);
    int reason;
    while ((reason = worker_go_on(&r->w)) == KVM_EXIT_MMIO) {
        CHECK(r->w.run->mmio.phys_addr == DATA && r->w.run->mmio.len == 8 && !r->w.run->mmio.is_write);
        uint64_t seven = 7;
        memcpy(r->w.run->mmio.data, &seven, sizeof seven);
        r->mmio++;
    }
    CHECK(reason == KVM_EXIT_IO && r->w.mailbox[4] == 8);
    return NULL;
}

enum { MOVE_PLAIN, DELETE_PLAIN, DELETE_FILE, EXCHANGE };

static void put_back(struct machine *m, int how, int round, uint64_t memory, int fd)
{
    if (how == DELETE_FILE || (how == EXCHANGE && round % 2))
        CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, memory, fd, 0) == 0);
    else
        CHECK(plain_slot(m->guest.vm, 1, 0, DATA, SIZE, (void *)(uintptr_t)memory) == 0);
}

/* The slot comes and goes below a vCPU that reads it. */
static void while_a_vcpu_reads(int how)
{
    enum { ROUNDS = 60 };
    struct machine m;
    boot_anywhere(&m);
    struct reader r = { .w = worker_start(&m, 0), .mmio = 0 };
    int fd = create(m.guest.vm, SIZE, file_flags());
    unsigned char *memory = in_place ? map_file(fd, SIZE) : own_memory(SIZE);
    *(volatile uint64_t *)(void *)memory = 7;
    put_back(&m, how, 0, (uintptr_t)memory, fd);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, read_and_answer, &r) == 0);
    for (int round = 1; round <= ROUNDS; ++round) {
        volatile uint64_t *looks = r.w.mailbox + 6;
        unsigned long exits = r.mmio;
        if (how == MOVE_PLAIN) {
            CHECK(plain_slot(m.guest.vm, 1, 0, round % 2 ? FAR_AWAY : DATA + PAGE, SIZE, memory) == 0);
        } else {
            CHECK(set_slot(m.guest.vm, 1, 0, 0, 0, NO_FILE, 0) == 0);
        }
        while (r.mmio < exits + 2) /* it is away for whoever reads */
            sched_yield();
        put_back(&m, how, round, (uintptr_t)memory, fd);
        exits = r.mmio;
        for (uint64_t seen = *looks; *looks < seen + 10;) /* and back */
            sched_yield();
        CHECK(r.mmio <= exits + 1);
    }
    *(volatile uint64_t *)(void *)memory = 8;
    CHECK(pthread_join(thread, NULL) == 0);
    printf("        %lu MMIO exits\n", (unsigned long)r.mmio);
}

/* The slot of the code goes below the vCPU: it leaves KVM_RUN, for one of the two reasons of a processor without code. */
static void the_code_goes(int unused)
{
    (void)unused;
    struct machine m;
    boot_anywhere(&m);
    struct worker w = worker_start(&m, 0);
    CHECK(set_slot(m.guest.vm, 0, 0, 0, 0, NO_FILE, 0) == 0);
    int reason = worker_go_on(&w);
    printf("        exit reason %d\n", reason);
    CHECK(reason == KVM_EXIT_SHUTDOWN || reason == KVM_EXIT_INTERNAL_ERROR);
}

/* A VM without any memory. */
static void no_slots(int type)
{
    int vm = new_vm(type), reasons[2];
    CHECK(ioctl(vm, KVM_SET_NR_MMU_PAGES, 64) == 0);
    for (int i = 0; i < 2; ++i) {
        int vcpu = ioctl(vm, KVM_CREATE_VCPU, i);
        struct kvm_run *run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
        CHECK(vcpu >= 0 && run != MAP_FAILED);
        struct kvm_mp_state running = { KVM_MP_STATE_RUNNABLE };
        CHECK(ioctl(vcpu, KVM_SET_MP_STATE, &running) == 0);
        CHECK(ioctl(vcpu, KVM_RUN, 0) == 0);
        reasons[i] = (int)run->exit_reason;
        CHECK(reasons[i] == KVM_EXIT_INTERNAL_ERROR || reasons[i] == KVM_EXIT_SHUTDOWN);
    }
    printf("        exit reasons %d %d\n", reasons[0], reasons[1]);
}

int main(int argc, char **argv)
{
    in_place = argc < 2 || strcmp(argv[1], "off") != 0;
    step = argc > 2 ? 1 : 32;
    case_seconds = 120; /* twice 32764 calls that take native KVM 45 us each, on an idle machine */
    run_case("types", types, 0);
    for (int kind = 0; kind < 3; ++kind)
        run_case("all slots", all_slots, kind);
    run_case("flags", flags, 0);
    run_case("flags", flags, 1);
    run_case("wrong files", wrong_files, 0);
    run_case("overlaps", overlaps, 0);
    for (int how = MOVE_PLAIN; how <= EXCHANGE; ++how)
        run_case("while a vCPU reads", while_a_vcpu_reads, how);
    run_case("the code goes", the_code_goes, 0);
    run_case("no slots", no_slots, 0);
    run_case("no slots", no_slots, 1);
    return cases_result("guest memslots");
}
