/* For test programs in plain C that know the kernel's interface only: its numbers, and the two calls that all of them make. */
#ifndef GMEM_TESTS_PLAIN_H
#define GMEM_TESTS_PLAIN_H

#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

struct create_guest_memfd { uint64_t size, flags, reserved[6]; };
struct memory_attributes2 { uint64_t offset, size, attributes, flags, error_offset, reserved[11]; };
_Static_assert(sizeof(struct create_guest_memfd) == 64 && sizeof(struct memory_attributes2) == 128, "uAPI");

#define CREATE_VM 0xAE01ul
#define CREATE_GUEST_MEMFD 0xC040AED4ul
#define SET_ATTRIBUTES2 0xC080AED2ul

static inline int create_file(int vm, uint64_t size, uint64_t flags)
{
    struct create_guest_memfd c;
    memset(&c, 0, sizeof c);
    c.size = size;
    c.flags = flags;
    return ioctl(vm, CREATE_GUEST_MEMFD, &c);
}

static inline int convert_range(int fd, uint64_t offset, uint64_t size, uint64_t attributes)
{
    struct memory_attributes2 a;
    memset(&a, 0, sizeof a);
    a.offset = offset;
    a.size = size;
    a.attributes = attributes;
    return ioctl(fd, SET_ATTRIBUTES2, &a);
}

#endif
