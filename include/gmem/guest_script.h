/*
 * The instruction set of gmem's scripted vCPU: what its guest's "machine code" consists of.
 *
 * Under `gmem run --vcpu=scripted -- VMM` a vCPU executes no machine code of a processor. At its instruction pointer lie operations of this
 * header, 64 bytes each, in guest memory. The VMM uses KVM's ioctls and nothing of gmem's: it writes a list of operations where guest memory
 * is mapped, sets `rip` (KVM_SET_REGS) to the guest physical address of the first, and calls KVM_RUN. docs/scripted-vcpu.md tells the rules.
 *
 * An operation that is done has its `result` and `status` written into it (registers: rax and rdx), and the next one follows 64 bytes behind it.
 * `status` is what the guest would see: 0, or the vendor's own code, or an exception of the guest (GMEM_GUEST_EXCEPTION).
 * Numbers are those of the machine (little endian); addresses and sizes are bytes of guest physical memory.
 */
#ifndef GMEM_GUEST_SCRIPT_H
#define GMEM_GUEST_SCRIPT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gmem_guest_op {
    uint32_t opcode; /* enum gmem_guest_opcode */
    uint32_t flags;  /* enum gmem_guest_flag; others must be 0 */
    uint64_t gpa;    /* without C-bit or shared bit: the flags say which side is meant */
    uint64_t size;
    uint64_t value;
    uint64_t extra;
    uint64_t result; /* out */
    uint64_t status; /* out */
    uint64_t reserved; /* 0 */
};

/* Which side an access is on. 0: shared (C-bit clear, shared bit set, upper half of the addresses). */
enum gmem_guest_flag {
    GMEM_GUEST_PRIVATE = 1, /* C-bit set, shared bit clear, lower half; of a request: to private */
    GMEM_GUEST_EITHER = 2,  /* the access counts as what the page is now: a guest of KVM_X86_SW_PROTECTED_VM, which has no such bit */
    GMEM_GUEST_RESCIND = 4, /* PVALIDATE: clears Validated */
    GMEM_GUEST_DESTROYED_TOO = 4, /* RSI_IPA_STATE_SET: also what the host has destroyed */
    GMEM_GUEST_HUGE = 8,    /* PVALIDATE, RMPADJUST, TD_ACCEPT: 2 MiB */
};

/*
 * The columns: what the fields mean. Fields that are not named must be 0. Where the VM's platform is not the operation's: GMEM_GUEST_UNDEFINED.
 */
enum gmem_guest_opcode {
    /* Accesses; the flags say the side. 1, 2, 4 or 8 bytes that do not cross a page. */
    GMEM_GUEST_LOAD = 1,  /* gpa, size. result: the bytes */
    GMEM_GUEST_STORE = 2, /* gpa, size, value */
    /* Ranges of 64-bit words, across pages; gpa and size are multiples of 8. */
    GMEM_GUEST_FILL = 3,  /* gpa, size, value: every word. result: size */
    GMEM_GUEST_CHECK = 4, /* gpa, size, value. result: bytes before the first word that differs; size where none does */

    /* Of the vCPU itself. */
    GMEM_GUEST_HALT = 16,   /* KVM_EXIT_HLT */
    GMEM_GUEST_IO_OUT = 17, /* gpa: port, size: 1, 2 or 4, value. KVM_EXIT_IO */
    GMEM_GUEST_IO_IN = 18,  /* gpa: port, size. result: what the VMM answered */
    GMEM_GUEST_JUMP = 19,   /* gpa: of the operation that is next */
    GMEM_GUEST_LOOP = 20,   /* gpa, value: jumps value - 1 times, counting in its own `result`, then goes on and is fresh again */

    /* Requests that the VMM answers; flag PRIVATE says the direction. */
    GMEM_GUEST_MAP_GPA_RANGE = 32, /* gpa, size: pages, value: attributes, as KVM_HC_MAP_GPA_RANGE. result: RAX, KVM's errors negative */
    GMEM_GUEST_PSC_MSR = 33,       /* SNP. value: the GHCB MSR as the guest writes it (request 0x014). result: as it reads it (0x015) */
    GMEM_GUEST_PSC_NAE = 34,       /* SNP. gpa: of struct gmem_guest_psc, on a shared page. status: SW_EXITINFO2 */
    GMEM_GUEST_TD_MAPGPA = 35,     /* TDX. gpa, size: TDG.VP.VMCALL<MapGPA>. status: R10, result: R11 */
    GMEM_GUEST_MEM_SHARE = 36,     /* pKVM. gpa, value and extra: the call's arguments 2 and 3, must be 0. status: SMCCC's */
    GMEM_GUEST_MEM_UNSHARE = 37,
    GMEM_GUEST_MEM_RELINQUISH = 38, /* no exit */
    GMEM_GUEST_RSI_IPA_STATE_SET = 39, /* CCA. gpa: base, value: top; PRIVATE: RAM, else EMPTY. status: RSI's. result: the new base; bit 0: the host rejected */

    /* What the guest does to its own pages; no exit. */
    GMEM_GUEST_PVALIDATE = 48, /* SNP. gpa. status: EAX, result: carry */
    GMEM_GUEST_RMPADJUST = 49, /* SNP. gpa, value: RDX: target VMPL in bits 7:0, permissions 15:8, VMSA 16. status: EAX */
    GMEM_GUEST_TD_ACCEPT = 50, /* TDX. gpa. status: RAX of TDG.MEM.PAGE.ACCEPT */
};

/* `status` of an operation that ended in an exception inside the guest. Vendors' codes never begin with 0x6e. */
#define GMEM_GUEST_EXCEPTION UINT64_C(0x6e00000000000000)
enum gmem_guest_exception {
    GMEM_GUEST_UD = 6,    /* the operation is none of this platform */
    GMEM_GUEST_GP = 13,   /* x86: #GP */
    GMEM_GUEST_VE = 20,   /* TDX: #VE */
    GMEM_GUEST_VC = 29,   /* SNP: #VC 0x404, the page is not validated */
    GMEM_GUEST_ABORT = 64 /* arm64: a synchronous external abort or data abort */
};
#define GMEM_GUEST_UNDEFINED (GMEM_GUEST_EXCEPTION + GMEM_GUEST_UD)

/* The page state change structure of the GHCB protocol (NAE event 0x80000010), as the guest lays it out. */
enum { GMEM_GUEST_PSC_ENTRIES = 253 };
struct gmem_guest_psc {
    uint16_t cur_entry, end_entry; /* end_entry is the last one's index */
    uint32_t reserved;
    uint64_t entries[GMEM_GUEST_PSC_ENTRIES]; /* GMEM_GUEST_PSC_ENTRY() */
};
/* operation: 1 private, 2 shared; huge: 2 MiB. Bits 11:0 count the 4 KiB pages that are done. */
#define GMEM_GUEST_PSC_ENTRY(gpa, operation, huge) \
    (((uint64_t)(gpa) & UINT64_C(0x000ffffffffff000)) | (uint64_t)(operation) << 52 | (uint64_t)(huge) << 56)

#ifdef __cplusplus
}
static_assert(sizeof(struct gmem_guest_op) == 64 && sizeof(struct gmem_guest_psc) == 2032);
#endif

#endif
