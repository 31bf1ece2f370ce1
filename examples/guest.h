/* The guest's memory layout, and how it is started and asked. */
#ifndef GUEST_H
#define GUEST_H

#include <stddef.h>
#include <stdint.h>

enum {
    PAGE = 4096,
    PAGE_TABLES = 0x1000, /* three pages: 1 GiB mapped one to one with 2 MiB pages */
    MAILBOX = 0x3000,
    CODE = 0x5000,
    PORT = 0x10,
};

enum operation { GUEST_SUM = 1, GUEST_FILL = 2, GUEST_LOAD = 3 };

struct guest {
    int vm, vcpu;
    struct kvm_run *run;
    unsigned char *system; /* host mapping of the guest's first pages */
};

/* Puts page tables and code into g->system, makes the vCPU, and runs it to its first question. 0 or -1 with errno. */
int guest_start(struct guest *g, int kvm);

/* Has the guest carry out one operation. Returns the exit reason: KVM_EXIT_IO when it is done (*result is its answer). -1: errno. */
int guest_do(struct guest *g, enum operation operation, uint64_t address, uint64_t length, uint64_t *result);

#endif
