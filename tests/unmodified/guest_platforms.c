/*
 * A guest whose VM has a platform's model (gmem run --platform=...): what guest and host read after each conversion, while another vCPU runs
 * over neighbouring pages; conversions at random from another thread, every byte checked; code on a page that has just become private.
 * Arguments: the platform's name, milliseconds of the random part. Exit 0; 1 with the line; 77 when no guest can run.
 */
#include "cases.h"
#include "worker.h"

#include <pthread.h>

enum { PAGES = 64, NEIGHBOURS = 64, CODE_PAGE = 24 << 20 };
enum finds { KEPT, ZEROS, NOISE };

static struct {
    const char *name;
    enum finds guest, host, back; /* the guest, of the host's bytes; the host, of the guest's; the guest, of its own after to-shared and back */
} platforms[] = {
    { "sw_protected", KEPT, KEPT, KEPT },
    { "snp", NOISE, NOISE, KEPT },
    { "tdx", ZEROS, ZEROS, ZEROS },
    { "pkvm", KEPT, ZEROS, ZEROS }, /* nobody asks here: the host takes the pages */
    { "cca", ZEROS, ZEROS, ZEROS },
}, *platform;

static struct machine machine;
static unsigned char *window;
static int file;
static unsigned milliseconds;

static uint64_t gpa_of(uint64_t page) { return DATA + page * PAGE; }
static uint64_t *host_at(uint64_t page) { return (uint64_t *)(void *)(window + page * PAGE); }

static void own_memory(void)
{
    boot(&machine);
    file = create(machine.guest.vm, (PAGES + NEIGHBOURS) * PAGE, FLAG_MMAP | FLAG_INIT_SHARED);
    window = map_file(file, (PAGES + NEIGHBOURS) * PAGE);
    CHECK(set_slot(machine.guest.vm, 1, DATA, (PAGES + NEIGHBOURS) * PAGE, (uintptr_t)window, file, 0) == 0);
}

static int found(enum finds what, uint64_t word, uint64_t left)
{
    return what == KEPT ? word == left : what == ZEROS ? word == 0 : word != left && word != 0;
}

/* Another vCPU, over pages that nobody converts: shared ones and private ones by turns. */
static volatile int stop;
static void *run_beside(void *argument)
{
    struct worker *w = argument;
    for (uint64_t round = 1; !stop; ++round) {
        worker_do(w, WORK_SET, gpa_of(PAGES), NEIGHBOURS * PAGE, round);
        CHECK(worker_do(w, WORK_CHECK, gpa_of(PAGES), NEIGHBOURS * PAGE, round) == 0);
    }
    return NULL;
}

static pthread_t start_beside(struct worker *w)
{
    pthread_t thread;
    for (uint64_t p = PAGES; p < PAGES + NEIGHBOURS; p += 2)
        CHECK(convert(file, p * PAGE, PAGE, PRIVATE) == 0);
    *w = worker_start(&machine, 1);
    CHECK(pthread_create(&thread, NULL, run_beside, w) == 0);
    return thread;
}

static void who_reads_what(int unused)
{
    (void)unused;
    own_memory();
    expect_sigbus();
    struct worker w = worker_start(&machine, 0), beside;
    pthread_t thread = start_beside(&beside);
    for (uint64_t p = 0; p < PAGES; ++p) {
        uint64_t host = 0x4800 + p, guest = 0x6700 + p;
        host_at(p)[0] = host_at(p)[511] = host;
        CHECK(guest_load(&w, gpa_of(p)) == host);
        CHECK(convert(file, p * PAGE, PAGE, PRIVATE) == 0);
        CHECK(look((unsigned char *)host_at(p)) == -1);
        CHECK(found(platform->guest, guest_load(&w, gpa_of(p)), host));
        guest_store(&w, gpa_of(p), guest);
        CHECK(guest_load(&w, gpa_of(p)) == guest);
        CHECK(convert(file, p * PAGE, PAGE, 0) == 0);
        uint64_t word = host_at(p)[0];
        CHECK(found(platform->host, word, guest));
        CHECK(guest_load(&w, gpa_of(p)) == word); /* through its shared side: what the host reads */
        CHECK(convert(file, p * PAGE, PAGE, PRIVATE) == 0);
        if (strcmp(platform->name, "pkvm") != 0) /* taken by force: the guest's next access is its last */
            CHECK(found(platform->back, guest_load(&w, gpa_of(p)), guest));
        CHECK(convert(file, p * PAGE, PAGE, 0) == 0);
    }
    /* What the guest never touches stays the host's. */
    for (uint64_t p = 0; p < PAGES; ++p)
        host_at(p)[7] = p;
    CHECK(convert(file, 0, PAGES * PAGE, PRIVATE) == 0 && convert(file, 0, PAGES * PAGE, 0) == 0);
    for (uint64_t p = 0; p < PAGES; ++p)
        CHECK(host_at(p)[7] == p);
    stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);
}

/* The oracle: which side a page is on, who has written it since it came there, and what. Only what was written by a page's present owner is known. */
static struct { int private, known; uint64_t word; } oracle[PAGES];

static uint64_t dice(uint64_t *seed)
{
    *seed ^= *seed << 13, *seed ^= *seed >> 7, *seed ^= *seed << 17;
    return *seed;
}

static void at_random(int number)
{
    own_memory();
    struct worker w = worker_start(&machine, 0), beside;
    pthread_t thread = start_beside(&beside);
    uint64_t seed = (uint64_t)time(NULL) * 2 + 1 + (uint64_t)number, rounds = 0;
    printf("        seed %llu\n", (unsigned long long)seed);
    int poisons = strcmp(platform->name, "pkvm") == 0;
    for (double end = now() + milliseconds / 1e3; now() < end; ++rounds) {
        uint64_t p = dice(&seed) % PAGES, n = 1 + dice(&seed) % (PAGES - p), word = dice(&seed) | 1;
        switch (dice(&seed) % 4) {
        case 0: { /* a run to one side */
            int to = (int)(dice(&seed) & 1);
            CHECK(convert(file, p * PAGE, n * PAGE, to ? PRIVATE : 0) == 0);
            if (poisons && !to) /* punching gives the guest other pages */
                CHECK(fallocate(file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, (off_t)(p * PAGE), (off_t)(n * PAGE)) == 0);
            for (uint64_t q = p; q < p + n; ++q) {
                if (oracle[q].private != to || (poisons && !to))
                    oracle[q].known = 0;
                oracle[q].private = to;
            }
            break;
        }
        case 1: /* the guest writes */
            guest_store(&w, gpa_of(p), word);
            oracle[p].known = 1;
            oracle[p].word = word;
            break;
        case 2: /* the host writes what it may */
            if (!oracle[p].private) {
                host_at(p)[0] = word;
                oracle[p].known = 1;
                oracle[p].word = word;
            }
            break;
        default: /* everything is looked at */
            for (uint64_t q = p; q < p + n; ++q) {
                if (!oracle[q].known)
                    continue;
                CHECK(guest_load(&w, gpa_of(q)) == oracle[q].word);
                if (!oracle[q].private)
                    CHECK(host_at(q)[0] == oracle[q].word);
            }
        }
    }
    stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    printf("        %llu rounds\n", (unsigned long long)rounds);
}

/* Conversions to and fro by a thread, with a guest in the middle of the pages, which fills them with the number of its pass. Nobody hangs; and what the guest
 * wrote while all of them were its own is never seen in the clear by the host on a platform that hides it, and always on one that does not. A pass that was
 * under way at the conversion to shared goes on there: its number, and later ones, the host may see. */
static uint64_t passes, looks; /* passes that are complete; pages that were looked at and still had what the platform made of them */
static void *convert_to_and_fro(void *unused)
{
    (void)unused;
    for (uint64_t round = 0; !stop; ++round) {
        CHECK(convert(file, 0, PAGES / 2 * PAGE, PRIVATE) == 0);
        int looked = round & 1; /* else without a pause */
        uint64_t begin = __atomic_load_n(&passes, __ATOMIC_ACQUIRE), last = begin;
        while (looked && !stop && last < begin + 2) { /* one pass at least from its first page to its last */
            usleep(200);
            last = __atomic_load_n(&passes, __ATOMIC_ACQUIRE);
        }
        CHECK(convert(file, 0, PAGES / 2 * PAGE, 0) == 0);
        for (uint64_t p = 0; looked && !stop && p < PAGES / 2; ++p)
            for (int i = 0; i < 512; i += 511) {
                uint64_t word = host_at(p)[i];
                if (word > last && word < last + 1000)
                    continue; /* the guest was here again */
                ++looks;
                if (platform->host == KEPT ? word != last : word != 0 && word <= last) {
                    fprintf(stderr, "page %llu, shared since pass %llu: the host would read %llu, which the guest wrote while it was private\n", (unsigned long long)p, (unsigned long long)last, (unsigned long long)word);
                    exit(1);
                }
                CHECK(platform->host == KEPT || found(platform->host, word, last));
            }
    }
    return NULL;
}

static void conversions_under_a_running_guest(int unused)
{
    (void)unused;
    if (strcmp(platform->name, "pkvm") == 0) {
        printf("        skipped: a page that the host took is the guest's last\n");
        exit(SKIP);
    }
    own_memory();
    struct worker w = worker_start(&machine, 0), beside;
    pthread_t neighbours = start_beside(&beside), converter;
    CHECK(pthread_create(&converter, NULL, convert_to_and_fro, NULL) == 0);
    double begin = now();
    while (now() < begin + milliseconds / 1e3 || (now() < begin + case_seconds / 2 && __atomic_load_n(&looks, __ATOMIC_RELAXED) == 0)) {
        worker_do(&w, WORK_SET, gpa_of(0), PAGES / 2 * PAGE, passes + 1);
        __atomic_store_n(&passes, passes + 1, __ATOMIC_RELEASE);
    }
    stop = 1;
    CHECK(pthread_join(converter, NULL) == 0 && pthread_join(neighbours, NULL) == 0);
    printf("        %llu passes, %llu looks\n", (unsigned long long)passes, (unsigned long long)looks);
    CHECK(looks > 0);
}

/* The guest runs from a page that has just become private: where the bytes are kept, they are the code. */
static void code_on_a_private_page(int unused)
{
    (void)unused;
    own_memory();
    if (platform->guest != KEPT) { /* the guest writes its code there itself, once the page is its own */
        printf("        the guest copies its code\n");
        struct worker w = worker_start(&machine, 0);
        CHECK(convert(file, 0, PAGE, PRIVATE) == 0);
        for (uint64_t i = 0; i < (uint64_t)(worker_end - worker_begin); i += 8) {
            uint64_t word = 0;
            memcpy(&word, worker_begin + i, 8);
            guest_store(&w, DATA + i, word);
        }
        struct kvm_regs r;
        CHECK(ioctl(w.vcpu, KVM_GET_REGS, &r) == 0);
        r.rip = r.rip - WORKER_CODE + DATA;
        CHECK(ioctl(w.vcpu, KVM_SET_REGS, &r) == 0);
        guest_store(&w, gpa_of(3), 17);
        CHECK(guest_load(&w, gpa_of(3)) == 17);
        return;
    }
    struct worker w = worker_start(&machine, 0);
    memcpy(window, worker_begin, (size_t)(worker_end - worker_begin));
    CHECK(convert(file, 0, PAGE, PRIVATE) == 0);
    struct kvm_regs r;
    CHECK(ioctl(w.vcpu, KVM_GET_REGS, &r) == 0);
    r.rip = r.rip - WORKER_CODE + DATA;
    CHECK(ioctl(w.vcpu, KVM_SET_REGS, &r) == 0);
    guest_store(&w, gpa_of(3), 17);
    CHECK(guest_load(&w, gpa_of(3)) == 17);
}

/* A slot goes and comes back: its private pages are private, and reachable as before or as new ones. */
static void the_memslot_goes(int unused)
{
    (void)unused;
    own_memory();
    struct worker w = worker_start(&machine, 0);
    CHECK(convert(file, 0, 4 * PAGE, PRIVATE) == 0);
    for (uint64_t p = 0; p < 4; ++p)
        guest_store(&w, gpa_of(p), 0x6700 + p);
    CHECK(set_slot(machine.guest.vm, 1, 0, 0, 0, -1, 0) == 0);
    CHECK(set_slot(machine.guest.vm, 1, DATA, (PAGES + NEIGHBOURS) * PAGE, (uintptr_t)window, file, 0) == 0);
    int lost = strcmp(platform->name, "tdx") == 0 || strcmp(platform->name, "cca") == 0;
    for (uint64_t p = 0; p < 4; ++p)
        CHECK(guest_load(&w, gpa_of(p)) == (lost ? 0 : 0x6700 + p));
}

int main(int argc, char **argv)
{
    for (unsigned i = 0; argc > 1 && i < sizeof platforms / sizeof *platforms; ++i)
        if (strcmp(argv[1], platforms[i].name) == 0)
            platform = &platforms[i];
    CHECK(platform);
    milliseconds = argc > 2 ? (unsigned)atoi(argv[2]) : 500;
    case_seconds = milliseconds / 1000 + 60;
    run_case("who reads what", who_reads_what, 0);
    run_case("at random", at_random, 0);
    run_case("conversions under a running guest", conversions_under_a_running_guest, 0);
    run_case("code on a private page", code_on_a_private_page, 0);
    run_case("the memslot goes", the_memslot_goes, 0);
    return cases_result("guest platforms");
}
