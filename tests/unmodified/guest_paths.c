/*
 * What a guest meets through memslots: addresses that are NULL or somebody else's, files without mmap, private and punched pages,
 * deleted slots, two VMs, duplicates, and conversions while the guest runs. Uses the guest of examples/.
 * Exit 0; 1 with the line; 77 when no guest can run here.
 */
#include "machine.h"

#include <pthread.h>

static void addresses_do_not_matter(struct machine *m)
{
    int fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    unsigned char *window = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    window[0] = 40;
    char *unrelated = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unrelated[0] = 99;
    uint64_t choices[] = { 0, (uint64_t)(uintptr_t)unrelated, 0x600000000000 };
    for (unsigned i = 0; i < 3; ++i) {
        CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, choices[i], fd, 0) == 0);
        CHECK(sum(m, DATA, 1) == 40);
        CHECK(convert(fd, 0, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
        CHECK(sum(m, DATA, 1) == 40);
        CHECK(convert(fd, 0, PAGE, 0) == 0);
        CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, fd, 0) == 0);
    }
    CHECK(unrelated[0] == 99);
    munmap(unrelated, SIZE);
    munmap(window, SIZE);
    close(fd);
}

static void private_punched_and_unmappable(struct machine *m)
{
    int fd = create(m->guest.vm, SIZE, 0); /* private from birth, and no mmap */
    CHECK(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV);
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, fd, 0) == 0);
    fill(m, DATA, 8);
    CHECK(sum(m, DATA, 1) == 1 && sum(m, DATA + 7 * PAGE, 1) == 8);
    CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4 * PAGE) == 0);
    CHECK(sum(m, DATA, 1) == 0 && sum(m, DATA + 7 * PAGE, 1) == 8);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, fd, 0) == 0);
    close(fd);
}

static void deleted_slots_are_mmio_and_contents_stay(struct machine *m)
{
    int fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE / 2, 0, fd, 0) == 0);
    CHECK(set_slot(m->guest.vm, 2, DATA + SIZE / 2, SIZE / 2, 0, fd, SIZE / 2) == 0);
    fill(m, DATA, SIZE / PAGE); /* across both */
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, fd, 0) == 0);
    CHECK(guest_do(&m->guest, GUEST_LOAD, DATA, 0, NULL) == KVM_EXIT_MMIO && m->guest.run->mmio.phys_addr == DATA);
    memset(m->guest.run->mmio.data, 0, 8);
    uint64_t answer = 0;
    CHECK(ioctl(m->guest.vcpu, KVM_RUN, 0) == 0); /* completes the load; the guest is at its next question */
    CHECK(sum(m, DATA + SIZE / 2, 1) == (SIZE / 2 / PAGE + 1) % 256);
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE / 2, 0, fd, 0) == 0);
    CHECK(sum(m, DATA, 1) == 1);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, fd, 0) == 0 && set_slot(m->guest.vm, 2, DATA, 0, 0, fd, 0) == 0);
    (void)answer;
    close(fd);
}

static void two_vms_and_duplicates(struct machine *m)
{
    struct machine other;
    boot(&other);
    int mine = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED), theirs = create(other.guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, theirs, 0) == -1 && errno == EINVAL);
    CHECK(set_slot(other.guest.vm, 1, DATA, SIZE, 0, mine, 0) == -1 && errno == EINVAL);
    int copy = dup(mine), vm_copy = dup(m->guest.vm);
    CHECK(set_slot(vm_copy, 1, DATA, SIZE, 0, copy, 0) == 0 && set_slot(other.guest.vm, 1, DATA, SIZE, 0, theirs, 0) == 0);
    close(mine);
    fill(m, DATA, 3);
    CHECK(sum(m, DATA + 2 * PAGE, 1) == 3 && sum(&other, DATA + 2 * PAGE, 1) == 0);
    CHECK(convert(copy, 0, SIZE, MEMORY_ATTRIBUTE_PRIVATE) == 0 && sum(m, DATA + 2 * PAGE, 1) == 3);
    CHECK(set_slot(vm_copy, 1, DATA, 0, 0, copy, 0) == 0);
    close(vm_copy);
    close(copy);
    /* The other VM goes while its file is still there, and the file after it. */
    munmap(other.guest.system, SIZE);
    close(other.system);
    close(other.guest.vcpu);
    close(other.guest.vm);
    CHECK(convert(theirs, 0, SIZE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    close(theirs);
}

struct converter {
    int fd;
    _Atomic int stop;
    long conversions;
};

static void *convert_all_the_time(void *argument)
{
    struct converter *c = argument;
    while (!c->stop) {
        for (int i = 0; i < 64; ++i)
            CHECK(convert(c->fd, (uint64_t)i * 8 * PAGE, 4 * PAGE, c->conversions & 1 ? 0 : MEMORY_ATTRIBUTE_PRIVATE) == 0);
        ++c->conversions;
    }
    return NULL;
}

static void conversions_while_the_guest_runs(struct machine *m)
{
    struct converter c = { .fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED) };
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, c.fd, 0) == 0);
    void *window = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, c.fd, 0);
    CHECK(window != MAP_FAILED);
    pthread_t thread;
    pthread_create(&thread, NULL, convert_all_the_time, &c);
    for (int round = 0; round < 40; ++round) {
        fill(m, DATA, 512);
        CHECK(sum(m, DATA + 100 * PAGE, PAGE) == 101);
    }
    c.stop = 1;
    pthread_join(thread, NULL);
    CHECK(c.conversions > 0);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, c.fd, 0) == 0);
    munmap(window, SIZE);
    close(c.fd);
}

int main(void)
{
    if (open_kvm() != 0)
        return 77;
    struct machine m;
    boot(&m);
    addresses_do_not_matter(&m);
    private_punched_and_unmappable(&m);
    deleted_slots_are_mmio_and_contents_stay(&m);
    two_vms_and_duplicates(&m);
    conversions_while_the_guest_runs(&m);
    puts("guest paths: ok");
    return 0;
}
