/*
 * One mistake with guest memory a run, as a VMM could make it, or what only looks like it: mistakes NAME, or mistakes nearly-NAME. The lines that a report
 * has to name are marked: "here: MARK". Knows the kernel's interface only. 77 when there is no VM here.
 */
#include "tests/support/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);     \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)
#define ALONE __attribute__((noinline, noclone))

enum { PAGE = 4096, PAGES = 16, MMAP = 1, INIT_SHARED = 2, PRIVATE = 8 };

struct memory_region2 { uint32_t slot, flags; uint64_t gpa, size, userspace_addr, offset; uint32_t fd, pad1; uint64_t pad2[14]; };
#define SET_USER_MEMORY_REGION2 _IOW(0xAE, 0x49, struct memory_region2)

static int vm, file, nearly;
static unsigned char *window;
static volatile int kept; /* a call before a return is no jump */

static void begin(uint64_t flags)
{
    vm = ioctl(open("/dev/kvm", O_RDWR | O_CLOEXEC), CREATE_VM, 1ul);
    if (vm < 0)
        exit(77);
    file = create_file(vm, PAGES * PAGE, flags);
    CHECK(file >= 0);
    window = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(window != MAP_FAILED);
}

static int bind_memory(uint32_t slot, uint64_t gpa, const void *address)
{
    struct memory_region2 r = { .slot = slot, .flags = 4, .gpa = gpa, .size = PAGES * PAGE, .userspace_addr = (uintptr_t)address, .fd = (uint32_t)file };
    return ioctl(vm, SET_USER_MEMORY_REGION2, &r);
}

ALONE static int hand_to_guest(int page, int pages)
{
    int result = convert_range(file, (uint64_t)page * PAGE, (uint64_t)pages * PAGE, PRIVATE); /* here: made-private */
    kept += result;
    return result;
}

ALONE static int take_back(int page, int pages)
{
    int result = convert_range(file, (uint64_t)page * PAGE, (uint64_t)pages * PAGE, 0); /* here: taken-back */
    kept += result;
    return result;
}

ALONE static void store_header(unsigned char *at)
{
    *(volatile uint32_t *)at = 0x464c457f; /* here: written */
    kept++;
}

ALONE static int load_header(const unsigned char *at)
{
    int value = *(const volatile unsigned char *)at; /* here: read */
    kept++;
    return value;
}

static void private_write(void)
{
    begin(MMAP | INIT_SHARED);
    CHECK(bind_memory(3, 0x1000000, window) == 0);
    CHECK(hand_to_guest(3, 2) == 0);
    if (nearly)
        CHECK(take_back(3, 2) == 0);
    store_header(window + 3 * PAGE + 16);
    store_header(window + 5 * PAGE - (nearly ? PAGE : 0));
}

static void private_read(void)
{
    begin(nearly ? MMAP | INIT_SHARED : MMAP); /* here: created */
    kept += load_header(window);
}

static void *thread_body(void *nothing)
{
    store_header(window + PAGE);
    return nothing;
}

static void private_thread(void)
{
    pthread_t thread;
    begin(MMAP | INIT_SHARED);
    if (!nearly)
        CHECK(hand_to_guest(1, 1) == 0);
    CHECK(pthread_create(&thread, NULL, thread_body, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

static void private_child(void)
{
    begin(MMAP | INIT_SHARED);
    CHECK(hand_to_guest(1, 1) == 0);
    pid_t child = fork();
    if (child == 0) {
        store_header(window + (nearly ? 2 : 1) * PAGE);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && (nearly ? status == 0 : WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS));
}

static sigjmp_buf escape;
static void on_sigbus(int number)
{
    siglongjmp(escape, number);
}

static void handled(void)
{
    begin(MMAP | INIT_SHARED);
    signal(SIGBUS, on_sigbus);
    CHECK(hand_to_guest(1, 1) == 0);
    for (int i = 0; i < 3; i++)
        if (!sigsetjmp(escape, 1)) {
            store_header(window + PAGE);
            exit(1);
        }
}

ALONE static long send_page(int to, const void *page)
{
    long result = write(to, page, PAGE); /* here: sent */
    kept++;
    return result;
}

static void private_syscall(void)
{
    int ends[2];
    begin(MMAP | INIT_SHARED);
    CHECK(pipe(ends) == 0 && hand_to_guest(2, 1) == 0);
    CHECK(nearly ? send_page(ends[1], window + PAGE) == PAGE : send_page(ends[1], window + 2 * PAGE) == -1 && errno == EFAULT);
    CHECK(send_page(ends[1], (void *)8) == -1 && errno == EFAULT); /* nobody's memory */
}

ALONE static void give_to_pipe(int to, unsigned char *page)
{
    struct iovec v = { page, PAGE };
    CHECK(vmsplice(to, &v, 1, 0) == PAGE); /* here: pinned */
    kept++;
}

static void drain(int from)
{
    static unsigned char buffer[PAGE];
    CHECK(read(from, buffer, PAGE) == PAGE);
}

static void pinned_conversion(void)
{
    int ends[2];
    begin(MMAP | INIT_SHARED);
    memset(window, 1, PAGES * PAGE);
    CHECK(pipe(ends) == 0);
    give_to_pipe(ends[1], window + 4 * PAGE);
    if (nearly)
        drain(ends[0]);
    CHECK(hand_to_guest(5, 1) == 0);
    CHECK(hand_to_guest(3, 2) == (nearly ? 0 : -1) && (nearly || errno == EAGAIN));
    if (!nearly)
        drain(ends[0]);
    CHECK(hand_to_guest(3, 2) == 0);
}

static void pinned_at_exit(void)
{
    int ends[2];
    begin(MMAP | INIT_SHARED);
    memset(window, 1, PAGES * PAGE);
    CHECK(pipe(ends) == 0);
    give_to_pipe(ends[1], window + 4 * PAGE);
    if (nearly) {
        drain(ends[0]);
        CHECK(hand_to_guest(4, 1) == 0);
    }
}

/* Under a platform that refuses what no guest asked for; a file that is as it shall be asks nothing of the platform. */
static void platform_refusal(void)
{
    begin(nearly ? MMAP | INIT_SHARED : MMAP);
    CHECK(take_back(0, 1) == (nearly ? 0 : -1) && (nearly || errno == EPERM));
}

static void ping_pong(void)
{
    begin(MMAP | INIT_SHARED);
    for (int i = 0; i < (nearly ? 45 : 200); i++)
        CHECK(hand_to_guest(1, 1) == 0 && take_back(1, 1) == 0);
    for (int i = 0; i < PAGES; i++) /* often, but each page once */
        CHECK(hand_to_guest(i, 1) == 0);
}

ALONE static void plug(const void *address)
{
    CHECK(bind_memory(1, 0x2000000, address) == 0); /* here: bound */
    kept++;
}

static void foreign_userspace_addr(void)
{
    begin(MMAP | INIT_SHARED);
    void *other = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(other != MAP_FAILED);
    plug(nearly ? window : other);
}

struct { const char *name; void (*body)(void); } const cases[] = {
    { "private-write", private_write }, { "private-read", private_read }, { "private-thread", private_thread }, { "private-child", private_child },
    { "handled", handled }, { "private-syscall", private_syscall }, { "pinned-conversion", pinned_conversion }, { "pinned-at-exit", pinned_at_exit },
    { "platform-refusal", platform_refusal }, { "ping-pong", ping_pong }, { "foreign-userspace-addr", foreign_userspace_addr },
};

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    nearly = strncmp(name, "nearly-", 7) == 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(cases[i].name, name + (nearly ? 7 : 0)) == 0) {
            cases[i].body();
            return 0;
        }
    fprintf(stderr, "mistakes: which?\n");
    return 2;
}
