/*
 * Every second 4 KiB page of a large guest_memfd private: no limit on mappings is met, shared pages keep their bytes, private ones are
 * closed. interleaved MEBIBYTES. Exit 0, 1 with the page, 77 when the host cannot do it.
 */
#include "tests/support/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static sigjmp_buf escape;

static void on_sigbus(int number)
{
    (void)number;
    siglongjmp(escape, 1);
}

static int probe(const volatile unsigned char *p) { return sigsetjmp(escape, 1) ? -1 : *p; }

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

int main(int argc, char **argv)
{
    uint64_t pages = (argc > 1 ? strtoull(argv[1], NULL, 10) : 64) * 256;
    signal(SIGBUS, on_sigbus);
    int vm = ioctl(open("/dev/kvm", O_RDWR), CREATE_VM, 1ul);
    int fd = vm < 0 ? -1 : create_file(vm, pages * 4096, 3);
    if (fd < 0) {
        printf("skipped: no guest_memfd with conversion here: %s\n", strerror(errno));
        return 77;
    }
    unsigned char *window = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    time_t begin = time(NULL);
    for (uint64_t p = 0; p < pages; p += 64) /* sparse: most pages are never allocated */
        window[p * 4096] = (unsigned char)(p / 64);
    for (uint64_t p = 1; p < pages; p += 2)
        if (convert_range(fd, p * 4096, 4096, 8) != 0) {
            printf("page %llu: conversion failed: %s\n", (unsigned long long)p, strerror(errno));
            return 1;
        }
    long most = mappings();
    uint64_t stride = pages > 1 << 16 ? 61 : 1;
    for (uint64_t p = 0; p < pages; p += stride) {
        int seen = probe(window + p * 4096), must = p % 2 ? -1 : p % 64 ? 0 : (unsigned char)(p / 64);
        if (seen != must) {
            printf("page %llu: expected %d, saw %d\n", (unsigned long long)p, must, seen);
            return 1;
        }
    }
    if (convert_range(fd, 0, pages * 4096, 0) != 0 || probe(window + 4096) != 0 || probe(window + 64 * 4096) != 1) {
        printf("after converting all back: %s\n", strerror(errno));
        return 1;
    }
    printf("interleaved: %llu MiB, %llu private pages, %ld mappings, %ld s\n", (unsigned long long)(pages / 256), (unsigned long long)(pages / 2), most, (long)(time(NULL) - begin));
    return 0;
}
