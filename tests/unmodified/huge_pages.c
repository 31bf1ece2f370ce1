/*
 * A guest on huge pages (gmem run --hugepages): they stay through conversions of 4 KiB, and what the guest writes while the host
 * punches the rest of their 2 MiB is not lost. Uses the guest of examples/. Exit 0; 1 with the line; 77 when it cannot be done here.
 */
#include "guest.h"
#include "guest_memfd_uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);     \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

enum { HUGE = 2 << 20, EXTENTS = 4, SIZE = EXTENTS * HUGE, DATA = 16 << 20, PUNCH = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE };

static struct guest guest;
static int data;
static unsigned char *window;

static int create(uint64_t size)
{
    struct create_guest_memfd c = { .size = size, .flags = FLAG_MMAP | FLAG_INIT_SHARED };
    int fd = ioctl(guest.vm, CREATE_GUEST_MEMFD, &c);
    CHECK(fd >= 0);
    return fd;
}

static void bind_slot(uint32_t slot, uint64_t gpa, uint64_t size, int fd)
{
    struct memory_region2 r;
    memset(&r, 0, sizeof r);
    r.slot = slot;
    r.flags = MEM_GUEST_MEMFD;
    r.guest_phys_addr = gpa;
    r.memory_size = size;
    r.guest_memfd = (uint32_t)fd;
    CHECK(ioctl(guest.vm, SET_USER_MEMORY_REGION2, &r) == 0);
}

static int convert(uint64_t offset, uint64_t size, uint64_t attributes)
{
    struct memory_attributes2 a;
    memset(&a, 0, sizeof a);
    a.offset = offset;
    a.size = size;
    a.attributes = attributes;
    return ioctl(data, SET_MEMORY_ATTRIBUTES2, &a);
}

static uint64_t ask(enum operation what, uint64_t gpa, uint64_t length)
{
    uint64_t answer = 0;
    CHECK(guest_do(&guest, what, gpa, length, &answer) == KVM_EXIT_IO);
    return answer;
}

/* Kibibytes of guest memory that mappings other than [window, window + SIZE) show as huge pages. */
static long mapped_huge_by_others(void)
{
    FILE *smaps = fopen("/proc/self/smaps", "r");
    char line[512];
    unsigned long begin = 0, end = 0;
    long sum = 0, n;
    int counts = 0;
    while (fgets(line, sizeof line, smaps)) {
        if (strchr(line, '-') && strchr(line, '-') < strchr(line, ' ') && sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            counts = strstr(line, "guest_memfd") && (begin < (unsigned long)window || begin >= (unsigned long)window + SIZE);
        else if (counts && sscanf(line, "ShmemPmdMapped: %ld kB", &n) == 1)
            sum += n;
    }
    fclose(smaps);
    return sum;
}

/* Asked of the kernel without guest_memfd. */
static int kernel_makes_huge_pages(void)
{
    int fd = memfd_create("collapse", 0);
    char *room = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *aligned = (char *)(((uintptr_t)room + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
    int makes = ftruncate(fd, HUGE) == 0 && mmap(aligned, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == aligned
        && madvise(aligned, HUGE, 23) == 0 && madvise(aligned, HUGE, 25) == 0; /* POPULATE_WRITE, COLLAPSE */
    munmap(room, 2 * HUGE);
    close(fd);
    return makes;
}

static void conversions_leave_them_whole(void)
{
    memset(window, 1, SIZE);
    long before = mapped_huge_by_others();
    CHECK(before >= SIZE / 1024);
    for (uint64_t p = 0; p < SIZE / PAGE; p += 7)
        CHECK(convert(p * PAGE, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK(ask(GUEST_SUM, DATA + HUGE - 2 * PAGE, 4 * PAGE) == 4 * PAGE);
    CHECK(ask(GUEST_FILL, DATA, 512) == 512);
    CHECK(window[100 * PAGE] == 101);
    CHECK(convert(0, SIZE, 0) == 0);
    CHECK(window[98 * PAGE] == 99 && window[98 * PAGE + 1] == 1);
    CHECK(mapped_huge_by_others() >= before);
}

/* Calls on memory that nobody has touched: fread and fwrite go around every wrapper of read and write. */
static void calls_on_untouched_memory(void)
{
    int fd = create(3 * HUGE), pipes[2];
    unsigned char *fresh = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    FILE *stream = tmpfile();
    CHECK(fwrite(fresh, 1, HUGE / 2, stream) == HUGE / 2 && fwrite(window + HUGE, 1, HUGE, stream) == HUGE);
    rewind(stream);
    CHECK(fread(fresh + HUGE - 12345, 1, HUGE + HUGE / 2, stream) == HUGE + HUGE / 2);
    CHECK(memcmp(fresh + HUGE - 12345 + HUGE / 2, window + HUGE, HUGE / 2) == 0);
    fclose(stream);
    munmap(fresh, 3 * HUGE);
    close(fd);

    fd = create(HUGE);
    fresh = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(pipe(pipes) == 0 && write(pipes[1], "abc", 3) == 3 && read(pipes[0], fresh + 5 * PAGE - 1, 3) == 3);
    CHECK(memcmp(fresh + 5 * PAGE - 1, "abc", 3) == 0);
    CHECK(madvise(fresh, HUGE, MADV_HUGEPAGE) == 0 && mlock(fresh, 3 * PAGE) == 0);
    munmap(fresh, HUGE);
    close(fd);
    close(pipes[0]);
    close(pipes[1]);
}

static void a_punched_page_is_zero_for_the_guest(void)
{
    CHECK(convert(8 * PAGE, 8 * PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0);
    CHECK(fallocate(data, PUNCH, 12 * PAGE, 8 * PAGE) == 0);
    CHECK(ask(GUEST_SUM, DATA + 12 * PAGE, 8 * PAGE) == 0);
    CHECK(ask(GUEST_LOAD, DATA + 11 * PAGE, 0) != 0 && ask(GUEST_LOAD, DATA + 20 * PAGE, 0) != 0);
    CHECK(window[17 * PAGE] == 0 && window[20 * PAGE + 1] == 1);
    CHECK(mapped_huge_by_others() >= SIZE / 1024);
    CHECK(convert(8 * PAGE, 8 * PAGE, 0) == 0);
}

static _Atomic int turn, done, stop;
enum { WRITTEN = DATA + 2 * HUGE + 5 * PAGE };

static void *write_when_told(void *unused)
{
    (void)unused;
    for (int round = 1; !stop; ++round) {
        while (turn < round && !stop)
            ;
        if (stop)
            break;
        for (volatile int wait = round * 37 % 4000; wait > 0; --wait) /* anywhere in what the host does meanwhile */
            ;
        CHECK(ask(GUEST_FILL, WRITTEN, 1) == 1);
        done = round;
    }
    return NULL;
}

/* The first half is punched, then the guest writes to it while the other half goes: the 2 MiB look empty for a moment. */
static int writes_while_the_rest_is_punched(int rounds)
{
    pthread_t thread;
    pthread_create(&thread, NULL, write_when_told, NULL);
    int kept = 0;
    for (int round = 1; round <= rounds; ++round) {
        CHECK(fallocate(data, PUNCH, 2 * HUGE, HUGE / 2) == 0);
        turn = round;
        CHECK(fallocate(data, PUNCH, 2 * HUGE + HUGE / 2, HUGE / 2) == 0);
        while (done < round)
            ;
        CHECK(window[2 * HUGE + 5 * PAGE] == 1);
        CHECK(window[2 * HUGE + 4 * PAGE] == 0);
        window[2 * HUGE + HUGE / 2] = 2; /* the second half is in use again */
        ++kept;
    }
    stop = 1;
    pthread_join(thread, NULL);
    return kept;
}

int main(int argc, char **argv)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0 || access("/dev/kvm", W_OK) < 0 || ioctl(kvm, KVM_CHECK_EXTENSION, CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES) <= 0) {
        printf("skipped: no /dev/kvm with conversion here, so no guest can run\n");
        return 77;
    }
    if (!kernel_makes_huge_pages()) {
        printf("skipped: this kernel does not collapse shmem\n");
        return 77;
    }
    guest.vm = ioctl(kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
    CHECK(guest.vm >= 0);
    int system = create(HUGE);
    guest.system = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, system, 0);
    bind_slot(0, 0, HUGE, system);
    CHECK(guest_start(&guest, kvm) == 0);
    data = create(SIZE);
    window = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, data, 0);
    CHECK(window != MAP_FAILED);
    bind_slot(1, DATA, SIZE, data);

    conversions_leave_them_whole();
    calls_on_untouched_memory();
    a_punched_page_is_zero_for_the_guest();
    int rounds = writes_while_the_rest_is_punched(argc > 1 ? atoi(argv[1]) : 300);
    printf("huge pages: ok, %d rounds\n", rounds);
    return 0;
}
