/*
 * KVM_PRE_FAULT_MEMORY of a slot that is no multiple of 2 MiB, while another thread deletes it and brings it back; then the guest reads
 * every page. For each VM type, shared and private. Exit 0; 1 with the line; 77 when no guest can run here.
 */
#include "cases.h"
#include "worker.h"

#include <pthread.h>

struct pre_fault { uint64_t gpa, size, flags, padding[5]; };
#define PRE_FAULT_MEMORY 0xC040AED5ul
enum { BIG = 2 << 20, SLOT = BIG + PAGE, MARK = 0x77 };

struct fixture {
    struct machine m;
    struct worker w;
    int fd;
    _Atomic int deleting, recreate;
    void *plain;
};

static void add_slot(struct fixture *f)
{
    if (f->plain)
        CHECK(plain_slot(f->m.guest.vm, 1, 0, DATA, SLOT, f->plain) == 0);
    else
        CHECK(set_slot(f->m.guest.vm, 1, DATA, SLOT, 0, f->fd, 0) == 0);
}

/* Deletes the slot at once, or when the other thread has begun; adds it again when it is told to. */
static void *delete_the_slot(void *argument)
{
    struct fixture *f = argument;
    f->deleting = 1;
    CHECK(set_slot(f->m.guest.vm, 1, 0, 0, 0, -1, 0) == 0);
    while (!f->recreate)
        sched_yield();
    add_slot(f);
    return NULL;
}

/* Everything from `offset` on; `left` bytes lie behind the slot. */
static void fault_in(struct fixture *f, uint64_t offset, uint64_t size, uint64_t left)
{
    struct pre_fault p = { .gpa = DATA + offset, .size = size };
    pthread_t thread;
    f->deleting = f->recreate = 0;
    CHECK(pthread_create(&thread, NULL, delete_the_slot, f) == 0);
    while (!f->deleting) {}
    int result, err, recreated = 0;
    for (;;) {
        uint64_t before = p.size;
        result = ioctl(f->w.vcpu, PRE_FAULT_MEMORY, &p);
        err = errno;
        CHECK((p.size < before) != (result < 0)); /* either progress or an error, never both or none */
        CHECK(p.gpa + p.size == DATA + offset + size && p.size % PAGE == 0);
        if (result < 0 && err == EINTR)
            continue;
        CHECK(result == 0 || err == ENOENT || (err == EAGAIN && !recreated));
        if (!recreated) { /* from here on the slot stays */
            f->recreate = recreated = 1;
            CHECK(pthread_join(thread, NULL) == 0);
            if (p.size)
                continue;
        }
        if (p.size && result == 0)
            continue;
        break;
    }
    CHECK(p.size == left);
    CHECK(left ? result == -1 && err == ENOENT : result == 0);
}

static void run_it(int variant)
{
    int type = variant >> 2, kind = variant & 3; /* 0: shared, 1: private, 2: without mmap, 3: memory of the program */
    struct fixture f = { .plain = NULL };
    memset(&f.m, 0, sizeof f.m);
    f.m.guest.vm = ioctl(kvm, KVM_CREATE_VM, type);
    f.m.system = create(f.m.guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    f.m.guest.system = map_file(f.m.system, SIZE);
    CHECK(set_slot(f.m.guest.vm, 0, 0, SIZE, (uintptr_t)f.m.guest.system, f.m.system, 0) == 0 && guest_start(&f.m.guest, kvm) == 0);
    f.w = worker_start(&f.m, 0);
    if (kind == 3) {
        f.plain = mmap(NULL, SLOT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(f.plain != MAP_FAILED);
    } else {
        f.fd = create(f.m.guest.vm, SLOT, kind == 0 ? FLAG_MMAP | FLAG_INIT_SHARED : kind == 1 ? FLAG_MMAP : 0);
    }
    add_slot(&f);
    for (uint64_t page = 0; page < SLOT / PAGE; page += 50)
        guest_store(&f.w, DATA + page * PAGE, MARK + page);
    for (int round = 0; round < 10; ++round) {
        fault_in(&f, 0, BIG, 0);
        fault_in(&f, BIG, 2 * PAGE, PAGE);
        fault_in(&f, SLOT, PAGE, PAGE);
        fault_in(&f, 0, SLOT, 0);
        fault_in(&f, 3 * PAGE, SLOT, 3 * PAGE);
        if (kind == 1 && type == 1 && round % 2) /* partly shared by now */
            CHECK(convert(f.fd, (uint64_t)round * 16 * PAGE, 7 * PAGE, 0) == 0);
    }
    for (uint64_t page = 0; page < SLOT / PAGE; ++page)
        CHECK(guest_load(&f.w, DATA + page * PAGE) == (page % 50 ? 0 : MARK + page));
}

int main(void)
{
    if (open_kvm() != 0)
        return SKIP;
    if (ioctl(kvm, KVM_CHECK_EXTENSION, 236) != 1)
        return SKIP;
    int types = ioctl(kvm, KVM_CHECK_EXTENSION, 235);
    for (int type = 0; type < 2; ++type)
        for (int kind = 0; kind < 4 && types >> type & 1; ++kind)
            run_case("pre-faulting", run_it, type << 2 | kind);
    return cases_result("guest pre-fault reads");
}
