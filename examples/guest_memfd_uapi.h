/*
 * The part of the KVM interface that distributions' headers do not have yet: guest_memfd and in-place conversion. Numbers from the
 * proposal; <linux/kvm.h> supplies the rest.
 */
#ifndef GUEST_MEMFD_UAPI_H
#define GUEST_MEMFD_UAPI_H

#include <assert.h>
#include <linux/kvm.h>
#include <stdint.h>

#ifndef KVM_X86_SW_PROTECTED_VM
#define KVM_X86_SW_PROTECTED_VM 1
#endif
#define CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES 250

#define MEMORY_ATTRIBUTE_PRIVATE (UINT64_C(1) << 3)
#define MEM_GUEST_MEMFD (1u << 2)
#define FLAG_MMAP (UINT64_C(1) << 0)
#define FLAG_INIT_SHARED (UINT64_C(1) << 1)

struct create_guest_memfd {
    uint64_t size, flags, reserved[6];
};

struct memory_attributes2 {
    uint64_t offset, size, attributes, flags, error_offset, reserved[11];
};

struct memory_region2 {
    uint32_t slot, flags;
    uint64_t guest_phys_addr, memory_size, userspace_addr, guest_memfd_offset;
    uint32_t guest_memfd, pad1;
    uint64_t pad2[14];
};

#define CREATE_GUEST_MEMFD _IOWR(KVMIO, 0xd4, struct create_guest_memfd)
#define SET_MEMORY_ATTRIBUTES2 _IOWR(KVMIO, 0xd2, struct memory_attributes2)
#define SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, struct memory_region2)

static_assert(sizeof(struct create_guest_memfd) == 64, "uAPI");
static_assert(sizeof(struct memory_attributes2) == 128, "uAPI");
static_assert(sizeof(struct memory_region2) == 160, "uAPI");
static_assert(CREATE_GUEST_MEMFD == 0xC040AED4, "uAPI");
static_assert(SET_MEMORY_ATTRIBUTES2 == 0xC080AED2, "uAPI");
static_assert(SET_USER_MEMORY_REGION2 == 0x40A0AE49, "uAPI");

#endif
