/*
 * Arm CCA on x86: the one operation of a realm's launch that KVM's x86 interface has no number for. Under `gmem run --platform=cca` every VM with
 * private memory takes it; it follows KVM_ARM_RMI_POPULATE of the proposed arm64 interface (docs/launch.md).
 */
#ifndef GMEM_REALM_H
#define GMEM_REALM_H

#include <linux/ioctl.h>
#include <stdint.h>

struct gmem_realm_populate {
    uint64_t base;         /* IPA, bytes, page aligned; in and out: what is left */
    uint64_t size;         /* bytes, page aligned, not 0; in and out */
    uint64_t source_uaddr; /* page aligned; in and out. 0: EOPNOTSUPP, because the RMM copies from another granule */
    uint32_t flags;        /* GMEM_REALM_MEASURE or 0 */
    uint32_t reserved;     /* 0 */
};

#define GMEM_REALM_MEASURE 1u

/* On a VM. 0, also when only a part was done. EINVAL, EFAULT, EINTR, EOPNOTSUPP; ENXIO: the RMM refuses; ENOTTY: the VM is no realm. */
#define GMEM_REALM_POPULATE _IOWR(0xAE, 0xf0, struct gmem_realm_populate)

#endif
