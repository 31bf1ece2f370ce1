/*
 * Arm CCA on x86: what of a realm's launch KVM's x86 interface has no number for. Under `gmem run --platform=cca` every VM with
 * private memory takes it; GMEM_REALM_POPULATE follows KVM_ARM_RMI_POPULATE of the proposed arm64 interface (docs/launch.md).
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

/* What RMI_REALM_CREATE measures. RMM specification 1.0, RmiRealmParams. */
struct gmem_realm_parameters {
    uint64_t flags;       /* RmiRealmFlags */
    uint8_t s2sz;         /* bits of the realm's address space: 32 to 52 */
    uint8_t sve_vl;       /* encoded vector length */
    uint8_t num_bps;      /* breakpoints */
    uint8_t num_wps;      /* watchpoints */
    uint8_t pmu_num_ctrs; /* counters */
    uint8_t hash_algo;    /* GMEM_REALM_SHA256 or GMEM_REALM_SHA512: RmiHashAlgorithm */
    uint8_t reserved[2];  /* 0 */
};

#define GMEM_REALM_SHA256 0u
#define GMEM_REALM_SHA512 1u

/* On a VM, before anything else of the realm: without it the realm has 48 address bits, SHA-256, everything else 0. EINVAL: a hash or a reserved byte that does
   not exist; EFAULT; ENXIO: the RMM refuses (address bits), or there is a realm already; ENOTTY: the VM is no realm. */
#define GMEM_REALM_CREATE _IOW(0xAE, 0xf1, struct gmem_realm_parameters)

/* A vCPU (REC) as RMI_REC_CREATE measures it. RMM specification 1.0, RmiRecParams. */
struct gmem_realm_rec {
    uint64_t flags;   /* GMEM_REALM_RUNNABLE or 0: then it is not measured */
    uint64_t pc;
    uint64_t gprs[8]; /* x0 to x7 */
};

#define GMEM_REALM_RUNNABLE 1u

/* On a vCPU, once (EINVAL), before the realm first runs (ENXIO): KVM_ARM_VCPU_FINALIZE of the proposal. A vCPU without it runs and is not measured. EINVAL: flags;
   EFAULT; ENOTTY: the VM is no realm. */
#define GMEM_REALM_REC_CREATE _IOW(0xAE, 0xf2, struct gmem_realm_rec)

/* On a VM. 0, also when only a part was done. EINVAL, EFAULT, EINTR, EOPNOTSUPP; ENXIO: the RMM refuses; ENOTTY: the VM is no realm. */
#define GMEM_REALM_POPULATE _IOWR(0xAE, 0xf0, struct gmem_realm_populate)

#endif
