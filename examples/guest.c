#include "guest.h"

#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

extern const unsigned char guest_begin[], guest_end[];

enum { PRESENT_WRITABLE = 3, LARGE = 1 << 7 };

/* Long mode needs page tables: PML4 -> PDPT -> PD with 512 pages of 2 MiB. */
static void map_one_gigabyte(unsigned char *system)
{
    uint64_t *pml4 = (uint64_t *)(void *)(system + PAGE_TABLES);
    uint64_t *pdpt = (uint64_t *)(void *)(system + PAGE_TABLES + PAGE);
    uint64_t *pd = (uint64_t *)(void *)(system + 0x4000);
    pml4[0] = (PAGE_TABLES + PAGE) | PRESENT_WRITABLE;
    pdpt[0] = 0x4000 | PRESENT_WRITABLE;
    for (uint64_t i = 0; i < 512; ++i)
        pd[i] = i << 21 | LARGE | PRESENT_WRITABLE;
}

static int enter_long_mode(int vcpu)
{
    struct kvm_sregs s;
    if (ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
        return -1;
    s.cr3 = PAGE_TABLES;
    s.cr4 |= 1 << 5;                                 /* PAE */
    s.cr0 |= UINT64_C(1) << 31 | 1;                  /* PG, PE */
    s.efer |= 1 << 8 | 1 << 10;                      /* LME, LMA */
    struct kvm_segment code = { .base = 0, .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1 };
    struct kvm_segment data = code;
    data.selector = 16;
    data.type = 3;
    data.l = 0;
    data.db = 1;
    s.cs = code;
    s.ds = s.es = s.fs = s.gs = s.ss = data;
    return ioctl(vcpu, KVM_SET_SREGS, &s);
}

/* Runs until the guest leaves for a reason that is not a signal to us. */
static int run(struct guest *g)
{
    if (ioctl(g->vcpu, KVM_RUN, 0) < 0)
        return -1;
    return (int)g->run->exit_reason;
}

int guest_start(struct guest *g, int kvm)
{
    map_one_gigabyte(g->system);
    memcpy(g->system + CODE, guest_begin, (size_t)(guest_end - guest_begin));
    g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
    if (g->vcpu < 0)
        return -1;
    int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < 0)
        return -1;
    void *shared = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
    if (shared == MAP_FAILED)
        return -1;
    g->run = shared;
    struct kvm_regs r;
    memset(&r, 0, sizeof r);
    r.rip = CODE;
    r.rflags = 2;
    if (enter_long_mode(g->vcpu) < 0 || ioctl(g->vcpu, KVM_SET_REGS, &r) < 0)
        return -1;
    return run(g) == KVM_EXIT_IO ? 0 : -1;
}

int guest_do(struct guest *g, enum operation operation, uint64_t address, uint64_t length, uint64_t *result)
{
    volatile uint64_t *mailbox = (volatile uint64_t *)(void *)(g->system + MAILBOX);
    mailbox[0] = operation;
    mailbox[1] = address;
    mailbox[2] = length;
    int reason = run(g);
    if (reason == KVM_EXIT_IO && result)
        *result = mailbox[3];
    return reason;
}
