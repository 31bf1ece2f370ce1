/*
 * A device model that links libgmem and asks what its access would meet. host_access_asked PLATFORM OPTIONS read|write [nearly]; prints what gmem_host_access() says. Exit 0; 1 with the line.
 */
#include "gmem/gmem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                      \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            exit(1);                                                                          \
        }                                                                                     \
    } while (0)

enum { PAGE = 4096, PAGES = 4 };

static volatile int kept; /* a call before a return is no jump */

__attribute__((noinline, noclone)) static int device_copies(gmem_file *g, enum gmem_access how)
{
    int result = gmem_host_access(g, 0, PAGES * PAGE, how, "the device's copy"); /* here: asked */
    kept += result;
    return result;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; enum gmem_platform platform; } platforms[] = { { "snp", GMEM_SNP }, { "tdx", GMEM_TDX }, { "pkvm", GMEM_PKVM }, { "cca", GMEM_CCA } };
    gmem_file *g = NULL;
    CHECK(argc >= 4);
    for (size_t i = 0; i < sizeof platforms / sizeof platforms[0]; ++i)
        if (strcmp(argv[1], platforms[i].name) == 0)
            CHECK(gmem_create_trusted(PAGES * PAGE, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, platforms[i].platform, argv[2], &g) == 0);
    CHECK(g);
    gmem_finish_launch(g);
    CHECK(gmem_convert(g, PAGE, 2 * PAGE, GMEM_PRIVATE, NULL) == 0);
    if (argc == 4)
        CHECK(gmem_guest_accept(g, 2 * PAGE) == 0);
    unsigned char byte = 7;
    if (argc == 4)
        CHECK(gmem_guest_write(g, 2 * PAGE, &byte, 1) == 0);
    printf("%d\n", device_copies(g, strcmp(argv[3], "write") == 0 ? GMEM_WRITE : GMEM_READ));
    gmem_destroy(g);
    return 0;
}
