/*
 * KVM_SET_MEMORY_ATTRIBUTES2 as a VMM's tests use it: one VM, one file, one case a process; guest and host look before and after.
 * Exit 0; 1 with the line; 77 when no guest can run here.
 */
#include "cases.h"
#include "worker.h"

#include <pthread.h>

enum { PAGES = 8 };

struct gup_test { uint64_t addr, size; uint32_t flags, pad; };
#define PIN_START _IOW('g', 7, struct gup_test)
#define PIN_STOP _IO('g', 8)

struct fixture {
    struct machine m;
    struct worker w;
    int fd;
    unsigned char *window;
    size_t size;
};

static void set_up(struct fixture *f, size_t pages, uint64_t flags)
{
    expect_sigbus();
    boot(&f->m);
    f->w = worker_start(&f->m, 0);
    f->size = pages * PAGE;
    f->fd = create(f->m.guest.vm, f->size, flags);
    f->window = map_file(f->fd, f->size);
    CHECK(set_slot(f->m.guest.vm, 1, DATA, f->size, (uintptr_t)f->window, f->fd, 0) == 0);
}

static unsigned char *page_of(struct fixture *f, size_t page) { return f->window + page * PAGE; }
static uint64_t gpa_of(size_t page) { return DATA + page * PAGE; }
static int to(struct fixture *f, size_t page, size_t pages, uint64_t attributes) { return convert(f->fd, page * PAGE, pages * PAGE, attributes); }
static int guest_sees(struct fixture *f, size_t page) { return (int)(guest_load(&f->w, gpa_of(page)) & 0xff); }

/* The kernel's own accesses: EFAULT where the host gets SIGBUS. */
static int kernel_reads(unsigned char *p)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    long n = write(ends[1], p, 1);
    CHECK(n == 1 || errno == EFAULT);
    close(ends[0]);
    close(ends[1]);
    return n == 1;
}

/* Shared, and both see `value`; each then writes what the other reads. */
static void is_shared(struct fixture *f, size_t page, int value)
{
    CHECK(guest_sees(f, page) == value && look(page_of(f, page)) == value && kernel_reads(page_of(f, page)));
    guest_store(&f->w, gpa_of(page), (uint64_t)value + 1);
    CHECK(look(page_of(f, page)) == value + 1);
    CHECK(put(page_of(f, page), value) == 0 && guest_sees(f, page) == value);
}

static void is_private(struct fixture *f, size_t page, int value)
{
    CHECK(look(page_of(f, page)) == -1 && put(page_of(f, page), 99) == -1 && look(page_of(f, page) + PAGE - 1) == -1 && !kernel_reads(page_of(f, page)));
    CHECK(guest_sees(f, page) == value);
    guest_store(&f->w, gpa_of(page), (uint64_t)value + 3);
    CHECK(guest_sees(f, page) == value + 3);
    guest_store(&f->w, gpa_of(page), (uint64_t)value);
}

/* Every page is as the mask says: private where its bit is set. */
static void all_are(struct fixture *f, unsigned mask, const int *values)
{
    for (size_t i = 0; i < f->size / PAGE; ++i)
        mask >> i & 1 ? is_private(f, i, values[i]) : is_shared(f, i, values[i]);
}

static void starts_as_created(int shared)
{
    struct fixture f;
    set_up(&f, PAGES, shared ? FLAG_MMAP | FLAG_INIT_SHARED : FLAG_MMAP);
    int zeros[PAGES] = { 0 };
    all_are(&f, shared ? 0 : 0xff, zeros);
    CHECK(to(&f, 0, PAGES, shared ? 0 : PRIVATE) == 0); /* what it is already */
    all_are(&f, shared ? 0 : 0xff, zeros);
    CHECK(to(&f, 0, PAGES, shared ? PRIVATE : 0) == 0);
    all_are(&f, shared ? 0xff : 0, zeros);
}

/* One page of several, each in turn; `touched`: all pages have memory before, else none has. */
static void each_page_in_turn(int touched)
{
    struct fixture f;
    set_up(&f, PAGES, FLAG_MMAP | FLAG_INIT_SHARED);
    int values[PAGES] = { 0 };
    for (size_t i = 0; touched && i < PAGES; ++i) {
        values[i] = 10 + (int)i;
        CHECK(put(page_of(&f, i), values[i]) == 0);
    }
    for (size_t i = 0; i < PAGES; ++i)
        for (int round = 0; round < 2; ++round) {
            CHECK(to(&f, i, 1, PRIVATE) == 0);
            all_are(&f, 1u << i, values);
            CHECK(to(&f, i, 1, PRIVATE) == 0); /* again */
            is_private(&f, i, values[i]);
            CHECK(to(&f, i, 1, 0) == 0);
            all_are(&f, 0, values);
            CHECK(to(&f, i, 1, 0) == 0);
            is_shared(&f, i, values[i]);
        }
}

/* Pages that nobody has touched take the attribute, and are zeros of that kind on first use: by whichever side. */
static void pages_without_memory(int first)
{
    struct fixture f;
    for (size_t i = 0; i < PAGES; ++i) {
        set_up(&f, PAGES, FLAG_MMAP | (first & 1 ? FLAG_INIT_SHARED : 0));
        CHECK(to(&f, i, 1, first & 1 ? PRIVATE : 0) == 0 && to(&f, i, 1, first & 1 ? 0 : PRIVATE) == 0 && to(&f, i, 1, first & 2 ? PRIVATE : 0) == 0);
        first & 2 ? is_private(&f, i, 0) : is_shared(&f, i, 0);
        close(f.fd);
        CHECK(munmap(f.window, f.size) == 0);
        close(f.m.guest.vcpu);
        close(f.m.guest.vm);
    }
}

/* Every range [a, b) of the file, over a private range in its middle. */
static void every_range(int from)
{
    struct fixture f;
    set_up(&f, PAGES, FLAG_MMAP | FLAG_INIT_SHARED);
    int values[PAGES];
    for (size_t i = 0; i < PAGES; ++i)
        CHECK(put(page_of(&f, i), values[i] = 20 + (int)i) == 0);
    for (size_t a = (size_t)from; a < PAGES; a += 2)
        for (size_t b = a + 1; b <= PAGES; ++b)
            for (uint64_t attributes = 0; attributes <= PRIVATE; attributes += PRIVATE) {
                unsigned range = ((1u << (b - a)) - 1) << a, mask = 0x3c;
                CHECK(to(&f, 0, PAGES, 0) == 0 && to(&f, 2, 4, PRIVATE) == 0);
                CHECK(to(&f, a, b - a, attributes) == 0);
                mask = attributes ? mask | range : mask & ~range;
                for (size_t i = 0; i < PAGES; ++i) {
                    CHECK(look(page_of(&f, i)) == (mask >> i & 1 ? -1 : values[i]));
                    CHECK(guest_sees(&f, i) == values[i]);
                }
            }
}

/* Several windows of one page, at the same and other offsets, by the descriptor and its duplicates; some already closed. */
static void several_windows(int unused)
{
    (void)unused;
    struct fixture f;
    set_up(&f, PAGES, FLAG_MMAP | FLAG_INIT_SHARED);
    int copies[3] = { dup(f.fd), fcntl(f.fd, F_DUPFD_CLOEXEC, 200), dup3(f.fd, 300, O_CLOEXEC) };
    unsigned char *windows[8];
    for (size_t i = 0; i < 8; ++i) {
        windows[i] = mmap(NULL, (PAGES - i % 4) * PAGE, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, i % 3 ? copies[i % 3] : f.fd, (off_t)(i % 4 * PAGE));
        CHECK(windows[i] != MAP_FAILED);
        windows[i] -= i % 4 * PAGE;
    }
    CHECK(put(page_of(&f, 5), 42) == 0);
    for (int round = 0; round < 12; ++round) {
        int by = round % 3;
        if (round == 6)
            CHECK(close(f.fd) == 0); /* the duplicates are enough */
        for (size_t i = 0; i < 8; ++i)
            CHECK(look(windows[i] + 5 * PAGE) == 42);
        CHECK(convert(copies[by], 5 * PAGE, PAGE, PRIVATE) == 0);
        for (size_t i = 0; i < 8; ++i) {
            CHECK(look(windows[i] + 5 * PAGE) == -1 && look(windows[i] + 4 * PAGE) == 0 && look(windows[i] + 6 * PAGE) == 0);
            CHECK(i & 1 || put(windows[i] + 5 * PAGE, 1) == -1);
        }
        CHECK(guest_sees(&f, 5) == 42);
        unsigned char *late = map_file(copies[2], f.size); /* a window that is made while the page is private */
        CHECK(look(late + 5 * PAGE) == -1);
        CHECK(convert(copies[(by + 1) % 3], 5 * PAGE, PAGE, 0) == 0);
        CHECK(look(late + 5 * PAGE) == 42 && munmap(late, f.size) == 0);
    }
    CHECK(close(copies[0]) == 0 && FAILS(convert(copies[0], 0, PAGE, 0), EBADF));
}

enum turn { PARENT, CHILD };
struct shared_turns {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum turn turn;
};

static void give(struct shared_turns *t, enum turn to)
{
    CHECK(pthread_mutex_lock(&t->mutex) == 0);
    t->turn = to;
    CHECK(pthread_cond_broadcast(&t->changed) == 0 && pthread_mutex_unlock(&t->mutex) == 0);
}

static void await(struct shared_turns *t, enum turn whose)
{
    CHECK(pthread_mutex_lock(&t->mutex) == 0);
    while (t->turn != whose)
        CHECK(pthread_cond_wait(&t->changed, &t->mutex) == 0);
    CHECK(pthread_mutex_unlock(&t->mutex) == 0);
}

/*
 * A process that touches the page and one that converts it take turns by a mutex in shared memory. Variants: bit 0 says that the child
 * converts, bit 1 that the child maps a window of its own, bit 2 that it is made by a raw clone3().
 */
static void a_forked_process(int variant)
{
    struct fixture f;
    set_up(&f, PAGES, FLAG_MMAP | FLAG_INIT_SHARED);
    struct shared_turns *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(t != MAP_FAILED);
    pthread_mutexattr_t mutex;
    pthread_condattr_t cond;
    CHECK(pthread_mutexattr_init(&mutex) == 0 && pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_condattr_init(&cond) == 0 && pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutex_init(&t->mutex, &mutex) == 0 && pthread_cond_init(&t->changed, &cond) == 0);
    CHECK(put(page_of(&f, 1), 5) == 0);

    enum turn looker = variant & 1 ? PARENT : CHILD, converter = variant & 1 ? CHILD : PARENT;
    t->turn = looker;
    pid_t child = variant & 4 ? raw_fork(0) : fork();
    CHECK(child >= 0);
    enum turn self = child == 0 ? CHILD : PARENT;
    if (child == 0 && variant & 2)
        f.window = map_file(f.fd, f.size);
    for (int round = 0; round < 50; ++round)
        if (self == looker) {
            await(t, looker);
            CHECK(look(page_of(&f, 1)) == 5 + round && put(page_of(&f, 1), 6 + round) == 0);
            give(t, converter);
            await(t, looker); /* private now */
            CHECK(look(page_of(&f, 1)) == -1 && put(page_of(&f, 1), 1) == -1 && !kernel_reads(page_of(&f, 1)));
            CHECK(look(page_of(&f, 2)) == round % 3);
            give(t, converter);
        } else {
            await(t, converter);
            CHECK(to(&f, 1, 1, PRIVATE) == 0);
            CHECK(look(page_of(&f, 1)) == -1 && put(page_of(&f, 2), round % 3) == 0);
            if (self == PARENT) /* whose VM it is */
                CHECK(guest_sees(&f, 1) == 6 + round);
            give(t, looker);
            await(t, converter);
            CHECK(to(&f, 1, 1, 0) == 0);
            give(t, looker);
        }
    if (child == 0)
        _exit(0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* A child that suspends its parent, until it ends, has the parent's windows closed all the same. */
static void a_suspended_parent(int open_before)
{
    struct fixture f;
    set_up(&f, PAGES, FLAG_MMAP | FLAG_INIT_SHARED);
    if (open_before)
        CHECK(put(page_of(&f, 3), 70) == 0);
    pid_t child = raw_fork(CLONE_VFORK);
    CHECK(child >= 0);
    if (child == 0) {
        int copy = dup(f.fd);
        CHECK(put(page_of(&f, 4), 71) == 0 && look(page_of(&f, 3)) == (open_before ? 70 : 0));
        CHECK(convert(copy, 3 * PAGE, 2 * PAGE, PRIVATE) == 0);
        CHECK(look(page_of(&f, 3)) == -1 && look(page_of(&f, 4)) == -1 && !kernel_reads(page_of(&f, 4)));
        unsigned char *own = map_file(copy, f.size);
        CHECK(look(own + 4 * PAGE) == -1 && put(own + 5 * PAGE, 72) == 0);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(look(page_of(&f, 3)) == -1 && look(page_of(&f, 4)) == -1 && look(page_of(&f, 5)) == 72);
    CHECK(guest_sees(&f, 3) == (open_before ? 70 : 0) && guest_sees(&f, 4) == 71 && guest_sees(&f, 5) == 72);
}

static void truncating_and_punching(int attributes)
{
    struct fixture f;
    set_up(&f, PAGES, FLAG_MMAP | FLAG_INIT_SHARED);
    int values[PAGES] = { 0 };
    for (size_t i = 0; i < PAGES; ++i)
        CHECK(put(page_of(&f, i), 50) == 0);
    CHECK(to(&f, 3, 2, PRIVATE) == 0);
    CHECK(FAILS(ftruncate(f.fd, 0), EINVAL) && FAILS(ftruncate(f.fd, (off_t)f.size), EINVAL) && FAILS(ftruncate(f.fd, (off_t)f.size * 2), EINVAL));
    for (size_t i = 0; i < PAGES; ++i)
        CHECK(guest_sees(&f, i) == 50 && look(page_of(&f, i)) == (i == 3 || i == 4 ? -1 : 50));
    CHECK(fallocate(f.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)f.size) == 0);
    all_are(&f, 0x18, values);
    CHECK(fallocate(f.fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)f.size) == 0);
    all_are(&f, 0x18, values);
    CHECK(fallocate(f.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)f.size) == 0);
    CHECK(to(&f, 0, PAGES, (uint64_t)attributes) == 0); /* holes change as well */
    all_are(&f, attributes ? 0xff : 0, values);
}

/* A page that the kernel's pin tester holds cannot become private; those around it can. */
static void a_pinned_page(int pinned)
{
    struct fixture f;
    int gup = open("/sys/kernel/debug/gup_test", O_RDWR);
    if (gup < 0) {
        printf("skipped: no /sys/kernel/debug/gup_test here\n");
        exit(SKIP);
    }
    set_up(&f, PAGES, FLAG_MMAP | FLAG_INIT_SHARED);
    for (size_t i = 0; i < PAGES; ++i)
        CHECK(put(page_of(&f, i), 60 + (int)i) == 0);
    struct gup_test pin = { .addr = (uintptr_t)page_of(&f, (size_t)pinned), .size = PAGE };
    CHECK(ioctl(gup, PIN_START, &pin) == 0);
    for (size_t a = 0; a < PAGES; ++a)
        for (size_t b = a + 1; b <= PAGES; ++b) {
            struct memory_attributes2 request;
            memset(&request, 0, sizeof request);
            request.offset = a * PAGE;
            request.size = (b - a) * PAGE;
            request.attributes = PRIVATE;
            request.error_offset = 4711;
            int over = a <= (size_t)pinned && (size_t)pinned < b;
            CHECK(ioctl(f.fd, SET_MEMORY_ATTRIBUTES2, &request) == (over ? -1 : 0));
            CHECK(over ? errno == EAGAIN && request.error_offset == (uint64_t)pinned * PAGE : request.error_offset == 4711);
            for (size_t i = 0; i < PAGES; ++i)
                CHECK(look(page_of(&f, i)) == (!over && a <= i && i < b ? -1 : 60 + (int)i));
            CHECK(to(&f, 0, PAGES, 0) == 0); /* to shared needs no page to be free */
        }
    CHECK(ioctl(gup, PIN_STOP) == 0);
    CHECK(to(&f, 0, PAGES, PRIVATE) == 0 && look(page_of(&f, (size_t)pinned)) == -1);
    for (size_t i = 0; i < PAGES; ++i)
        CHECK(guest_sees(&f, i) == 60 + (int)i);
}

struct answer { int err; uint64_t error_offset; };
static struct answer request(int fd, struct memory_attributes2 a)
{
    struct memory_attributes2 before = a;
    struct answer r = { ioctl(fd, SET_MEMORY_ATTRIBUTES2, &a) == 0 ? 0 : errno, a.error_offset };
    CHECK(memcmp(&a, &before, sizeof a) == 0); /* nothing is written back */
    return r;
}
#define REQUEST(fd, ...) (request(fd, (struct memory_attributes2) { .error_offset = UINT64_C(0xdeadbeefcafe), __VA_ARGS__ }).err)

static void errors(int unused)
{
    (void)unused;
    struct fixture f;
    set_up(&f, PAGES, FLAG_MMAP | FLAG_INIT_SHARED);
    uint64_t whole = f.size;
    for (int bit = 0; bit < 64; ++bit) {
        uint64_t one = UINT64_C(1) << bit;
        CHECK(REQUEST(f.fd, .size = PAGE, .flags = one) == EINVAL);
        CHECK(REQUEST(f.fd, .size = PAGE, .attributes = one) == (one == PRIVATE ? 0 : EINVAL));
        CHECK(one == PRIVATE || REQUEST(f.fd, .size = PAGE, .attributes = one | PRIVATE) == EINVAL);
    }
    CHECK(REQUEST(f.fd, .size = PAGE) == 0); /* the page that became private above */
    for (int word = 0; word < 11; ++word) {
        struct memory_attributes2 a;
        memset(&a, 0, sizeof a);
        a.size = PAGE;
        a.reserved[word] = 1;
        CHECK(request(f.fd, a).err == EINVAL);
        a.reserved[word] = UINT64_C(1) << 63;
        CHECK(request(f.fd, a).err == EINVAL);
    }
    for (uint64_t n = 1; n < PAGE; ++n)
        CHECK(REQUEST(f.fd, .size = n) == EINVAL && REQUEST(f.fd, .offset = n, .size = PAGE) == EINVAL && REQUEST(f.fd, .size = PAGE + n) == EINVAL);
    CHECK(REQUEST(f.fd, .size = 0) == EINVAL && REQUEST(f.fd, .offset = PAGE, .size = 0) == EINVAL);
    CHECK(REQUEST(f.fd, .offset = whole, .size = PAGE) == EINVAL && REQUEST(f.fd, .size = whole + PAGE) == EINVAL);
    CHECK(REQUEST(f.fd, .offset = PAGE, .size = whole) == EINVAL && REQUEST(f.fd, .offset = whole - PAGE, .size = 2 * PAGE) == EINVAL);
    CHECK(REQUEST(f.fd, .offset = -(uint64_t)PAGE, .size = PAGE) == EINVAL && REQUEST(f.fd, .offset = -(uint64_t)PAGE, .size = 2 * PAGE) == EINVAL);
    CHECK(REQUEST(f.fd, .offset = PAGE, .size = -(uint64_t)PAGE) == EINVAL && REQUEST(f.fd, .size = UINT64_C(1) << 63) == EINVAL);
    CHECK(REQUEST(f.fd, .size = whole, .attributes = PRIVATE) == 0 && REQUEST(f.fd, .size = whole) == 0);

    /* Who may be asked: the file alone; and the other way round. */
    struct memory_attributes2 a;
    memset(&a, 0, sizeof a);
    a.size = PAGE;
    CHECK(FAILS(ioctl(f.fd, SET_MEMORY_ATTRIBUTES2, NULL), EFAULT) && FAILS(ioctl(f.fd, SET_MEMORY_ATTRIBUTES2, (void *)8), EFAULT));
    CHECK(FAILS(ioctl(f.m.guest.vm, SET_MEMORY_ATTRIBUTES2, &a), ENOTTY) && FAILS(ioctl(kvm, SET_MEMORY_ATTRIBUTES2, &a), EINVAL));
    CHECK(FAILS(ioctl(f.m.guest.vcpu, SET_MEMORY_ATTRIBUTES2, &a), EINVAL));
    CHECK(FAILS(ioctl(f.fd, 0x4020AED2ul, &a), ENOTTY) && FAILS(ioctl(f.fd, KVM_CHECK_EXTENSION, 250), ENOTTY) && FAILS(ioctl(f.fd, CREATE_GUEST_MEMFD, &a), ENOTTY));
    CHECK(FAILS(ioctl(-1, SET_MEMORY_ATTRIBUTES2, &a), EBADF));
    /* A struct that straddles the end of what is mapped. */
    unsigned char *edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(munmap(edge + PAGE, PAGE) == 0);
    CHECK(FAILS(ioctl(f.fd, SET_MEMORY_ATTRIBUTES2, edge + PAGE - 64), EFAULT));
    memcpy(edge + PAGE - sizeof a, &a, sizeof a);
    CHECK(ioctl(f.fd, SET_MEMORY_ATTRIBUTES2, edge + PAGE - sizeof a) == 0);
    CHECK(mprotect(edge, PAGE, PROT_READ) == 0 && ioctl(f.fd, SET_MEMORY_ATTRIBUTES2, edge + PAGE - sizeof a) == 0); /* success writes nothing */

    /* Not without private memory; the argument checks before that one say the same. */
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    int plain = create(vm, f.size, FLAG_MMAP | FLAG_INIT_SHARED);
    CHECK(REQUEST(plain, .size = PAGE) == EINVAL && REQUEST(plain, .size = PAGE, .attributes = PRIVATE) == EINVAL);
    int zeros[PAGES] = { 0 };
    all_are(&f, 0, zeros);
}

/* Without GUEST_MEMFD_FLAG_MMAP: nobody maps it, the guest works in it, and it can be converted all the same. */
static void without_mmap(int shared)
{
    struct fixture f;
    expect_sigbus();
    boot(&f.m);
    f.w = worker_start(&f.m, 0);
    f.fd = create(f.m.guest.vm, PAGES * PAGE, shared ? FLAG_INIT_SHARED : 0);
    CHECK(set_slot(f.m.guest.vm, 1, DATA, PAGES * PAGE, 0, f.fd, 0) == 0);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, f.fd, 0) == MAP_FAILED && errno == ENODEV);
    for (size_t i = 0; i < PAGES; ++i)
        guest_store(&f.w, gpa_of(i), i + 1);
    for (size_t i = 0; i < PAGES; ++i) {
        CHECK(to(&f, i, 1, shared ? PRIVATE : 0) == 0 && guest_load(&f.w, gpa_of(i)) == i + 1);
        CHECK(to(&f, i, 1, shared ? 0 : PRIVATE) == 0 && guest_load(&f.w, gpa_of(i)) == i + 1);
    }
}

struct reader { struct fixture *f; _Atomic int stop; _Atomic unsigned long looks; };
static void *guest_counts(void *argument)
{
    struct reader *r = argument;
    for (uint64_t i = 1; !r->stop; ++i) {
        guest_store(&r->f->w, gpa_of(2), i);
        CHECK(guest_load(&r->f->w, gpa_of(2)) == i);
        r->looks++;
    }
    return NULL;
}

/* The guest goes on reading and writing while its page changes to and fro: in place, nothing is ever lost. */
static void while_the_guest_works(int unused)
{
    (void)unused;
    struct fixture f;
    set_up(&f, PAGES, FLAG_MMAP | FLAG_INIT_SHARED);
    struct reader r = { .f = &f };
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, guest_counts, &r) == 0);
    int rounds = 0;
    while (r.looks < 3000 || rounds < 500) {
        CHECK(to(&f, 1, 3, PRIVATE) == 0 && look(page_of(&f, 2)) == -1);
        CHECK(to(&f, 2, 1, 0) == 0 && look(page_of(&f, 2)) >= 0 && look(page_of(&f, 1)) == -1);
        ++rounds;
    }
    r.stop = 1;
    pthread_join(thread, NULL);
}

int main(void)
{
    for (int i = 0; i < 2; ++i) {
        run_case("starts as created", starts_as_created, i);
        run_case("each page in turn", each_page_in_turn, i);
        run_case("every range", every_range, i);
        run_case("without mmap", without_mmap, i);
        run_case("truncating and punching", truncating_and_punching, i * PRIVATE);
    }
    for (int i = 0; i < 4; ++i)
        run_case("pages without memory", pages_without_memory, i);
    for (int i = 0; i < 8; ++i)
        run_case("a forked process", a_forked_process, i);
    for (int i = 0; i < 2; ++i)
        run_case("a suspended parent", a_suspended_parent, i);
    for (int i = 0; i < PAGES; ++i)
        run_case("a pinned page", a_pinned_page, i);
    run_case("several windows", several_windows, 0);
    run_case("errors", errors, 0);
    run_case("while the guest works", while_the_guest_works, 0);
    return cases_result("conversions");
}
