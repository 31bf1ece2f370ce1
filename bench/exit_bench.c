/*
 * Nanoseconds of a KVM_RUN that ends in an I/O exit: best and median of ROUNDS rounds. Knows the kernel's interface only; bench/run.sh
 * runs it plain and under `gmem run`, in turns.
 */
#include "guest.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

enum { SYSTEM = 2 << 20, ROUNDS = 201, EXITS = 500 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR);
    struct guest g;
    memset(&g, 0, sizeof g);
    g.vm = ioctl(kvm, KVM_CREATE_VM, 0);
    g.system = mmap(NULL, SYSTEM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region slot = { .memory_size = SYSTEM, .userspace_addr = (uintptr_t)g.system };
    if (g.vm < 0 || ioctl(g.vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0 || guest_start(&g, kvm) < 0) {
        perror("exit_bench: no guest");
        return 77;
    }
    static double rounds[ROUNDS];
    for (int r = 0; r < ROUNDS; ++r) {
        double begin = now();
        for (int i = 0; i < EXITS; ++i)
            if (ioctl(g.vcpu, KVM_RUN, 0) < 0)
                return 1;
        rounds[r] = (now() - begin) / EXITS;
    }
    qsort(rounds, ROUNDS, sizeof *rounds, ascending);
    printf("%.1f %.1f\n", rounds[0], rounds[ROUNDS / 2]);
    return 0;
}
