/*
 * The guest of a gmem that has no VM: its accesses with either side of a page, its page state changes, PVALIDATE, MapGPA, ACCEPT, MEM_SHARE, RSI_IPA_STATE_SET, as
 * calls of the library. An operation is one of gmem/guest_script.h; page n of the gmem is the guest's frame n. What KVM would hand to the VMM is handed to the
 * caller, who converts (gmem_convert()), or does not, and answers.
 */
#ifndef GMEM_GUEST_H
#define GMEM_GUEST_H

#include "gmem/gmem.h"
#include "gmem/guest_script.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One vCPU. Owned by the caller of gmem_guest_create(); one thread at a time, any. Holds on to the gmem. */
typedef struct gmem_guest gmem_guest;

/* -ENOMEM. */
int gmem_guest_create(gmem_file *g, gmem_guest **out);
/* NULL is allowed. */
void gmem_guest_destroy(gmem_guest *v);

enum gmem_guest_reason { /* the values of KVM_EXIT_* */
    GMEM_GUEST_DONE = 0,
    GMEM_GUEST_EXIT_IO = 2,
    GMEM_GUEST_EXIT_HYPERCALL = 3, /* KVM_HC_MAP_GPA_RANGE: arguments are gpa, pages, attributes (16: to private); pKVM: MEM_SHARE, MEM_UNSHARE with gpa and size */
    GMEM_GUEST_EXIT_HLT = 5,
    GMEM_GUEST_EXIT_MMIO = 6,      /* beyond the end of the gmem */
    GMEM_GUEST_EXIT_SHUTDOWN = 8,  /* the operation is none */
    GMEM_GUEST_EXIT_INTERNAL_ERROR = 17,
    GMEM_GUEST_EXIT_MEMORY_FAULT = 39, /* the side is not what the page is, or (CCA) RSI_IPA_STATE_SET asks */
};

struct gmem_guest_exit {
    uint32_t reason;       /* enum gmem_guest_reason */
    int32_t error;         /* what KVM_RUN would fail with: EFAULT and others of a memory fault, or 0 */
    uint64_t gpa, size;    /* bytes: of a memory fault; of MMIO */
    uint64_t flags;        /* of a memory fault: GMEM_PRIVATE when the access was private, else 0 */
    uint64_t nr;           /* of a hypercall, with its arguments */
    uint64_t arguments[6];
    uint64_t answer;       /* in: what the caller says to the hypercall of the exit before; 0: done. Of MMIO: the bytes */
};

/*
 * Executes *op. 0, with exit->reason: GMEM_GUEST_DONE, and op->status and op->result are written; or an exit. After HYPERCALL, MMIO, IO and the memory fault
 * of RSI_IPA_STATE_SET the next call, with the same op, answers it and goes on; after another memory fault the next call begins anew.
 * -EIO: KVM would give the VM up, and it stays so. -EAGAIN: the guest would fault for ever, and the host can do nothing about it. -EINVAL: JUMP and LOOP, which
 * are nothing without a script.
 */
int gmem_guest_do(gmem_guest *v, struct gmem_guest_op *op, struct gmem_guest_exit *exit);

#ifdef __cplusplus
}
#endif
#endif
