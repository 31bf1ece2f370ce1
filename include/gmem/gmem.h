/*
 * gmem: guest_memfd with in-place shared/private conversion, in userspace.
 *
 * The C interface, for tests and device models that do not go through KVM ioctls. A program written against the
 * kernel's interface does not need this header: it runs under `gmem run -- PROGRAM`.
 *
 * Conventions
 *   - Functions that can fail return 0 (or a count) on success and a negative errno on failure; nothing changes on failure.
 *   - Offsets and sizes are in bytes. "Page" is 4096 bytes.
 *   - Every function may be called from any thread. None may be called from a signal handler.
 *   - A gmem lives until gmem_destroy() AND until the last window on it is unmapped.
 *   - This is a development tool, not a security boundary: see docs/limits.md.
 */
#ifndef GMEM_GMEM_H
#define GMEM_GMEM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GMEM_VERSION_MAJOR 0
#define GMEM_VERSION_MINOR 1
#define GMEM_VERSION_PATCH 0

/* One guest_memfd. Owned by the caller of gmem_create(). */
typedef struct gmem_file gmem_file;

enum gmem_attribute {
    GMEM_SHARED = 0,  /* host and guest may access the page */
    GMEM_PRIVATE = 8, /* guest only; the value of KVM_MEMORY_ATTRIBUTE_PRIVATE */
};

/* Flags of gmem_create(): the values of GUEST_MEMFD_FLAG_*. */
enum gmem_create_flags {
    GMEM_FLAG_MMAP = 1,        /* gmem_map() is allowed (else -ENODEV) */
    GMEM_FLAG_INIT_SHARED = 2, /* pages start shared; without it they start private */
};

/* How a page of a window is opened: see docs/windows.md. */
enum gmem_window_opening {
    GMEM_OPENING_AUTOMATIC = 0,
    GMEM_OPENING_INSTALLED = 1,
    GMEM_OPENING_NATIVE = 2,
};

struct gmem_stats {
    uint64_t size;                  /* bytes */
    uint64_t allocated;             /* bytes held in memory now */
    uint64_t private_bytes;         /* bytes whose attribute is private now */
    uint64_t windows;               /* host windows of this process on this gmem */
    uint64_t conversions_to_shared; /* conversions that changed something */
    uint64_t conversions_to_private;
    uint64_t conversions_unchanged; /* requests whose pages all had the attribute already */
    uint64_t conversions_failed;    /* EAGAIN and ENOMEM */
    uint64_t recoveries;            /* shared pages re-opened after the kernel dropped their PTE */
    uint64_t punched;               /* punch hole calls */
    uint64_t pins;                  /* pins of all processes now */
    char engine[16];                /* "userfaultfd" or "overlay" */
    char opening[16];               /* "installed" or "native": the policy in force */
    uint64_t huge_bytes;            /* bytes in huge pages of 2 MiB (GMEM_HUGEPAGES=on) */
    uint64_t held_bytes;            /* of them punched: they read as zero, their memory returns with the last of their 2 MiB */
    uint64_t extents_kept_small;    /* times that the kernel could not make a huge page */
};

/* "0.1.0" */
const char *gmem_version(void);

/*
 * Creates a gmem of `size` bytes (> 0, a multiple of 4096; -EINVAL) with `flags` of enum gmem_create_flags (others: -EINVAL).
 * -ENOMEM, -EMFILE, -ENOSYS (the host offers no way to gate a window: `gmem doctor` says why).
 */
int gmem_create(uint64_t size, uint64_t flags, gmem_file **out);

/* The trusted sides that are modelled: docs/platforms.md. */
enum gmem_platform {
    GMEM_SW_PROTECTED = 0, /* nothing is hidden from the host, no records: what gmem_create() makes */
    GMEM_SNP = 1,          /* AMD SEV-SNP: SNP firmware ABI; AMD APM volume 2, 15.36 */
    GMEM_TDX = 2,          /* Intel TDX: module ABI 1.5 */
    GMEM_PKVM = 3,         /* Android's pKVM: arch/arm64/kvm/hyp/nvhe/mem_protect.c */
    GMEM_CCA = 4,          /* Arm CCA: RMM specification 1.0 */
};

/*
 * gmem_create() with a platform that holds the guest's pages, as a VM's guest_memfd has it. The guest of such a file has page n at frame n. `options`:
 * words of `gmem run --platform-option`, NAME=VALUE with commas in between; NULL: the environment's. -EINVAL: an unknown word or platform.
 * A file of SNP, TDX and CCA is being launched until gmem_finish_launch(); the others have no launch.
 */
int gmem_create_trusted(uint64_t size, uint64_t flags, enum gmem_platform platform, const char *options, gmem_file **out);

/* The launch has ended (SNP_LAUNCH_FINISH, TDH.MR.FINALIZE, RMI_REALM_ACTIVATE), for all processes, and nothing was measured. Twice is once. */
void gmem_finish_launch(gmem_file *g);

/*
 * The launch of a guest, and its measurement: what KVM's ioctls do for a VM (docs/launch.md). Pages and vCPUs are measured in the order in which they are
 * added, as SNP_LAUNCH_UPDATE (SNP firmware ABI), TDH.MEM.PAGE.ADD and TDH.MR.EXTEND (TDX module ABI), RMI_DATA_CREATE and RMI_REC_CREATE (RMM
 * specification 1.0) do. Owned by the caller of gmem_launch_begin(); of the process that began it, any thread.
 */
typedef struct gmem_launch gmem_launch;
struct gmem_realm_parameters; /* gmem/realm.h */

/*
 * For a gmem of SNP, TDX or CCA whose launch has not ended: else -EINVAL. `realm`: of CCA only, what RMI_REALM_CREATE measures; NULL: 48 address bits, SHA-256,
 * everything else 0. -EINVAL: not so; -ENXIO: the RMM refuses. -ENOMEM.
 */
int gmem_launch_begin(gmem_file *g, const struct gmem_realm_parameters *realm, gmem_launch **out);

enum gmem_launch_page {
    GMEM_LAUNCH_MEASURED = 0,   /* address and contents: SNP NORMAL, TDX and CCA with MEASURE */
    GMEM_LAUNCH_UNMEASURED = 1, /* the address: SNP UNMEASURED, TDX and CCA without MEASURE */
    GMEM_LAUNCH_ZERO = 2,       /* SNP only, as the next two; the address */
    GMEM_LAUNCH_SECRETS = 3,    /* the firmware fills it in */
    GMEM_LAUNCH_CPUID = 4,      /* a table that the firmware checks: -EIO when it had to correct it, in place and in `source` */
};

/*
 * Adds [offset, offset + size) in ascending order: page n is the guest's frame n. Page aligned, not empty, inside the file, private: else -EINVAL. `source`:
 * page aligned memory (-EINVAL, -EFAULT) of `size` bytes that is copied in; NULL: the bytes that are there. *done (may be NULL) receives the bytes of the
 * pages that were added before the one that failed, also on success.
 *   -EINVAL      also: a type that the platform has not, the launch has ended, TDX without a vCPU
 *   -EEXIST      SNP: a page is the guest's already
 *   -EIO         SNP, TDX: the firmware refuses
 *   -ENXIO       CCA: the RMM refuses
 *   -EOPNOTSUPP  CCA without source: the RMM copies from another granule
 *   -ENOMEM
 */
int gmem_launch_add(gmem_launch *l, enum gmem_launch_page type, uint64_t offset, uint64_t size, void *source, uint64_t *done);

/*
 * Adds a vCPU. `state` and its size in bytes (others: -EINVAL): SNP its VMSA, 4096, measured at 0xfffffffff000 (KVM adds them last); CCA a struct gmem_realm_rec
 * (gmem/realm.h), measured when it is runnable; TDX NULL and 0, not measured, and one is needed before the first page. -EIO, -ENXIO, -ENOMEM, and
 * -EINVAL after the end.
 */
int gmem_launch_add_vcpu(gmem_launch *l, const void *state, size_t size);

/* SNP_LAUNCH_FINISH (without ID block), TDH.MR.FINALIZE, RMI_REALM_ACTIVATE; for all processes. -EINVAL: ended already; -EIO: the firmware refuses (TDX: no vCPU). */
int gmem_launch_finish(gmem_launch *l);

/*
 * The measurement of what has been added so far; final after gmem_launch_finish(): launch digest (SNP) and MRTD (TDX) of 48 bytes, realm initial measurement (CCA)
 * of 32 or 64. Copies at most `size` bytes of it to `digest` and returns its length in bytes.
 */
int gmem_launch_measurement(gmem_launch *l, void *digest, size_t size);

/* Gives the handle back: a launch that has not ended goes on without measurement. NULL is allowed. */
void gmem_launch_end(gmem_launch *l);

/* Gives the handle back. Memory goes when the last window is unmapped. NULL is allowed. */
void gmem_destroy(gmem_file *g);

/*
 * Maps [offset, offset + length) as a host window: shared pages can be read and written, private ones raise SIGBUS
 * (EFAULT from system calls). `length` > 0; `offset` a multiple of 4096; past the end of the file SIGBUS.
 * `protection` as for mmap, without PROT_EXEC (-EPERM). *address receives the start, page aligned.
 */
int gmem_map(gmem_file *g, uint64_t offset, size_t length, int protection, void **address);

/* Unmaps windows, whole or in part. `address` is page aligned. -EINVAL when it is no window of a gmem. */
int gmem_unmap(void *address, size_t length);

/*
 * Sets the attribute of [offset, offset + size), all or nothing. Page aligned, non-empty, inside the file: else -EINVAL.
 * On -EAGAIN and -ENOMEM *error_offset (may be NULL) receives the first offending byte; otherwise it is left alone.
 */
int gmem_convert(gmem_file *g, uint64_t offset, uint64_t size, enum gmem_attribute to, uint64_t *error_offset);

/*
 * The same with the `flags` that the version of the proposal in force has (GMEM_UAPI; docs/profiles.md): ZERO 1, PRESERVE 2, ENCRYPTED 4. -EINVAL for
 * others: mainline has none. -EOPNOTSUPP with *error_offset = offset where the platform cannot keep the promise.
 */
int gmem_convert_with(gmem_file *g, uint64_t offset, uint64_t size, enum gmem_attribute to, uint64_t flags, uint64_t *error_offset);

/*
 * A new descriptor of the gmem, close-on-exec, to be passed to another process (SCM_RIGHTS, or inherited): it can be imported there and
 * is good for nothing else. The caller closes it. -EMFILE.
 */
int gmem_export(const gmem_file *g);

/*
 * The gmem behind a descriptor that another process exported; one that this process has already is found again. The descriptor stays
 * the caller's. -EBADF: not a gmem. -EACCES: another user's. -ENOMEM.
 */
int gmem_import(int fd, gmem_file **out);

/*
 * Holds [offset, offset + size), as a device or a ring would: until gmem_unpin() with the same range by the same process, or its end, a
 * conversion to private of any of these pages is -EAGAIN. All pages must be shared (-EFAULT). Page aligned, inside the file (-EINVAL).
 * Pins add up: each needs its own gmem_unpin(), -EINVAL when there is none. -ENOMEM: too many. A page that is punched is not held any
 * more: its successor is another page.
 */
int gmem_pin(gmem_file *g, uint64_t offset, uint64_t size);
int gmem_unpin(gmem_file *g, uint64_t offset, uint64_t size);

/* The attribute of the page that holds byte `offset`, or -EINVAL. Lock-free. */
int gmem_attribute_at(const gmem_file *g, uint64_t offset);

/* fallocate(KEEP_SIZE) and fallocate(KEEP_SIZE | PUNCH_HOLE) as on a guest_memfd. */
int gmem_allocate(gmem_file *g, uint64_t offset, uint64_t size);
int gmem_punch(gmem_file *g, uint64_t offset, uint64_t size);

/*
 * NUMA policy of [offset, offset + size), as mbind() sets it on a window: consulted whenever a page is allocated; pages that exist
 * never move. `offset` page aligned; modes, nodes and flags as for mbind(2), with its errnos. gmem_get_mempolicy() answers as
 * get_mempolicy(MPOL_F_ADDR): MPOL_DEFAULT where nothing was set.
 */
int gmem_mbind(gmem_file *g, uint64_t offset, uint64_t size, int mode, const unsigned long *nodes, unsigned long most_nodes, unsigned flags);
int gmem_get_mempolicy(gmem_file *g, uint64_t offset, int *mode, unsigned long *nodes, unsigned long most_nodes);

/*
 * What the guest would read and write: private and shared pages alike. -EINVAL outside the file. A private page of a platform becomes the guest's
 * first, and is accepted; where that fails, the errno of gmem_guest_touch(), and pages before it have been read or written.
 */
int gmem_guest_read(gmem_file *g, uint64_t offset, void *buffer, size_t size);
int gmem_guest_write(gmem_file *g, uint64_t offset, const void *buffer, size_t size);

/*
 * The guest's first use of the page at `offset`, without acceptance: KVM's fault path. Nothing for a shared page. -EINVAL: outside the file. As KVM
 * answers: -EIO (TDX before the end of the launch), -EHWPOISON (pKVM: the host took the page from the guest), -ENXIO (CCA), -ENOMEM.
 */
int gmem_guest_touch(gmem_file *g, uint64_t offset);

/* The same, and the guest accepts the page: PVALIDATE, TDG.MEM.PAGE.ACCEPT, RSI_IPA_STATE_SET to RAM. */
int gmem_guest_accept(gmem_file *g, uint64_t offset);

/*
 * The guest asks for [offset, offset + size) to become shared or private, by its platform's call. pKVM remembers it until a conversion answers it
 * (MEM_SHARE, MEM_UNSHARE: docs/platforms.md says what an unasked conversion is); for the others it is nothing. -EINVAL as gmem_convert().
 */
int gmem_guest_request(gmem_file *g, uint64_t offset, uint64_t size, enum gmem_attribute to);

/* Host accesses that no window gates: the kernel's through its direct map, a device's. */
enum gmem_access { GMEM_READ = 0, GMEM_WRITE = 1 };

/*
 * What would such an access to [offset, offset + size) meet? Nothing is accessed and nothing changes. 0: nothing that anybody sees (a read of
 * ciphertext included). Else one line on standard error names the first page, its state, the fault, what comes of it and the call `by` that made
 * the access, and the result is
 *   -EFAULT      the access faults, and kernel mode does not survive: SNP #PF with the RMP bit (write), CCA GPF, pKVM with pkvm-bad-access=panic
 *   -EHWPOISON   the host goes on and somebody has lost the page: pKVM stage-2 abort, TDX #MC (write; read of what is poisoned)
 *   -EINVAL      outside the file
 */
int gmem_host_access(gmem_file *g, uint64_t offset, uint64_t size, enum gmem_access access, const char *by);

/* The platform's word for the state of the page at `offset` ("GUEST_VALID", "PENDING", ...), for ever valid; NULL outside the file. */
const char *gmem_page_state(gmem_file *g, uint64_t offset);

int gmem_get_stats(const gmem_file *g, struct gmem_stats *out);

/* 0 when every invariant holds; else 1, and `text` (of `size` bytes) names the broken one. */
int gmem_audit(gmem_file *g, char *text, size_t size);

/* For tests: which way of opening this process uses from now on. -EINVAL for an unknown value. */
int gmem_set_window_opening(enum gmem_window_opening how);

#ifdef __cplusplus
}
#endif
#endif
