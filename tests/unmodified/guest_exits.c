/*
 * The exits of KVM_RUN that the specification wants: memory faults with their flags, gpa and size, MMIO where there is no memslot,
 * and what a guest sees that goes on after one. Uses the guest of examples/. Exit 0; 1 with the line; 77 when no guest can run here.
 */
#include "machine.h"

static uint64_t load(struct machine *m, uint64_t gpa)
{
    uint64_t answer = 0;
    CHECK(guest_do(&m->guest, GUEST_LOAD, gpa, 0, &answer) == KVM_EXIT_IO);
    return answer;
}

/* What guest_do() began and an exit cut short. */
static int go_on(struct machine *m, uint64_t *answer)
{
    if (ioctl(m->guest.vcpu, KVM_RUN, 0) < 0)
        return -1;
    if (answer)
        *answer = ((uint64_t *)(void *)(m->guest.system + MAILBOX))[3];
    return (int)m->guest.run->exit_reason;
}

static void deleted_slots_are_mmio(struct machine *m)
{
    uint64_t answer = 0;
    for (uint64_t attribute = 0; attribute <= MEMORY_ATTRIBUTE_PRIVATE; attribute += MEMORY_ATTRIBUTE_PRIVATE) {
        int fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
        CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, fd, 0) == 0);
        fill(m, DATA, 1);
        CHECK(convert(fd, 0, SIZE, attribute) == 0);
        CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, fd, 0) == 0);
        CHECK(guest_do(&m->guest, GUEST_LOAD, DATA + 8, 0, NULL) == KVM_EXIT_MMIO);
        CHECK(m->guest.run->mmio.phys_addr == DATA + 8 && m->guest.run->mmio.len == 8 && !m->guest.run->mmio.is_write);
        memset(m->guest.run->mmio.data, 5, 8);
        CHECK(go_on(m, &answer) == KVM_EXIT_IO && answer == 0x0505050505050505);
        close(fd);
    }
}

/* The slot's file went: a memory fault that counts as shared, again and again, for reads and writes. */
static void a_slot_without_its_file(struct machine *m)
{
    uint64_t answer = 0;
    int fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, fd, 0) == 0);
    fill(m, DATA, 3);
    CHECK(convert(fd, 0, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    close(fd);
    CHECK_MEMORY_FAULT(m, guest_do(&m->guest, GUEST_LOAD, DATA + PAGE + 24, 0, NULL), 0, DATA + PAGE);
    for (int i = 0; i < 3; ++i)
        CHECK_MEMORY_FAULT(m, go_on(m, NULL), 0, DATA + PAGE);
    m->guest.run->immediate_exit = 1;
    CHECK(go_on(m, NULL) == -1 && errno == EINTR);
    m->guest.run->immediate_exit = 0;

    /* The slot goes as well: the same access is MMIO now, and the program's to answer. */
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, -1, 0) == 0);
    CHECK(go_on(m, NULL) == KVM_EXIT_MMIO && m->guest.run->mmio.phys_addr == DATA + PAGE + 24 && m->guest.run->mmio.len == 8);
    memset(m->guest.run->mmio.data, 7, 8);
    CHECK(go_on(m, &answer) == KVM_EXIT_IO && answer == 0x0707070707070707);
}

/* A new file takes the place of the lost one: the access that faulted is made on it. */
static void a_slot_comes_back(struct machine *m)
{
    uint64_t answer = 0;
    int fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, fd, 0) == 0);
    close(fd);
    CHECK_MEMORY_FAULT(m, guest_do(&m->guest, GUEST_LOAD, DATA + 16, 0, NULL), 0, DATA);
    fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    unsigned char *window = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(window != MAP_FAILED);
    memset(window + 16, 9, 8);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, -1, 0) == 0);
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, fd, 0) == 0);
    CHECK(go_on(m, &answer) == KVM_EXIT_IO && answer == 0x0909090909090909);
    close(fd);
    CHECK(munmap(window, SIZE) == 0); /* the last of the file */

    /* Writes: the fault tells of them, and they arrive. */
    CHECK_MEMORY_FAULT(m, guest_do(&m->guest, GUEST_FILL, DATA, 2, NULL), 0, DATA);
    CHECK_MEMORY_FAULT(m, go_on(m, NULL), 0, DATA);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, -1, 0) == 0);
    fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, fd, 0) == 0);
    CHECK(go_on(m, &answer) == KVM_EXIT_IO && answer == 2);
    CHECK(load(m, DATA) == 1 && load(m, DATA + PAGE) == 2);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, -1, 0) == 0);
    close(fd);
}

/* Devices between two slots of ours, and a duplicate of the vCPU's descriptor. */
static void foreign_exits_stay(struct machine *m)
{
    uint64_t answer = 0;
    int fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    CHECK(set_slot(m->guest.vm, 1, DATA, PAGE, 0, fd, 0) == 0);
    CHECK(set_slot(m->guest.vm, 2, DATA + 2 * PAGE, PAGE, 0, fd, PAGE) == 0);
    CHECK(guest_do(&m->guest, GUEST_LOAD, DATA + PAGE, 0, NULL) == KVM_EXIT_MMIO && m->guest.run->mmio.phys_addr == DATA + PAGE);
    memset(m->guest.run->mmio.data, 3, 8);
    int copy = dup(m->guest.vcpu);
    CHECK(ioctl(copy, KVM_RUN, 0) == 0 && m->guest.run->exit_reason == KVM_EXIT_IO);
    close(copy);
    answer = ((uint64_t *)(void *)(m->guest.system + MAILBOX))[3];
    CHECK(answer == 0x0303030303030303);
    CHECK(ioctl(m->guest.vcpu, KVM_RUN, 1) == -1 && errno == EINVAL);
    m->guest.run->immediate_exit = 1;
    CHECK(ioctl(m->guest.vcpu, KVM_RUN, 0) == -1 && errno == EINTR);
    m->guest.run->immediate_exit = 0;
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, fd, 0) == 0 && set_slot(m->guest.vm, 2, DATA + 2 * PAGE, 0, 0, fd, 0) == 0);
    close(fd);
}

/* Code in a file that went: the fetch faults. Last: the guest does not come back from there. */
static void a_fetch_from_a_lost_file(struct machine *m)
{
    int fd = create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    CHECK(set_slot(m->guest.vm, 1, DATA, SIZE, 0, fd, 0) == 0);
    close(fd);
    struct kvm_regs regs;
    CHECK(ioctl(m->guest.vcpu, KVM_GET_REGS, &regs) == 0);
    regs.rip = DATA + 3 * PAGE + 100;
    CHECK(ioctl(m->guest.vcpu, KVM_SET_REGS, &regs) == 0);
    CHECK_MEMORY_FAULT(m, go_on(m, NULL), 0, DATA + 3 * PAGE);
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, -1, 0) == 0);
}

int main(void)
{
    if (open_kvm() != 0)
        return 77;
    CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, 232) == 1);
    struct machine m;
    boot(&m);
    CHECK(ioctl(m.guest.vm, KVM_CHECK_EXTENSION, 232) == 1);
    deleted_slots_are_mmio(&m);
    a_slot_without_its_file(&m);
    a_slot_comes_back(&m);
    foreign_exits_stay(&m);
    a_fetch_from_a_lost_file(&m);
    puts("guest exits: ok");
    return 0;
}
