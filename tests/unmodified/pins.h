/* What the programs about pins have in common: a guest_memfd with a window, and what it means that a page is held. */
#ifndef GMEM_TESTS_PINS_H
#define GMEM_TESTS_PINS_H

#include "tests/support/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);     \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

enum { PAGES = 64, PAGE = 4096 };

static int gmem_fd;
static unsigned char *window;

static inline unsigned char *at(int page) { return window + (size_t)page * PAGE; }

static inline void begin(void)
{
    int vm = ioctl(open("/dev/kvm", O_RDWR | O_CLOEXEC), CREATE_VM, 1ul);
    CHECK(vm >= 0);
    gmem_fd = create_file(vm, PAGES * PAGE, 3);
    CHECK(gmem_fd >= 0);
    window = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gmem_fd, 0);
    CHECK(window != MAP_FAILED);
    for (int page = 0; page < PAGES; page += 2) /* every other page is a hole */
        memset(at(page), page + 1, PAGE);
}

/* 0: [first, first + pages) became private and is shared again. Otherwise the page that the kernel named; -1: another error. */
static inline int held_at(int first, int pages)
{
    struct memory_attributes2 a;
    memset(&a, 0, sizeof a);
    a.offset = (uint64_t)first * PAGE;
    a.size = (uint64_t)pages * PAGE;
    a.attributes = 8;
    a.error_offset = 12345;
    if (ioctl(gmem_fd, SET_ATTRIBUTES2, &a) == 0) {
        CHECK(convert_range(gmem_fd, (uint64_t)first * PAGE, (uint64_t)pages * PAGE, 0) == 0);
        return 0;
    }
    return errno == EAGAIN && a.error_offset % PAGE == 0 ? (int)(a.error_offset / PAGE) : -1;
}

/* Exactly [first, first + pages) is held: EAGAIN at its first page and nothing changed; each page alone; all others are free. */
static inline void expect_held(int first, int pages)
{
    CHECK(first > 0 && first + pages < PAGES);
    CHECK(held_at(0, PAGES) == first);
    volatile unsigned char *byte = at(first - 1);
    (void)*byte; /* still shared: no SIGBUS */
    CHECK(held_at(first + pages, PAGES - first - pages) == 0);
    for (int page = first - 1; page <= first + pages; ++page)
        CHECK(held_at(page, 1) == (page >= first && page < first + pages ? page : 0));
}
static inline void expect_free(void) { CHECK(held_at(0, PAGES) == 0); }

#endif
