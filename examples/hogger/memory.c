/* The guest's memory: two guest_memfds, one behind the other; with two sources, a file of the host's beside each. */
#include "hogger.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

struct back_end *end_of(struct machine *m, uint64_t gpa) { return &m->ends[gpa >= m->ends[1].gpa]; }

unsigned char *host_at(struct machine *m, uint64_t gpa)
{
    struct back_end *e = end_of(m, gpa);
    return e->window + (gpa - e->gpa);
}

static void open_back_end(struct machine *m, struct back_end *e, uint32_t slot)
{
    int in_place = m->options.mode == IN_PLACE;
    struct create_guest_memfd create = { .size = e->size, .flags = in_place ? FLAG_MMAP | FLAG_INIT_SHARED : 0 };
    e->memory = ioctl(m->vm, CREATE_GUEST_MEMFD, &create);
    if (e->memory < 0)
        fail("KVM_CREATE_GUEST_MEMFD of %llu MiB: %s", (unsigned long long)(e->size / MIB), strerror(errno));
    e->shared = e->memory;
    if (!in_place) {
        e->shared = memfd_create(e->name, MFD_CLOEXEC);
        if (e->shared < 0 || ftruncate(e->shared, (off_t)e->size) < 0)
            fail("memory of the host's for %s: %s", e->name, strerror(errno));
    }
    void *window = mmap(NULL, e->size, PROT_READ | PROT_WRITE, MAP_SHARED, e->shared, 0);
    if (window == MAP_FAILED)
        fail("mmap of %s: %s", e->name, strerror(errno));
    e->window = window;
    place(e, slot == 0);

}

/* A part of a back end, where the guest sees it. */
static void show(struct machine *m, uint32_t slot, const struct back_end *e, uint64_t gpa, uint64_t end)
{
    struct memory_region2 region;
    memset(&region, 0, sizeof region);
    region.slot = slot;
    region.flags = MEM_GUEST_MEMFD;
    region.guest_phys_addr = gpa;
    region.memory_size = end - gpa;
    region.userspace_addr = (uint64_t)(uintptr_t)(e->window + (gpa - e->gpa));
    region.guest_memfd = (uint32_t)e->memory;
    region.guest_memfd_offset = gpa - e->gpa;
    if (ioctl(m->vm, SET_USER_MEMORY_REGION2, &region) < 0)
        fail("KVM_SET_USER_MEMORY_REGION2 of %s, %#llx to %#llx: %s", e->name, (unsigned long long)gpa, (unsigned long long)end, strerror(errno));
}

void memory_create(struct machine *m)
{
    uint64_t half = m->options.size / 2, data = first_data_page(&m->options) * PAGE;
    m->ends[0] = (struct back_end){ .gpa = 0, .size = half, .name = "ram0" };
    m->ends[1] = (struct back_end){ .gpa = half, .size = m->options.size - half, .name = "ram1" };
    for (uint32_t i = 0; i < 2; ++i)
        open_back_end(m, &m->ends[i], i);
    show(m, 0, &m->ends[0], 0, data); /* page tables and code: a slot of their own, which is never touched again */
    show(m, 1, &m->ends[0], data, half);
    show(m, 2, &m->ends[1], half, m->options.size);
}
