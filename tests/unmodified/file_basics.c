/*
 * guest_memfds of every VM type that there is: how they are created, what they refuse, how they are mapped, what fallocate does, where
 * memory policies go, and the guest beside the host in one. Exit 0; 1 with the line; 77 when no guest can run here.
 */
#include "cases.h"
#include "worker.h"

#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
enum { PAGES = 8, BYTES = PAGES * PAGE, PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, KEEP = FALLOC_FL_KEEP_SIZE };

static int new_vm(int type)
{
    int vm = ioctl(kvm, KVM_CREATE_VM, type);
    CHECK(vm >= 0);
    return vm;
}
static int try_create(int vm, uint64_t size, uint64_t flags)
{
    struct create_guest_memfd c = { .size = size, .flags = flags };
    return ioctl(vm, CREATE_GUEST_MEMFD, &c);
}
static int has_private_memory(int type) { return type == 1 || type == 4 || type == 5; }

static void capabilities(int type)
{
    int vm = new_vm(type), private_memory = has_private_memory(type);
    CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, 250) == PRIVATE && ioctl(vm, KVM_CHECK_EXTENSION, 250) == (private_memory ? PRIVATE : 0));
    CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, 233) == 0 && ioctl(vm, KVM_CHECK_EXTENSION, 233) == 0);
    CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, 234) == 1 && ioctl(vm, KVM_CHECK_EXTENSION, 234) == 1);
    CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, 244) == 3 && ioctl(vm, KVM_CHECK_EXTENSION, 244) == 3);
    CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, 231) == 1 && ioctl(vm, KVM_CHECK_EXTENSION, 231) == 1);
    CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, 235) >> type & 1);
}

/* Every flag alone and beside each set of supported ones; then sizes. What is refused leaves no descriptor. */
static void creation(int type)
{
    int vm = new_vm(type), supported = ioctl(vm, KVM_CHECK_EXTENSION, 244), next = dup(vm);
    close(next);
    for (uint64_t beside = 0; beside < 4; ++beside)
        for (int bit = 0; bit < 64; ++bit) {
            uint64_t flags = UINT64_C(1) << bit | beside;
            if (flags & ~(uint64_t)supported) {
                CHECK(FAILS(try_create(vm, PAGE, flags), EINVAL));
                CHECK(FAILS(try_create(vm, 0, flags), EINVAL));
                continue;
            }
            int fd = try_create(vm, PAGE, flags);
            CHECK(fd == next && !(fcntl(fd, F_GETFD) & FD_CLOEXEC));
            CHECK(close(fd) == 0);
        }
    for (uint64_t flags = 0; flags < 4; ++flags) {
        for (uint64_t n = 1; n < PAGE; ++n)
            CHECK(FAILS(try_create(vm, n, flags), EINVAL) && FAILS(try_create(vm, n + 16 * PAGE, flags), EINVAL));
        CHECK(FAILS(try_create(vm, 0, flags), EINVAL) && FAILS(try_create(vm, UINT64_C(1) << 63, flags), EINVAL));
        CHECK(FAILS(try_create(vm, -(uint64_t)PAGE, flags), EINVAL) && FAILS(try_create(vm, UINT64_MAX, flags), EINVAL));
        for (int shift = 12; shift < 44; ++shift) {
            struct stat s;
            int fd = try_create(vm, UINT64_C(1) << shift, flags);
            CHECK(fd == next && fstat(fd, &s) == 0 && s.st_size == (off_t)(UINT64_C(1) << shift) && s.st_blksize == PAGE);
            CHECK(close(fd) == 0);
        }
    }
    struct create_guest_memfd dirty = { .size = PAGE, .reserved = { 1, 2, 3, 4, 5, 6 } };
    int fd = ioctl(vm, CREATE_GUEST_MEMFD, &dirty); /* nobody looks at these */
    CHECK(fd == next && close(fd) == 0);
    CHECK(FAILS(ioctl(vm, CREATE_GUEST_MEMFD, NULL), EFAULT) && FAILS(ioctl(kvm, CREATE_GUEST_MEMFD, &dirty), EINVAL));
}

static void several_files(int type)
{
    enum { FILES = 32 };
    int vm = new_vm(type), fds[FILES];
    struct stat all[FILES];
    for (int i = 0; i < FILES; ++i) {
        fds[i] = create(vm, (uint64_t)(i + 1) * PAGE, (uint64_t)i & 3);
        CHECK(fstat(fds[i], &all[i]) == 0 && all[i].st_size == (i + 1) * PAGE && all[i].st_blksize == PAGE && all[i].st_blocks == 0 && S_ISREG(all[i].st_mode));
        for (int j = 0; j < i; ++j)
            CHECK(fds[i] != fds[j] && all[i].st_ino != all[j].st_ino);
    }
    CHECK(close(vm) == 0); /* the files keep the VM, not the other way round */
    for (int i = 0; i < FILES; ++i) {
        struct stat s, copy;
        int d = dup(fds[i]);
        CHECK(fstat(fds[i], &s) == 0 && s.st_size == (i + 1) * PAGE && fstat(d, &copy) == 0 && copy.st_ino == s.st_ino && s.st_ino == all[i].st_ino);
    }
}

static void file_calls(int flags)
{
    char buffer[64] = { 0 };
    struct iovec part = { buffer, sizeof buffer };
    struct timespec times[2] = { { 0, 0 }, { 0, 0 } };
    int fd = create(new_vm(1), BYTES, (uint64_t)flags);
    CHECK(read(fd, buffer, 1) == -1 && write(fd, buffer, 1) == -1 && pread(fd, buffer, 1, 0) == -1 && pwrite(fd, buffer, 1, 0) == -1);
    CHECK(readv(fd, &part, 1) == -1 && writev(fd, &part, 1) == -1 && preadv(fd, &part, 1, 0) == -1 && pwritev(fd, &part, 1, 0) == -1);
    for (int whence = SEEK_SET; whence <= SEEK_HOLE; ++whence)
        CHECK(lseek(fd, 0, whence) == -1);
    CHECK(FAILS(ftruncate(fd, 0), EINVAL) && FAILS(ftruncate(fd, BYTES), EINVAL) && FAILS(ftruncate(fd, 2 * BYTES), EINVAL));
    CHECK(FAILS(fchmod(fd, 0777), EINVAL) && FAILS(fchown(fd, 0, 0), EINVAL) && FAILS(futimens(fd, times), EINVAL));
    struct stat s;
    CHECK(fstat(fd, &s) == 0 && s.st_size == BYTES && (s.st_mode & 0777) == 0600);
}

static void mapping(int type)
{
    expect_sigbus();
    int vm = new_vm(type);
    for (int flags = 0; flags < 4; flags += 2) {
        int none = create(vm, BYTES, (uint64_t)flags);
        for (int p = PROT_NONE; p <= (PROT_READ | PROT_WRITE); ++p)
            CHECK(mmap(NULL, PAGE, p, MAP_SHARED, none, 0) == MAP_FAILED && errno == ENODEV);
        close(none);
    }
    int fd = create(vm, BYTES, FLAG_MMAP | FLAG_INIT_SHARED), closed = create(vm, BYTES, FLAG_MMAP);
    CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);

    unsigned char *w = mmap(NULL, 2 * BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *beyond = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4 * BYTES);
    CHECK(w != MAP_FAILED && beyond != MAP_FAILED);
    memset(w, 0xaa, BYTES);
    for (int i = 0; i < BYTES; i += 64)
        CHECK(w[i] == 0xaa);
    for (int i = 0; i < BYTES; i += PAGE)
        CHECK(look(w + BYTES + i) == -1 && put(w + BYTES + i + PAGE - 1, 1) == -1 && look(beyond + i) == -1);
    CHECK(look(w + BYTES - 1) == 0xaa);
    CHECK(mprotect(w, PAGE, PROT_READ) == 0 && look(w) == 0xaa && mprotect(w, PAGE, PROT_READ | PROT_WRITE) == 0 && put(w, 1) == 0);
    unsigned char *never = map_file(closed, BYTES);
    for (int i = 0; i < BYTES; i += PAGE)
        CHECK(look(never + i) == -1 && put(never + i, 1) == -1);
    /* The window keeps the file. */
    CHECK(close(fd) == 0 && close(vm) == 0 && look(w + PAGE) == 0xaa && put(w + PAGE, 3) == 0 && look(w + PAGE) == 3);

    CHECK(madvise(w, BYTES, MADV_HUGEPAGE) == 0 || errno == EINVAL);
    CHECK(FAILS(madvise(w, BYTES, MADV_COLLAPSE), EINVAL));
    CHECK(madvise(w, BYTES, MADV_DONTNEED) == 0 && look(w + PAGE) == 3 && look(w + 2 * PAGE) == 0xaa);
    CHECK(madvise(w, BYTES, MADV_WILLNEED) == 0 || errno == EINVAL || errno == EBADF);
    CHECK(madvise(w, BYTES, MADV_NOHUGEPAGE) == 0 || errno == EINVAL);
    CHECK(mlock(w, BYTES) == 0 && look(w + PAGE) == 3 && munlock(w, BYTES) == 0);
    CHECK(munmap(w, 2 * BYTES) == 0);
}

/* Every pair of edges, in single bytes next to pages; ends that overflow. */
static void allocation(int flags)
{
    int fd = create(new_vm(1), BYTES, (uint64_t)flags);
    static const int bad_modes[] = { 0, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | KEEP, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_UNSHARE_RANGE | KEEP };
    for (unsigned i = 0; i < sizeof bad_modes / sizeof *bad_modes; ++i)
        CHECK(FAILS(fallocate(fd, bad_modes[i], 0, PAGE), EOPNOTSUPP) && FAILS(fallocate(fd, bad_modes[i], 1, PAGE), EOPNOTSUPP));
    for (int punch = 0; punch < 2; ++punch) {
        int mode = punch ? PUNCH : KEEP;
        for (off_t n = 1; n < PAGE; ++n)
            CHECK(FAILS(fallocate(fd, mode, n, PAGE), EINVAL) && FAILS(fallocate(fd, mode, 0, n), EINVAL) && FAILS(fallocate(fd, mode, 0, PAGE + n), EINVAL));
        CHECK(FAILS(fallocate(fd, mode, 0, 0), EINVAL) && FAILS(fallocate(fd, mode, 0, -PAGE), EINVAL) && FAILS(fallocate(fd, mode, -PAGE, PAGE), EINVAL));
        CHECK(FAILS(fallocate(fd, mode, LONG_MAX / PAGE * PAGE, PAGE), EFBIG));
        for (off_t at = 0; at <= 2 * BYTES; at += PAGE)
            for (off_t length = PAGE; length <= 2 * BYTES; length += PAGE)
                CHECK(punch || at + length <= BYTES ? fallocate(fd, mode, at, length) == 0 : FAILS(fallocate(fd, mode, at, length), EINVAL));
        CHECK(punch ? fallocate(fd, mode, PAGE, LONG_MAX / PAGE * PAGE - PAGE) == 0 : FAILS(fallocate(fd, mode, PAGE, LONG_MAX / PAGE * PAGE - PAGE), EINVAL));
    }
    struct stat s;
    CHECK(fstat(fd, &s) == 0 && s.st_size == BYTES);
}

static void punched_pages_are_zero(int unused)
{
    (void)unused;
    int fd = create(new_vm(0), BYTES, FLAG_MMAP | FLAG_INIT_SHARED);
    unsigned char *w = map_file(fd, BYTES);
    for (off_t at = 0; at < BYTES; at += PAGE)
        for (off_t length = PAGE; at + length <= BYTES; length += PAGE) {
            memset(w, 0x55, BYTES);
            CHECK(fallocate(fd, PUNCH, at, length) == 0);
            for (off_t i = 0; i < BYTES; i += 512)
                CHECK(w[i] == (i >= at && i < at + length ? 0 : 0x55));
            CHECK(fallocate(fd, KEEP, at, length) == 0 && w[at] == 0);
        }
}

/* A window that looks private to the process cannot be had; a private copy of what it reads can. */
static void copies(int unused)
{
    (void)unused;
    int fd = create(new_vm(1), BYTES, FLAG_MMAP | FLAG_INIT_SHARED), other = open("/dev/zero", O_RDWR);
    unsigned char *w = map_file(fd, BYTES), *over = mmap(NULL, 3 * BYTES, PROT_READ, MAP_PRIVATE, other, 0);
    memset(w, 9, BYTES);
    CHECK(mmap(over + BYTES, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(over[BYTES] == 0);
    CHECK(mmap(over + BYTES, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == over + BYTES && over[BYTES] == 9 && over[2 * BYTES] == 0);
    over[BYTES] = 10;
    CHECK(w[0] == 10);
    CHECK(mmap(over + BYTES, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == over + BYTES && over[BYTES] == 0 && over[BYTES + PAGE] == 9 && w[0] == 10);
}

/* Per offset, on one node or several: set, asked for, cleared; page by page. */
static void policies(int unused)
{
    (void)unused;
    enum { MODE_DEFAULT, MODE_PREFERRED, MODE_BIND, MODE_INTERLEAVE, MODE_LOCAL, ASK_NODE = 1, ASK_ADDRESS = 2, ASK_ALLOWED = 4 };
    unsigned long allowed[16] = { 0 };
    if (syscall(SYS_get_mempolicy, NULL, allowed, 1024ul, NULL, ASK_ALLOWED) != 0) {
        printf("skipped: no NUMA policies here\n");
        exit(SKIP);
    }
    int fd = create(new_vm(1), BYTES, FLAG_MMAP | FLAG_INIT_SHARED), mode = -1, nodes = __builtin_popcountl(allowed[0]);
    unsigned char *w = map_file(fd, BYTES), *again = map_file(fd, BYTES);
    printf("        %d node%s\n", nodes, nodes == 1 ? "" : "s");
    for (int i = 0; i < PAGES; ++i) {
        CHECK(syscall(SYS_get_mempolicy, &mode, NULL, 0ul, w + i * PAGE, ASK_ADDRESS) == 0 && mode == MODE_DEFAULT);
        unsigned long one = 1ul << (i % nodes), seen[16] = { 0 };
        int wanted = i % 4 ? i % 4 : MODE_LOCAL;
        CHECK(syscall(SYS_mbind, w + i * PAGE, (unsigned long)PAGE, wanted, wanted == MODE_LOCAL ? NULL : &one, wanted == MODE_LOCAL ? 0ul : 64ul, 0) == 0);
        w[i * PAGE] = 1;
        for (int j = 0; j < PAGES; ++j) { /* through another window as well: the policy is the file's */
            int expected = j > i ? MODE_DEFAULT : j % 4 ? j % 4 : MODE_LOCAL;
            CHECK(syscall(SYS_get_mempolicy, &mode, seen, 1024ul, again + j * PAGE, ASK_ADDRESS) == 0 && mode == expected);
            CHECK((mode == MODE_DEFAULT || mode == MODE_LOCAL) ? seen[0] == 0 : seen[0] == 1ul << (j % nodes));
        }
        int node = -1;
        CHECK(syscall(SYS_get_mempolicy, &node, NULL, 0ul, w + i * PAGE, ASK_NODE | ASK_ADDRESS) == 0 && (wanted == MODE_LOCAL || node == i % nodes));
    }
    CHECK(FAILS(syscall(SYS_mbind, w, (unsigned long)BYTES, 4711, allowed, 64ul, 0), EINVAL));
    CHECK(FAILS(syscall(SYS_mbind, w + 1, (unsigned long)PAGE, MODE_BIND, allowed, 64ul, 0), EINVAL));
    CHECK(syscall(SYS_get_mempolicy, &mode, NULL, 0ul, w + PAGE, ASK_ADDRESS) == 0 && mode == MODE_PREFERRED);
    CHECK(convert(fd, 0, BYTES, PRIVATE) == 0); /* on private pages too */
    CHECK(syscall(SYS_mbind, w, (unsigned long)BYTES, MODE_INTERLEAVE, allowed, 64ul, 0) == 0);
    CHECK(syscall(SYS_get_mempolicy, &mode, NULL, 0ul, again + BYTES - PAGE, ASK_ADDRESS) == 0 && mode == MODE_INTERLEAVE);
    CHECK(syscall(SYS_mbind, w, (unsigned long)BYTES, MODE_DEFAULT, NULL, 0ul, 0) == 0);
    CHECK(syscall(SYS_get_mempolicy, &mode, NULL, 0ul, w, ASK_ADDRESS) == 0 && mode == MODE_DEFAULT);
}

struct side { struct worker *w; _Atomic uint64_t round; };
static void *guest_side(void *argument)
{
    struct side *s = argument;
    for (uint64_t i = 1; i <= 500; ++i) {
        while (s->round < i)
            sched_yield();
        CHECK(guest_load(s->w, DATA + i % PAGES * PAGE) == i);     /* what the host wrote */
        guest_store(s->w, DATA + i % PAGES * PAGE + 2048, i * 3);  /* what the host will read */
        CHECK(worker_do(s->w, WORK_WATCH, DATA + i % PAGES * PAGE + 1024, 0, i - 1 >= PAGES ? i - PAGES : 0) == i); /* until the host has written */
    }
    return NULL;
}

/* A guest and the host at the same time, page tables of both changing below them: what one writes the other reads. */
static void guest_and_host(int type)
{
    struct machine m;
    memset(&m, 0, sizeof m);
    m.guest.vm = new_vm(type);
    m.system = create(m.guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    m.guest.system = map_file(m.system, SIZE);
    CHECK(set_slot(m.guest.vm, 0, 0, SIZE, (uintptr_t)m.guest.system, m.system, 0) == 0 && guest_start(&m.guest, kvm) == 0);
    struct worker w = worker_start(&m, 0);
    int fd = create(m.guest.vm, BYTES, FLAG_MMAP | FLAG_INIT_SHARED);
    unsigned char *window = map_file(fd, BYTES);
    CHECK(set_slot(m.guest.vm, 1, DATA, BYTES, (uintptr_t)window, fd, 0) == 0);
    for (int i = 0; i < PAGES; ++i)
        CHECK(guest_load(&w, DATA + (uint64_t)i * PAGE) == 0);
    struct side s = { .w = &w, .round = 0 };
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, guest_side, &s) == 0);
    for (uint64_t i = 1; i <= 500; ++i) {
        volatile uint64_t *page = (volatile uint64_t *)(void *)(window + i % PAGES * PAGE);
        page[0] = i;
        s.round = i;
        CHECK(madvise(window, BYTES, MADV_DONTNEED) == 0);
        while (page[256] != i * 3)
            sched_yield();
        page[128] = i;
    }
    pthread_join(thread, NULL);
    CHECK(fallocate(fd, PUNCH, 0, BYTES) == 0);
    for (uint64_t i = 0; i < PAGES; ++i)
        CHECK(guest_load(&w, DATA + i * PAGE) == 0 && window[i * PAGE] == 0);
}

int main(void)
{
    if (open_kvm() != 0)
        return SKIP;
    int types = ioctl(kvm, KVM_CHECK_EXTENSION, 235);
    CHECK(types & 2); /* SW_PROTECTED */
    for (int type = 0; type < 32; ++type)
        if (types >> type & 1) {
            run_case("capabilities", capabilities, type);
            run_case("creation", creation, type);
            run_case("several files", several_files, type);
            run_case("mapping", mapping, type);
        }
    for (int flags = 0; flags < 4; ++flags) {
        run_case("file calls", file_calls, flags);
        run_case("allocation", allocation, flags);
    }
    run_case("punched pages are zero", punched_pages_are_zero, 0);
    run_case("copies", copies, 0);
    run_case("policies", policies, 0);
    run_case("guest and host", guest_and_host, 0);
    run_case("guest and host", guest_and_host, 1);
    return cases_result("file basics");
}
