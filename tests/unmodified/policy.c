/*
 * mbind and get_mempolicy on a window, as numactl's library calls them: syscall(). A twin stands beside it, the same mapping of an
 * ordinary memfd, which goes to the kernel directly: whatever is asked of both must be answered alike. Exit 0, 1 with the case, 77
 * when the host cannot do it.
 */
#include "tests/support/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { page = 4096, pages = 64, mapped = 96 }; /* the windows end beyond the files */
enum { by_default, preferred, bind_to, interleave, local, preferred_many, weighted, unknown = 99 };
enum { strict = 1, move = 2, move_all = 4 };
enum { by_node = 1, by_address = 2 };
#define STATIC_NODES (1 << 15)
#define RELATIVE_NODES (1 << 14)

static sigjmp_buf escape;
static int failures;

static void on_sigbus(int number)
{
    (void)number;
    siglongjmp(escape, 1);
}

static int readable(const volatile unsigned char *p)
{
    if (sigsetjmp(escape, 1))
        return 0;
    (void)*p;
    return 1;
}

static void expect(int right, const char *what, long seen)
{
    if (!right) {
        printf("%s: saw %ld\n", what, seen);
        failures++;
    }
}

static long set(void *address, unsigned long length, int mode, const void *nodes, unsigned long most, unsigned flags)
{
    return syscall(SYS_mbind, address, length, mode, nodes, most, flags) ? errno : 0;
}

struct policy { int err, mode; unsigned long nodes[16]; };

static struct policy get(void *address, unsigned long flags)
{
    struct policy p;
    memset(&p, 0, sizeof p);
    p.err = syscall(SYS_get_mempolicy, &p.mode, p.nodes, 1024ul, address, flags) ? errno : 0;
    return p;
}

static long mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    long n = 0;
    for (int c; maps && (c = fgetc(maps)) != EOF;)
        n += c == '\n';
    if (maps)
        fclose(maps);
    return n;
}

struct pair { unsigned char *window, *twin; };

static void compare(struct pair p, const char *when, int n)
{
    for (int i = 0; i < mapped; i++) {
        struct policy mine = get(p.window + i * page, by_address), kernels = get(p.twin + i * page, by_address);
        if (memcmp(&mine, &kernels, sizeof mine)) {
            printf("%s %d, page %d: errno %d mode %x nodes %lx, the kernel says %d %x %lx\n", when, n, i, mine.err, mine.mode, mine.nodes[0], kernels.err, kernels.mode, kernels.nodes[0]);
            failures++;
            return;
        }
    }
}

/* The same question to both. */
static void ask(struct pair p, int n, long offset, unsigned long length, int mode, const void *nodes, unsigned long most, unsigned flags)
{
    long mine = set(p.window + offset, length, mode, nodes, most, flags), kernels = set(p.twin + offset, length, mode, nodes, most, flags);
    if (mine != kernels) {
        printf("case %d: errno %ld, the kernel says %ld\n", n, mine, kernels);
        failures++;
    }
    compare(p, "after case", n);
}

static void every_argument(struct pair p)
{
    static const unsigned long node0 = 1, none = 0, absent[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1ul << 63 };
    static const int modes[] = { by_default, preferred, bind_to, interleave, local, preferred_many, weighted, unknown, -1,
        bind_to | STATIC_NODES, bind_to | RELATIVE_NODES, bind_to | STATIC_NODES | RELATIVE_NODES, local | STATIC_NODES };
    static const unsigned flag_sets[] = { 0, strict, 8, 0x80000000u };
    const struct { const void *nodes; unsigned long most; } masks[] = { { &node0, 64 }, { &none, 64 }, { NULL, 0 }, { &node0, 0 }, { &node0, 1 }, { &node0, 2 }, { absent, 1024 }, { (void *)8, 64 }, { &node0, 1ul << 20 }, { &node0, ~0ul } };
    int n = 0;
    for (unsigned m = 0; m < sizeof modes / sizeof *modes; m++)
        for (unsigned k = 0; k < sizeof masks / sizeof *masks; k++)
            for (unsigned f = 0; f < sizeof flag_sets / sizeof *flag_sets; f++) {
                ask(p, n++, (m + k) % 40 * page, (1 + f % 3) * page, modes[m], masks[k].nodes, masks[k].most, flag_sets[f]);
                if (n % 7 == 0)
                    ask(p, n++, 0, mapped * page, by_default, NULL, 0, 0);
            }
    ask(p, n++, 1, page, bind_to, &node0, 64, 0);
    ask(p, n++, 0, 0, bind_to, &node0, 64, 0);
    ask(p, n++, 0, 5, bind_to, &node0, 64, 0);
    ask(p, n++, page, -(unsigned long)page, bind_to, &node0, 64, 0);
    ask(p, n++, 80 * page, 4 * page, interleave, &node0, 64, 0); /* beyond the end of the file */
    ask(p, n++, 10 * page, 4 * page, bind_to, &node0, 64, move);
    ask(p, n++, 10 * page, 4 * page, by_default, NULL, 0, strict | move);
    ask(p, n++, 0, mapped * page, by_default, NULL, 0, 0);
}

static void odd_questions(struct pair p)
{
    unsigned long nodes[16];
    int mode;
    struct policy a = get(p.window, by_address | by_node), b = get(p.twin, by_address | by_node);
    expect(a.err == b.err && a.mode == b.mode, "node of a page", a.err);
    a = get(p.window + 80 * page, by_address | by_node);
    expect(a.err == EFAULT, "node of a page beyond the end", a.err);
    a = get(p.window, 0);
    expect(a.err == EINVAL, "address without MPOL_F_ADDR", a.err);
    expect(syscall(SYS_get_mempolicy, &mode, nodes, 1024ul, p.window + 17, by_address) == 0, "address inside a page", errno);
    expect(syscall(SYS_get_mempolicy, (void *)8, nodes, 1024ul, p.window, by_address) == -1 && errno == EFAULT, "mode pointer", errno);
    expect(syscall(SYS_get_mempolicy, &mode, (void *)8, 1024ul, p.window, by_address) == -1 && errno == EFAULT, "nodes pointer", errno);
    errno = 0;
    expect(set(p.window, page, by_default, NULL, 0, 0) == 0 && errno == 0, "success leaves errno alone", errno);
}

/* A policy belongs to the file: every window shows it, a private page has one, and it costs no mapping. */
static void per_file(int fd, struct pair p)
{
    static const unsigned long node0 = 1;
    unsigned char *second = mmap(NULL, pages * page, PROT_READ, MAP_SHARED, fd, 0);
    expect(convert_range(fd, 20 * page, 8 * page, 8) == 0, "to private", errno);
    long before = mappings();
    for (int i = 0; i < pages; i += 2)
        expect(set(p.window + i * page, page, bind_to, &node0, 64, 0) == 0, "every second page", i);
    expect(mappings() == before, "mappings more", mappings() - before);
    for (int i = 0; i < pages; i++) {
        struct policy here = get(second + i * page, by_address);
        expect(here.err == 0 && here.mode == (i % 2 ? by_default : bind_to), "the other window, page", i);
        expect(readable(p.window + i * page) == !(i >= 20 && i < 28), "gated, page", i);
    }
    struct policy closed = get(p.window + 22 * page, by_address | by_node);
    expect(closed.err == EFAULT, "node of a private page", closed.err);
    munmap(second, pages * page);
    expect(get(p.window, by_address).mode == bind_to, "survives the window", 0);
    expect(convert_range(fd, 20 * page, 8 * page, 0) == 0, "to shared", errno);
    expect(get(p.window + 22 * page, by_address).mode == bind_to, "survives conversions", 0);
    expect(fallocate(fd, 3, 22 * page, page) == 0 && get(p.window + 22 * page, by_address).mode == bind_to, "survives a punched hole", 0);
    set(p.window, mapped * page, by_default, NULL, 0, 0);
    expect(get(p.window + 22 * page, by_address).mode == by_default, "default clears", 0);
}

/* MPOL_MF_STRICT with no node named: no page can lie right. Pages of a guest_memfd do not move, so asking to move them says EIO too. */
static void strictness(struct pair p)
{
    p.window[5 * page] = p.twin[5 * page] = 1;
    ask(p, 9001, 5 * page, page, local, NULL, 0, strict);
    expect(get(p.window + 5 * page, by_address).mode == by_default, "refused, yet set", 0);
    long moved = set(p.window + 5 * page, page, local, NULL, 0, strict | move);
    expect(moved == EIO, "strict and move", moved);
    expect(get(p.window + 5 * page, by_address).mode == local, "set although nothing moved", 0);
    expect(p.window[5 * page] == 1, "the byte", p.window[5 * page]);
    set(p.window, mapped * page, by_default, NULL, 0, 0);
}

/* One call over foreign memory, two windows and a hole. */
static void mixed_ranges(int fd)
{
    static const unsigned long node0 = 1;
    unsigned char *room = mmap(NULL, 40 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(room + 10 * page, 5 * page, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 30 * page);
    mmap(room + 20 * page, 5 * page, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 50 * page);
    expect(set(room + 5 * page, 18 * page, preferred, &node0, 64, 0) == 0, "mixed range", errno);
    for (int i = 0; i < 40; i++)
        expect(get(room + i * page, by_address).mode == (i >= 5 && i < 23 ? preferred : by_default), "mixed range, page", i);
    munmap(room + 30 * page, page);
    expect(set(room + 12 * page, 20 * page, interleave, &node0, 64, 0) == EFAULT, "hole", 0);
    expect(get(room + 12 * page, by_address).mode == preferred, "a hole changes nothing", get(room + 12 * page, by_address).mode);
    expect(set(room + 12 * page, 20 * page, unknown, &node0, 64, 0) == EINVAL, "arguments before addresses", 0);
    munmap(room, 40 * page);
}

int main(void)
{
    signal(SIGBUS, on_sigbus);
    int vm = ioctl(open("/dev/kvm", O_RDWR), CREATE_VM, 1ul), fd = vm < 0 ? -1 : create_file(vm, pages * page, 3);
    int twin = memfd_create("twin", 0);
    if (fd < 0 || twin < 0 || ftruncate(twin, pages * page) != 0) {
        printf("skipped: no guest_memfd with conversion here: %s\n", strerror(errno));
        return 77;
    }
    struct pair p = { mmap(NULL, mapped * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), mmap(NULL, mapped * page, PROT_READ | PROT_WRITE, MAP_SHARED, twin, 0) };
    if (get(p.twin, by_address).err == ENOSYS) {
        printf("skipped: this kernel knows no NUMA policy\n");
        return 77;
    }
    memset(p.window, 7, 8 * page);
    memset(p.twin, 7, 8 * page);
    compare(p, "at first", 0);
    every_argument(p);
    odd_questions(p);
    per_file(fd, p);
    strictness(p);
    mixed_ranges(fd);
    printf("policy: %d failures\n", failures);
    return failures != 0;
}
