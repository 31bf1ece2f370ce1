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

/* What the guest would read and write: private and shared pages alike. -EINVAL outside the file. */
int gmem_guest_read(gmem_file *g, uint64_t offset, void *buffer, size_t size);
int gmem_guest_write(gmem_file *g, uint64_t offset, const void *buffer, size_t size);

int gmem_get_stats(const gmem_file *g, struct gmem_stats *out);

/* 0 when every invariant holds; else 1, and `text` (of `size` bytes) names the broken one. */
int gmem_audit(gmem_file *g, char *text, size_t size);

/* For tests: which way of opening this process uses from now on. -EINVAL for an unknown value. */
int gmem_set_window_opening(enum gmem_window_opening how);

#ifdef __cplusplus
}
#endif
#endif
