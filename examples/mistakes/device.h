/*
 * A virtual network card in little: the part of a VMM that the mistakes of this folder are made in. The guest's memory is one guest_memfd, shared when it
 * begins; descriptors in its first page say where buffers are. The kernel's interface and libc, nothing else.
 */
#ifndef MISTAKES_DEVICE_H
#define MISTAKES_DEVICE_H

#include "guest_memfd_uapi.h"

#include <stddef.h>

enum { PAGE = 4096, RING_ENTRIES = 16, GUEST_GPA = 0x100000 };
#define GUEST_SIZE (UINT64_C(4) << 20)

struct descriptor {
    uint64_t offset; /* of the buffer, in the guest's memory */
    uint32_t length, done;
};

struct machine {
    int kvm, vm, memory;
    unsigned char *window;   /* of all of the guest's memory */
    struct descriptor *ring; /* its first page */
};

struct machine make_machine(int type);
void bind_memory(struct machine *m, void *userspace_addr);

/* As the guest asked: EAGAIN is tried again, for somebody may just be using a page. 0, or -1 and errno. */
int make_private(struct machine *m, uint64_t offset, uint64_t size);
int make_shared(struct machine *m, uint64_t offset, uint64_t size);

/* What the guest puts in front of the card. */
void guest_posts(struct machine *m, unsigned entry, uint64_t offset, uint32_t length);

_Noreturn void give_up(const char *what);

#endif
