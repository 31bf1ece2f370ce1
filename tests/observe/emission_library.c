/*
 * Makes events happen through the C interface: emission_test.sh has what the log must say. Under `gmem run`; the argument is the case. Exit 0; 1 with the line.
 */
#include "gmem/gmem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(condition)                                                                      \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            exit(1);                                                                          \
        }                                                                                     \
    } while (0)

enum { PAGE = 4096, PAGES = 8 };

static unsigned char source[PAGE] __attribute__((aligned(PAGE)));
static unsigned char *window;

static gmem_file *make(enum gmem_platform platform)
{
    gmem_file *g;
    void *at;
    CHECK(gmem_create_trusted(PAGES * PAGE, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, platform, "", &g) == 0);
    CHECK(gmem_map(g, 0, PAGES * PAGE, PROT_READ | PROT_WRITE, &at) == 0);
    window = at;
    window[0] = 1;
    return g;
}

static int add(gmem_launch *l, enum gmem_launch_page type, uint64_t page, uint64_t pages, void *from) { return gmem_launch_add(l, type, page * PAGE, pages * PAGE, from, NULL); }

static void tdx(void)
{
    gmem_launch *l;
    gmem_file *g = make(GMEM_TDX);
    CHECK(gmem_convert(g, 0, PAGES * PAGE, GMEM_PRIVATE, NULL) == 0);
    CHECK(gmem_launch_begin(g, NULL, &l) == 0 && gmem_launch_add_vcpu(l, NULL, 0) == 0);
    CHECK(add(l, GMEM_LAUNCH_MEASURED, 0, 2, NULL) == 0 && add(l, GMEM_LAUNCH_UNMEASURED, 2, 1, source) == 0);
    CHECK(add(l, GMEM_LAUNCH_MEASURED, 0, 1, NULL) == -EIO); /* it is in already */
    CHECK(gmem_launch_finish(l) == 0);
    gmem_launch_end(l);
}

static void snp(void)
{
    gmem_launch *l;
    gmem_file *g = make(GMEM_SNP), *other = make(GMEM_SNP);
    CHECK(gmem_convert(g, 0, PAGES * PAGE, GMEM_PRIVATE, NULL) == 0 && gmem_launch_begin(g, NULL, &l) == 0);
    source[0] = 65; /* entries: one more than a table has */
    CHECK(add(l, GMEM_LAUNCH_CPUID, 3, 1, source) == -EIO && add(l, GMEM_LAUNCH_ZERO, 4, 1, NULL) == 0);
    gmem_launch_end(l);
    gmem_finish_launch(g); /* without measurement */
    gmem_finish_launch(g);
    gmem_destroy(other);
}

/* A guest's accesses, and the host's. */
static void accesses(void)
{
    gmem_file *g = make(GMEM_PKVM);
    CHECK(gmem_convert(g, PAGE, 2 * PAGE, GMEM_PRIVATE, NULL) == 0);
    CHECK(gmem_guest_touch(g, 2 * PAGE) == 0 && gmem_guest_touch(g, 2 * PAGE) == 0 && gmem_guest_touch(g, 3 * PAGE) == 0);
    CHECK(gmem_host_access(g, 0, PAGES * PAGE, GMEM_READ, "a test") == -EHWPOISON);
    CHECK(gmem_convert(g, 2 * PAGE, PAGE, GMEM_SHARED, NULL) == 0 && gmem_convert(g, 2 * PAGE, PAGE, GMEM_PRIVATE, NULL) == 0);
    CHECK(gmem_guest_touch(g, 2 * PAGE) == -EHWPOISON);
}

static void policy(void)
{
    unsigned long node_0 = 1;
    gmem_file *g = make(GMEM_SW_PROTECTED);
    if (gmem_mbind(g, PAGE, 100, 1, &node_0, 8, 0) == -ENOSYS)
        exit(77);
    CHECK(gmem_mbind(g, 0, PAGE, 99, NULL, 0, 0) == -EINVAL);
    CHECK(gmem_unmap(window, PAGES * PAGE) == 0);
    gmem_destroy(g);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*body)(void); } cases[] = { { "library_tdx", tdx }, { "library_snp", snp }, { "library_accesses", accesses }, { "library_policy", policy } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i)
        if (argc == 2 && strcmp(argv[1], cases[i].name) == 0) {
            cases[i].body();
            printf("about=%d\n", getpid());
            return 0;
        }
    return 2;
}
