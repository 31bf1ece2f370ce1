#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

void give_up(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

struct machine make_machine(int type)
{
    struct machine m = { .kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC) };
    if (m.kvm < 0)
        give_up("/dev/kvm");
    m.vm = ioctl(m.kvm, KVM_CREATE_VM, type);
    if (m.vm < 0)
        give_up("KVM_CREATE_VM");
    struct create_guest_memfd request = { .size = GUEST_SIZE, .flags = FLAG_MMAP | FLAG_INIT_SHARED };
    m.memory = ioctl(m.vm, CREATE_GUEST_MEMFD, &request);
    if (m.memory < 0)
        give_up("KVM_CREATE_GUEST_MEMFD");
    m.window = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m.memory, 0);
    if (m.window == MAP_FAILED)
        give_up("mmap of the guest's memory");
    m.ring = (struct descriptor *)m.window;
    return m;
}

void bind_memory(struct machine *m, void *userspace_addr)
{
    struct memory_region2 region;
    memset(&region, 0, sizeof region);
    region.flags = MEM_GUEST_MEMFD;
    region.guest_phys_addr = GUEST_GPA;
    region.memory_size = GUEST_SIZE;
    region.userspace_addr = (uint64_t)(uintptr_t)userspace_addr;
    region.guest_memfd = (uint32_t)m->memory;
    if (ioctl(m->vm, SET_USER_MEMORY_REGION2, &region) != 0)
        give_up("KVM_SET_USER_MEMORY_REGION2");
}

static int convert(struct machine *m, uint64_t offset, uint64_t size, uint64_t attributes)
{
    for (int attempt = 0;; ++attempt) {
        struct memory_attributes2 request;
        memset(&request, 0, sizeof request);
        request.offset = offset;
        request.size = size;
        request.attributes = attributes;
        if (ioctl(m->memory, SET_MEMORY_ATTRIBUTES2, &request) == 0)
            return 0;
        if (errno != EAGAIN || attempt == 20)
            return -1;
        usleep(1000);
    }
}

int make_private(struct machine *m, uint64_t offset, uint64_t size) { return convert(m, offset, size, MEMORY_ATTRIBUTE_PRIVATE); }
int make_shared(struct machine *m, uint64_t offset, uint64_t size) { return convert(m, offset, size, 0); }

void guest_posts(struct machine *m, unsigned entry, uint64_t offset, uint32_t length)
{
    m->ring[entry] = (struct descriptor) { .offset = offset, .length = length };
}
