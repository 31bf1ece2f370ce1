/*
 * Guests that ask for conversions by KVM_HC_MAP_GPA_RANGE: several vCPUs at once, each in a part of memory that several memslots show;
 * ranges from 4 KiB to more than 2 MiB, step by step; guest and host check the patterns of both sides each time. Arguments: in-place
 * "on" or "off", vCPUs, memslots, pages from one step to the next (1: all of them). Exit 0; 1 with the line; 77 when it cannot be.
 */
#include "cases.h"
#include "worker.h"

#include <pthread.h>

enum { PART_PAGES = 1024, MAX_VCPUS = 8, CAP_EXIT_HYPERCALL = 201, MAP_GPA_RANGE = 12 };
/* What the guest asks for: the program's own bits, which KVM passes on as they are. */
enum { SET = 1, TO_SHARED = 2, FALLOCATE = 4 };
#define SET_MEMORY_ATTRIBUTES 0x4020AED2ul

static int in_place, vcpus, memslots, stride;
static struct machine machine;
static uint64_t total, slot_bytes;
static int files[64];
static unsigned char *shared_memory; /* what the host sees of the guest's shared pages */

static void own_slots(void)
{
    int vm = machine.guest.vm;
    total = (uint64_t)vcpus * PART_PAGES * PAGE;
    slot_bytes = total / (uint64_t)memslots / PAGE * PAGE;
    CHECK(slot_bytes * (uint64_t)memslots == total);
    shared_memory = mmap(NULL, total, in_place ? PROT_NONE : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(shared_memory != MAP_FAILED);
    for (int i = 0; i < memslots; ++i) {
        uint64_t offset = (uint64_t)i * PAGE; /* no two files alike */
        unsigned char *at = shared_memory + (uint64_t)i * slot_bytes;
        files[i] = create(vm, offset + slot_bytes, in_place ? FLAG_MMAP | FLAG_INIT_SHARED : 0);
        if (in_place)
            CHECK(mmap(at, slot_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, files[i], (off_t)offset) == at);
        CHECK(set_slot(vm, (uint32_t)i + 1, DATA + (uint64_t)i * slot_bytes, slot_bytes, (uintptr_t)at, files[i], offset) == 0);
    }
}

/* What a VMM does with the request: piece by piece of the memslots. */
static void serve(struct kvm_run *run)
{
    uint64_t gpa = run->hypercall.args[0], end = gpa + run->hypercall.args[1] * PAGE, what = run->hypercall.args[2];
    CHECK(run->hypercall.nr == MAP_GPA_RANGE && gpa >= DATA && end <= DATA + total && end > gpa && what < 8);
    uint64_t attributes = what & TO_SHARED ? 0 : PRIVATE;
    if (!in_place && what & SET) {
        uint64_t request[4] = { gpa, end - gpa, attributes, 0 };
        CHECK(ioctl(machine.guest.vm, SET_MEMORY_ATTRIBUTES, request) == 0);
    }
    while (gpa < end) {
        uint64_t slot = (gpa - DATA) / slot_bytes, offset = (gpa - DATA) % slot_bytes + slot * PAGE, slot_end = DATA + (slot + 1) * slot_bytes;
        uint64_t length = (end < slot_end ? end : slot_end) - gpa;
        if (what & FALLOCATE)
            CHECK(fallocate(files[slot], FALLOC_FL_KEEP_SIZE | (what & TO_SHARED ? FALLOC_FL_PUNCH_HOLE : 0), (off_t)offset, (off_t)length) == 0);
        if (in_place && what & SET)
            CHECK(convert(files[slot], offset, length, attributes) == 0);
        gpa += length;
    }
    run->hypercall.ret = 0;
}

static void ask_for(struct worker *w, uint64_t gpa, uint64_t size, uint64_t what)
{
    worker_ask(w, WORK_MAP, gpa, size / PAGE, what);
    int reason = worker_go_on(w);
    CHECK(reason == KVM_EXIT_HYPERCALL && w->run->hypercall.args[0] == gpa && w->run->hypercall.args[1] == size / PAGE);
    serve(w->run);
    CHECK(worker_go_on(w) == KVM_EXIT_IO && w->mailbox[4] == 0);
}

static void guest_fills(struct worker *w, uint64_t gpa, uint64_t size, uint64_t pattern)
{
    if (size)
        worker_do(w, WORK_SET, gpa, size, pattern);
}
static void guest_checks(struct worker *w, uint64_t gpa, uint64_t size, uint64_t pattern)
{
    if (size)
        CHECK(worker_do(w, WORK_CHECK, gpa, size, pattern) == 0);
}

static uint64_t *host_at(uint64_t gpa) { return (uint64_t *)(void *)(shared_memory + (gpa - DATA)); }
static void host_checks(uint64_t gpa, uint64_t size, uint64_t pattern)
{
    for (uint64_t end = gpa + size; gpa < end; gpa += PAGE)
        CHECK(host_at(gpa)[0] == pattern && host_at(gpa)[511] == pattern);
}
static void host_fills(uint64_t gpa, uint64_t size, uint64_t pattern)
{
    for (uint64_t end = gpa + size; gpa < end; gpa += PAGE)
        host_at(gpa)[0] = host_at(gpa)[511] = pattern;
}

/* The kernel says whether the host may read: threads share one SIGBUS handler. */
static void host_cannot(int pipe_end, uint64_t gpa, uint64_t size)
{
    if (in_place)
        for (uint64_t page = gpa; page < gpa + size; page += size > 32 * PAGE ? size - PAGE : PAGE)
            CHECK(FAILS(write(pipe_end, host_at(page), 1), EFAULT));
}

/* One range to private and back, in a part of memory that is all shared before and after. */
static void there_and_back(struct worker *w, int pipe_end, uint64_t part, uint64_t at, uint64_t size, uint64_t seed, int punch)
{
    uint64_t begin = part + at, end = begin + size, part_end = part + (uint64_t)PART_PAGES * PAGE, around = 4 * PAGE;
    uint64_t low = begin - part < around ? part : begin - around, high = part_end - end < around ? part_end : end + around;
    uint64_t first = seed * 16 + 1, inside = first + 1, later = first + 2, host = first + 3;

    guest_fills(w, low, high - low, first);
    host_checks(low, high - low, first);
    ask_for(w, begin, size, SET | (punch ? FALLOCATE : 0));
    host_cannot(pipe_end, begin, size);
    if (in_place)
        guest_checks(w, begin, size, first); /* the same bytes */
    guest_fills(w, begin, size, inside);
    guest_checks(w, low, begin - low, first);
    guest_checks(w, end, high - end, first);
    host_checks(low, begin - low, first);
    host_checks(end, high - end, first);
    host_fills(low, begin - low, host); /* shared memory on both sides changes, what is private does not */
    host_fills(end, high - end, host);
    guest_checks(w, begin, size, inside);
    guest_checks(w, low, begin - low, host);
    guest_checks(w, end, high - end, host);
    if (!in_place)
        host_checks(begin, size, first);
    if (size > 2 * PAGE) { /* a page of the middle goes to and fro by itself */
        uint64_t middle = begin + size / PAGE / 2 * PAGE;
        ask_for(w, middle, PAGE, SET | TO_SHARED);
        if (in_place)
            host_checks(middle, PAGE, inside);
        host_fills(middle, PAGE, later);
        guest_checks(w, middle, PAGE, later);
        host_cannot(pipe_end, middle - PAGE, PAGE);
        ask_for(w, middle, PAGE, SET);
        guest_checks(w, middle, PAGE, in_place ? later : inside);
        guest_fills(w, middle, PAGE, inside);
    }
    if (punch) { /* memory goes, the attribute stays: the next look finds zeros */
        ask_for(w, begin, size, TO_SHARED | FALLOCATE);
        host_cannot(pipe_end, begin, size);
        guest_checks(w, begin, size, 0);
        guest_fills(w, begin, size, inside);
    }
    ask_for(w, begin, size, SET | TO_SHARED | (punch ? FALLOCATE : 0));
    uint64_t expected = !in_place ? size > 2 * PAGE ? 0 : first : punch ? 0 : inside;
    if (in_place || size <= 2 * PAGE) {
        guest_checks(w, begin, size, expected);
        host_checks(begin, size, expected);
    } else {
        uint64_t middle = begin + size / PAGE / 2 * PAGE;
        host_checks(begin, middle - begin, first);
        host_checks(middle, PAGE, later);
        host_checks(middle + PAGE, end - middle - PAGE, first);
    }
    host_fills(begin, size, later);
    guest_checks(w, begin, size, later);
    guest_checks(w, low, begin - low, host);
    guest_checks(w, end, high - end, host);
}

struct vcpu { struct worker w; unsigned long conversions; };
static void *convert_everything(void *argument)
{
    struct vcpu *v = argument;
    static const uint64_t sizes[] = { 1, 2, 3, 16, 255, 512, 513, 700 };
    uint64_t part = DATA + (uint64_t)v->w.number * PART_PAGES * PAGE, seed = (uint64_t)v->w.number << 20;
    int ends[2];
    CHECK(pipe(ends) == 0);
    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; ++s)
        for (uint64_t at = 0; at + sizes[s] <= PART_PAGES; at += (uint64_t)stride) {
            ++seed;
            there_and_back(&v->w, ends[1], part, at * PAGE, sizes[s] * PAGE, seed, (int)(seed & 1));
            v->conversions += 2;
        }
    close(ends[0]);
    close(ends[1]);
    return NULL;
}

static void all_vcpus(int unused)
{
    (void)unused;
    static struct vcpu all[MAX_VCPUS];
    pthread_t threads[MAX_VCPUS];
    if (ioctl(kvm, KVM_CHECK_EXTENSION, CAP_EXIT_HYPERCALL) != 1 << MAP_GPA_RANGE) {
        printf("skipped: this KVM has no KVM_CAP_EXIT_HYPERCALL\n");
        exit(SKIP);
    }
    if (in_place) {
        boot(&machine);
    } else {
        machine.guest.vm = ioctl(kvm, KVM_CREATE_VM, 1);
        machine.guest.system = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(plain_slot(machine.guest.vm, 0, 0, 0, SIZE, machine.guest.system) == 0 && guest_start(&machine.guest, kvm) == 0);
    }
    struct kvm_enable_cap enable = { .cap = CAP_EXIT_HYPERCALL, .args = { 1 << MAP_GPA_RANGE } };
    CHECK(ioctl(machine.guest.vm, KVM_ENABLE_CAP, &enable) == 0);
    own_slots();
    for (int i = 0; i < vcpus; ++i)
        all[i].w = worker_start(&machine, i);
    for (int i = 0; i < vcpus; ++i)
        CHECK(pthread_create(&threads[i], NULL, convert_everything, &all[i]) == 0);
    unsigned long conversions = 0;
    for (int i = 0; i < vcpus; ++i) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        conversions += all[i].conversions;
    }
    printf("        %lu ranges\n", conversions);
}

int main(int argc, char **argv)
{
    in_place = argc < 2 || strcmp(argv[1], "off") != 0;
    vcpus = argc > 2 ? atoi(argv[2]) : 2;
    memslots = argc > 3 ? atoi(argv[3]) : 1;
    stride = argc > 4 ? atoi(argv[4]) : 101;
    CHECK(vcpus >= 1 && vcpus <= MAX_VCPUS && memslots >= 1 && memslots <= 64 && stride >= 1);
    case_seconds = stride == 1 ? 3000 : 120;
    run_case("all vCPUs", all_vcpus, vcpus);
    return cases_result("guest conversions");
}
