/* What the programs of this folder have in common. Plain C, the kernel's interface and libc. */
#ifndef GMEM_TESTS_PROGRAM_H
#define GMEM_TESTS_PROGRAM_H

#include "tests/support/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            _exit(1);                                                           \
        }                                                                       \
    } while (0)

static inline int vm_or_skip(void)
{
    int vm = ioctl(open("/dev/kvm", O_RDWR), CREATE_VM, 1ul);
    if (vm < 0) {
        printf("skipped: no VM with private memory here: %s\n", strerror(errno));
        exit(77);
    }
    return vm;
}

/* A system call that no library sees. */
static inline long bare(long nr, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

#endif
