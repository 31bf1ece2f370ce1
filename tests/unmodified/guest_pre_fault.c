/*
 * KVM_PRE_FAULT_MEMORY: what it gives memory to, how far it came, and its errors; beside a thread that deletes the slot, and under
 * signals. Exit 0; 1 with the line; 77 when no guest can run here.
 */
#include "machine.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

struct pre_fault { uint64_t gpa, size, flags, padding[5]; };
#define PRE_FAULT_MEMORY 0xC040AED5ul

static int pre_fault(struct machine *m, struct pre_fault *p) { return ioctl(m->guest.vcpu, PRE_FAULT_MEMORY, p) == 0 ? 0 : errno; }

static int at(struct machine *m, uint64_t gpa, uint64_t size)
{
    struct pre_fault p = { .gpa = gpa, .size = size };
    int err = pre_fault(m, &p);
    if (err == 0)
        CHECK(p.gpa == gpa + size && p.size == 0);
    else
        CHECK(p.gpa == gpa && p.size == size);
    return err;
}

static int pages_with_memory(void *window, size_t size)
{
    static unsigned char present[1 << 16];
    int n = 0;
    CHECK(mincore(window, size, present) == 0);
    for (size_t i = 0; i < size / PAGE; ++i)
        n += present[i] & 1;
    return n;
}

static void it_populates(struct machine *m)
{
    for (uint64_t flags = FLAG_MMAP; flags <= (FLAG_MMAP | FLAG_INIT_SHARED); flags += FLAG_INIT_SHARED) { /* private, then shared */
        int fd = create(m->guest.vm, SIZE, flags);
        unsigned char *window = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        CHECK(set_slot(m->guest.vm, 1, DATA, SIZE / 2, 0, fd, SIZE / 2) == 0);
        CHECK(pages_with_memory(window, SIZE) == 0);
        CHECK(at(m, DATA + 8 * PAGE, 16 * PAGE) == 0);
        CHECK(convert(fd, 0, SIZE, 0) == 0); /* so that mincore() sees it through the window */
        CHECK(pages_with_memory(window, SIZE) == 16 && pages_with_memory(window + SIZE / 2 + 8 * PAGE, 16 * PAGE) == 16);
        CHECK(at(m, DATA, SIZE / 2) == 0 && pages_with_memory(window, SIZE) == SIZE / 2 / PAGE);
        CHECK(at(m, DATA, SIZE / 2) == 0); /* again */
        CHECK(sum(m, DATA, 4 * PAGE) == 0);
        CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, fd, 0) == 0);
        munmap(window, SIZE);
        close(fd);
    }
    void *plain = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region slot = { .slot = 1, .guest_phys_addr = DATA, .memory_size = SIZE, .userspace_addr = (uintptr_t)plain };
    CHECK(ioctl(m->guest.vm, KVM_SET_USER_MEMORY_REGION, &slot) == 0);
    CHECK(at(m, DATA, 5 * PAGE) == 0 && pages_with_memory(plain, SIZE) == 5);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, -1, 0) == 0);
    munmap(plain, SIZE);
}

static void errors(struct machine *m)
{
    int fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, fd, 0) == 0);
    CHECK(at(m, DATA + 1, PAGE) == EINVAL && at(m, DATA, PAGE + 1) == EINVAL && at(m, DATA, 0) == EINVAL);
    CHECK(at(m, -(uint64_t)PAGE, PAGE) == EINVAL && at(m, DATA, -(uint64_t)PAGE) == EINVAL);
    for (int bit = 0; bit < 64; ++bit) {
        struct pre_fault p = { .gpa = DATA, .size = PAGE, .flags = UINT64_C(1) << bit };
        CHECK(pre_fault(m, &p) == EINVAL && p.gpa == DATA && p.size == PAGE);
    }
    struct pre_fault padded = { .gpa = DATA, .size = PAGE, .padding = { 1, 2, 3, 4, 5 } };
    CHECK(pre_fault(m, &padded) == 0);
    CHECK(ioctl(m->guest.vcpu, PRE_FAULT_MEMORY, NULL) == -1 && errno == EFAULT);
    CHECK(ioctl(m->guest.vm, PRE_FAULT_MEMORY, &padded) == -1 && errno == ENOTTY);
    CHECK(at(m, DATA - PAGE, PAGE) == ENOENT && at(m, DATA + SIZE, PAGE) == ENOENT && at(m, DATA - PAGE, 4 * PAGE) == ENOENT);

    struct pre_fault p = { .gpa = DATA + SIZE - 3 * PAGE, .size = 8 * PAGE }; /* three of eight, then the end of the slot */
    CHECK(pre_fault(m, &p) == 0 && p.gpa == DATA + SIZE && p.size == 5 * PAGE);
    CHECK(pre_fault(m, &p) == ENOENT && p.gpa == DATA + SIZE && p.size == 5 * PAGE);

    int second = create(m->guest.vm, SIZE, 0);
    CHECK(set_slot(m->guest.vm, 2, DATA + SIZE, SIZE, 0, second, 0) == 0);
    CHECK(pre_fault(m, &p) == 0 && p.size == 0);
    CHECK(at(m, DATA, 2 * SIZE) == 0); /* across two slots */
    close(second);
    CHECK(at(m, DATA + SIZE, PAGE) == EFAULT); /* the slot without its file */
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, fd, 0) == 0 && set_slot(m->guest.vm, 2, DATA, 0, 0, fd, 0) == 0);
    close(fd);
}

struct changer {
    struct machine *m;
    int fd;
    _Atomic int stop;
};
static void *delete_and_add(void *argument)
{
    struct changer *c = argument;
    while (!c->stop) {
        CHECK(set_slot(c->m->guest.vm, 1, DATA, 0, 0, c->fd, 0) == 0);
        CHECK(set_slot(c->m->guest.vm, 1, DATA, SIZE, 0, c->fd, 0) == 0);
    }
    return NULL;
}

static void while_the_slot_comes_and_goes(struct machine *m)
{
    struct changer c = { .m = m, .fd = create(m->guest.vm, SIZE, FLAG_MMAP), .stop = 0 };
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, c.fd, 0) == 0);
    pthread_t thread;
    pthread_create(&thread, NULL, delete_and_add, &c);
    int complete = 0, partial = 0, absent = 0;
    /* Until both were met: on a busy machine the other thread may get no processor for a while. */
    for (int i = 0; i < 3000 || ((complete == 0 || absent == 0) && i < 3000000); ++i) {
        struct pre_fault p = { .gpa = DATA, .size = SIZE };
        int err = pre_fault(m, &p);
        CHECK(err == 0 || err == ENOENT);
        CHECK(p.gpa + p.size == DATA + SIZE && (err == 0) == (p.size < SIZE));
        err ? ++absent : p.size ? ++partial : ++complete;
        if (i % 16 == 0)
            CHECK(fallocate(c.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE) == 0);
    }
    c.stop = 1;
    pthread_join(thread, NULL);
    printf("beside a deletion: %d complete, %d partial, %d absent\n", complete, partial, absent);
    CHECK(complete > 0 && absent > 0);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, c.fd, 0) == 0);
    close(c.fd);
}

static volatile sig_atomic_t signals;
static void on_signal(int number)
{
    (void)number;
    ++signals;
}

static void under_signals(struct machine *m)
{
    enum { BIG = 64 << 20 };
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    int fd = create(m->guest.vm, BIG, FLAG_MMAP);
    CHECK(set_slot(m->guest.vm, 1, DATA, BIG, 0, fd, 0) == 0);
    struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
    setitimer(ITIMER_REAL, &often, NULL);
    int cut = 0;
    for (int round = 0; round < 5; ++round) {
        struct pre_fault p = { .gpa = DATA, .size = BIG };
        while (p.size) {
            struct pre_fault before = p;
            int err = pre_fault(m, &p);
            CHECK(err == 0 || (err == EINTR && p.gpa == before.gpa && p.size == before.size));
            CHECK(p.gpa + p.size == DATA + BIG);
            cut += p.size != 0;
        }
        CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, BIG) == 0);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    printf("cut short by a signal: %d times of %d signals\n", cut, (int)signals);
    CHECK(cut > 0);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, fd, 0) == 0);
    close(fd);
}

int main(void)
{
    if (open_kvm() != 0)
        return 77;
    struct machine m;
    boot(&m);
    CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, 236) == 1 && ioctl(m.guest.vm, KVM_CHECK_EXTENSION, 236) == 1);
    it_populates(&m);
    errors(&m);
    while_the_slot_comes_and_goes(&m);
    under_signals(&m);
    puts("guest pre-fault: ok");
    return 0;
}
