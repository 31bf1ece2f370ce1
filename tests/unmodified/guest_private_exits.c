/*
 * What a vCPU that reads private memory leaves KVM_RUN with when its memslot goes, and when there never was a guest_memfd. Argument "off":
 * the VM tracks what is private. Exit 0; 1 with the line; 77 when no guest can run here.
 */
#include "cases.h"
#include "worker.h"

#include <pthread.h>

enum { VCPUS = 2, WORD = 0x5a };
#define SET_MEMORY_ATTRIBUTES 0x4020AED2ul

static int in_place;

static void *own_memory(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static int vm_attributes(int vm, uint64_t gpa, uint64_t size, uint64_t value)
{
    uint64_t request[4] = { gpa, size, value, 0 };
    return ioctl(vm, SET_MEMORY_ATTRIBUTES, request);
}

static void boot_anywhere(struct machine *m)
{
    if (in_place) {
        boot(m);
        return;
    }
    memset(m, 0, sizeof *m);
    m->guest.vm = ioctl(kvm, KVM_CREATE_VM, 1);
    m->guest.system = own_memory(SIZE);
    CHECK(plain_slot(m->guest.vm, 0, 0, 0, SIZE, m->guest.system) == 0 && guest_start(&m->guest, kvm) == 0);
}

static int make_private(struct machine *m, int fd, uint64_t offset, uint64_t size)
{
    return in_place ? convert(fd, offset, size, PRIVATE) : vm_attributes(m->guest.vm, DATA + offset, size, PRIVATE);
}

static struct memory_fault told_of(struct worker *w)
{
    struct memory_fault f;
    memcpy(&f, &w->run->hw, sizeof f);
    return f;
}

static void is_private_fault(struct worker *w, int reason, uint64_t gpa)
{
    CHECK(reason == -1 && errno == EFAULT && w->run->exit_reason == EXIT_MEMORY_FAULT);
    struct memory_fault f = told_of(w);
    CHECK(f.flags == PRIVATE && f.gpa == gpa && f.size == PAGE);
}

struct reader {
    struct worker w;
    int reason, err;
};
static void *read_until_an_exit(void *argument)
{
    struct reader *r = argument;
    r->reason = worker_go_on(&r->w);
    r->err = errno;
    return NULL;
}

/* The memslot goes below readers of its last page; at once, or when they have read for a while. */
static void the_slot_goes(int wait)
{
    struct machine m;
    boot_anywhere(&m);
    int fd = create(m.guest.vm, SIZE, in_place ? FLAG_MMAP | FLAG_INIT_SHARED : 0);
    void *beside = in_place ? map_file(fd, SIZE) : own_memory(SIZE);
    uint64_t gpa = DATA + SIZE - PAGE;
    struct reader readers[VCPUS];
    for (int i = 0; i < VCPUS; ++i)
        readers[i].w = worker_start(&m, i);
    for (int round = 0; round < 25; ++round) {
        pthread_t threads[VCPUS];
        CHECK(set_slot(m.guest.vm, 1, DATA, SIZE, (uintptr_t)beside, fd, 0) == 0);
        CHECK(make_private(&m, fd, SIZE - PAGE, PAGE) == 0);
        guest_store(&readers[0].w, gpa, WORD);
        for (int i = 0; i < VCPUS; ++i) {
            worker_ask(&readers[i].w, WORK_WATCH, gpa, 0, WORD);
            CHECK(pthread_create(&threads[i], NULL, read_until_an_exit, &readers[i]) == 0);
        }
        if (wait)
            for (int i = 0; i < VCPUS; ++i)
                for (uint64_t seen = readers[i].w.mailbox[6]; readers[i].w.mailbox[6] < seen + 3;)
                    sched_yield();
        CHECK(set_slot(m.guest.vm, 1, 0, 0, 0, -1, 0) == 0);
        for (int i = 0; i < VCPUS; ++i) {
            struct worker *w = &readers[i].w;
            CHECK(pthread_join(threads[i], NULL) == 0);
            if (in_place) {
                CHECK(readers[i].reason == KVM_EXIT_MMIO && w->run->mmio.phys_addr == gpa && w->run->mmio.len == 8 && !w->run->mmio.is_write);
            } else {
                errno = readers[i].err;
                is_private_fault(w, readers[i].reason, gpa);
                is_private_fault(w, worker_go_on(w), gpa); /* as often as it is asked */
                continue;
            }
            memset(w->run->mmio.data, 1, 8); /* the access is the program's: it ends the loop */
            CHECK(worker_go_on(w) == KVM_EXIT_IO && w->mailbox[4] == UINT64_C(0x0101010101010101));
        }
        if (in_place)
            continue;
        /* It comes back: the access is made on it. Then it ends, by another value in a page that is the host's again. */
        CHECK(set_slot(m.guest.vm, 1, DATA, SIZE, (uintptr_t)beside, fd, 0) == 0 && vm_attributes(m.guest.vm, gpa, PAGE, 0) == 0);
        for (int i = 0; i < VCPUS; ++i)
            CHECK(worker_go_on(&readers[i].w) == KVM_EXIT_IO && readers[i].w.mailbox[4] == 0);
        CHECK(set_slot(m.guest.vm, 1, 0, 0, 0, -1, 0) == 0);
    }
}

/* A slot of the program's own memory, and frames of it that are private all the same: nothing can back them. */
static void no_file(int write)
{
    struct machine m;
    boot_anywhere(&m);
    struct worker w = worker_start(&m, 0);
    uint64_t *memory = own_memory(SIZE);
    CHECK(plain_slot(m.guest.vm, 1, 0, DATA, SIZE, memory) == 0);
    for (uint64_t page = 0; page < SIZE / PAGE; page += 37) {
        uint64_t gpa = DATA + page * PAGE;
        memory[page * PAGE / 8] = page;
        CHECK(guest_load(&w, gpa) == page && vm_attributes(m.guest.vm, gpa, PAGE, PRIVATE) == 0);
        is_private_fault(&w, worker_try(&w, write ? WORK_STORE : WORK_LOAD, gpa, 0, page + 1), gpa);
        CHECK(memory[page * PAGE / 8] == page && vm_attributes(m.guest.vm, gpa, PAGE, 0) == 0);
        CHECK(worker_go_on(&w) == KVM_EXIT_IO && (write ? memory[page * PAGE / 8] == page + 1 : w.mailbox[4] == page));
    }
    CHECK(vm_attributes(m.guest.vm, DATA, SIZE, PRIVATE) == 0); /* before the slot, and at once for all */
    CHECK(plain_slot(m.guest.vm, 1, 0, 0, 0, NULL) == 0 && plain_slot(m.guest.vm, 1, 0, DATA, SIZE, memory) == 0);
    is_private_fault(&w, worker_try(&w, write ? WORK_STORE : WORK_LOAD, DATA + SIZE - PAGE, 0, 0), DATA + SIZE - PAGE);
}

int main(int argc, char **argv)
{
    in_place = argc < 2 || strcmp(argv[1], "off") != 0;
    for (int i = 0; i < 2; ++i) {
        run_case("the slot goes", the_slot_goes, i);
        if (!in_place)
            run_case("no file", no_file, i);
    }
    return cases_result("guest private exits");
}
