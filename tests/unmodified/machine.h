/* A guest of examples/ with all its memory in guest_memfds, for test programs that know the kernel's interface only. */
#ifndef GMEM_TESTS_MACHINE_H
#define GMEM_TESTS_MACHINE_H

#include "guest.h"
#include "guest_memfd_uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);     \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

enum { SIZE = 2 << 20, DATA = 16 << 20 };

struct machine {
    struct guest guest;
    int system; /* the guest_memfd of its first 2 MiB */
};

static int kvm;

static inline int create(int vm, uint64_t size, uint64_t flags)
{
    struct create_guest_memfd c = { .size = size, .flags = flags };
    int fd = ioctl(vm, CREATE_GUEST_MEMFD, &c);
    CHECK(fd >= 0);
    return fd;
}

static inline int set_slot(int vm, uint32_t slot, uint64_t gpa, uint64_t size, uint64_t address, int fd, uint64_t offset)
{
    struct memory_region2 r;
    memset(&r, 0, sizeof r);
    r.slot = slot;
    r.flags = size ? MEM_GUEST_MEMFD : 0;
    r.guest_phys_addr = gpa;
    r.memory_size = size;
    r.userspace_addr = address;
    r.guest_memfd = (uint32_t)fd;
    r.guest_memfd_offset = offset;
    return ioctl(vm, SET_USER_MEMORY_REGION2, &r);
}

static inline int convert(int fd, uint64_t offset, uint64_t size, uint64_t attributes)
{
    struct memory_attributes2 a;
    memset(&a, 0, sizeof a);
    a.offset = offset;
    a.size = size;
    a.attributes = attributes;
    return ioctl(fd, SET_MEMORY_ATTRIBUTES2, &a);
}

static inline void boot(struct machine *m)
{
    memset(m, 0, sizeof *m);
    m->guest.vm = ioctl(kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
    CHECK(m->guest.vm >= 0);
    m->system = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    m->guest.system = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m->system, 0);
    CHECK(m->guest.system != MAP_FAILED);
    CHECK(set_slot(m->guest.vm, 0, 0, SIZE, (uint64_t)(uintptr_t)m->guest.system, m->system, 0) == 0);
    CHECK(guest_start(&m->guest, kvm) == 0);
}

static inline uint64_t sum(struct machine *m, uint64_t gpa, uint64_t length)
{
    uint64_t answer = 0;
    CHECK(guest_do(&m->guest, GUEST_SUM, gpa, length, &answer) == KVM_EXIT_IO);
    return answer;
}

static inline void fill(struct machine *m, uint64_t gpa, uint64_t pages)
{
    uint64_t answer = 0;
    CHECK(guest_do(&m->guest, GUEST_FILL, gpa, pages, &answer) == KVM_EXIT_IO && answer == pages);
}

/* 0, or 77 with a line: no guest can run here. */
static inline int open_kvm(void)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm >= 0 && access("/dev/kvm", W_OK) == 0 && ioctl(kvm, KVM_CHECK_EXTENSION, 234) > 0)
        return 0;
    printf("skipped: no /dev/kvm with guest_memfd here, so no guest can run\n");
    return 77;
}

/* What the exit says, where the host's header has no name for it yet. */
struct memory_fault { uint64_t flags, gpa, size; };
enum { EXIT_MEMORY_FAULT = 39 };

static inline struct memory_fault memory_fault_of(struct machine *m)
{
    struct memory_fault f;
    memcpy(&f, &m->guest.run->hw, sizeof f);
    return f;
}

/* KVM_RUN failed as a memory fault does: EFAULT with a reason that is valid all the same. */
#define CHECK_MEMORY_FAULT(m, result, flags_, gpa_)                                                              \
    do {                                                                                                         \
        int result_of_run = (result);                                                                            \
        CHECK(result_of_run == -1 && errno == EFAULT && (m)->guest.run->exit_reason == EXIT_MEMORY_FAULT);       \
        struct memory_fault told = memory_fault_of(m);                                                           \
        CHECK(told.flags == (flags_) && told.gpa == (uint64_t)(gpa_) && told.size == PAGE);                      \
    } while (0)

#endif
