/*
 * A small VMM that converts guest memory in place between shared and private. It knows the kernel's interface and libc, nothing
 * else. Run it under `gmem run`, or on a kernel that has the interface.
 *
 * Exit status: 0 everything was as the interface promises; 1 something was not; 3 this kernel lacks the interface.
 */
#include "guest.h"
#include "guest_memfd_uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define SYSTEM_SIZE (2 * MIB) /* the guest's page tables, code and mailbox */
#define DATA_GPA (16 * MIB)
#define DATA_SIZE (4 * MIB)
#define DATA_OFFSET SYSTEM_SIZE

static int steps, wrong;

/* One line a step: what was done, what was seen, and whether that is what the interface promises. */
static void step(const char *what, int as_promised, const char *seen)
{
    printf("%2d. %-62s %-44s %s\n", ++steps, what, seen, as_promised ? "ok" : "WRONG");
    wrong += !as_promised;
}

static void give_up(const char *what)
{
    fprintf(stderr, "small_vmm: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int lacking(const char *what)
{
    fprintf(stderr, "small_vmm: this kernel has no %s; run me under gmem: gmem run -- small_vmm\n", what);
    return 3;
}

/* A host access that may raise SIGBUS. */
static sigjmp_buf escape;
static siginfo_t fault;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    fault = *info;
    siglongjmp(escape, 1);
}

static int host_can_read(const volatile unsigned char *p, unsigned char *value)
{
    if (sigsetjmp(escape, 1))
        return 0;
    *value = *p;
    return 1;
}

/* EAGAIN means that somebody still holds a page: let go of what we hold, and try again. */
static int convert(int memory, uint64_t offset, uint64_t size, uint64_t attributes)
{
    for (int attempt = 0;; ++attempt) {
        struct memory_attributes2 request;
        memset(&request, 0, sizeof request);
        request.offset = offset;
        request.size = size;
        request.attributes = attributes;
        if (ioctl(memory, SET_MEMORY_ATTRIBUTES2, &request) == 0)
            return 0;
        if (errno != EAGAIN || attempt == 100)
            return -1;
        fprintf(stderr, "small_vmm: the page at offset %#llx is in use, trying again\n", (unsigned long long)request.error_offset);
        usleep(1000);
    }
}

static int bind_slot(int vm, uint32_t slot, uint64_t gpa, uint64_t size, void *host, int memory, uint64_t offset)
{
    struct memory_region2 region;
    memset(&region, 0, sizeof region);
    region.slot = slot;
    region.flags = size ? MEM_GUEST_MEMFD : 0;
    region.guest_phys_addr = gpa;
    region.memory_size = size;
    region.userspace_addr = (uint64_t)(uintptr_t)host;
    region.guest_memfd = (uint32_t)memory;
    region.guest_memfd_offset = offset;
    return ioctl(vm, SET_USER_MEMORY_REGION2, &region);
}

static void one_page(struct guest *g, int memory, unsigned char *data)
{
    char seen[128];
    uint64_t answer = 0;
    static const char message[] = "hello from the host";
    memcpy(data, message, sizeof message);
    uint64_t expected = 0;
    for (size_t i = 0; i < sizeof message; ++i)
        expected += (unsigned char)message[i];

    int reason = guest_do(g, GUEST_SUM, DATA_GPA, sizeof message, &answer);
    snprintf(seen, sizeof seen, "the guest answers %llu", (unsigned long long)answer);
    step("host writes a message, guest sums its bytes", reason == KVM_EXIT_IO && answer == expected, seen);

    step("page becomes private (KVM_SET_MEMORY_ATTRIBUTES2)", convert(memory, DATA_OFFSET, PAGE, MEMORY_ATTRIBUTE_PRIVATE) == 0, "0");

    unsigned char value = 0;
    int readable = host_can_read(data + 6, &value);
    snprintf(seen, sizeof seen, readable ? "readable!" : "SIGBUS, code %d, at page + %ld", fault.si_code, (long)((unsigned char *)fault.si_addr - data));
    step("host touches byte 6 of the private page", !readable && fault.si_code == BUS_ADRERR && fault.si_addr == data + 6, seen);

    int out = open("/dev/null", O_WRONLY), pipes[2];
    if (out < 0 || pipe(pipes) < 0)
        give_up("pipe");
    ssize_t sent = write(pipes[1], data, 5);
    snprintf(seen, sizeof seen, "%s", sent < 0 ? strerror(errno) : "sent!");
    step("host hands the private page to write(2)", sent == -1 && errno == EFAULT, seen);
    close(out);
    close(pipes[0]);
    close(pipes[1]);

    reason = guest_do(g, GUEST_SUM, DATA_GPA, sizeof message, &answer);
    snprintf(seen, sizeof seen, "the guest answers %llu", (unsigned long long)answer);
    step("guest sums the same bytes: in place, nothing was copied", reason == KVM_EXIT_IO && answer == expected, seen);

    guest_do(g, GUEST_FILL, DATA_GPA, 1, &answer); /* overwrites the first byte with 1 */
    step("page becomes shared again", convert(memory, DATA_OFFSET, PAGE, 0) == 0, "0");
    snprintf(seen, sizeof seen, "\\%o%.18s", data[0], (char *)data + 1);
    step("host reads what the guest wrote while it was private", data[0] == 1 && strcmp((char *)data + 1, message + 1) == 0, seen);

    int punched = fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)DATA_OFFSET, PAGE);
    snprintf(seen, sizeof seen, "bytes 0 to 3 are %d %d %d %d", data[0], data[1], data[2], data[3]);
    step("punch hole frees the page; it reads as zeros", punched == 0 && data[0] == 0 && data[1] == 0, seen);
}

static void two_megabytes(struct guest *g, int memory, unsigned char *data)
{
    char seen[128];
    uint64_t answer = 0;
    enum { PAGES = 512 };
    step("2 MiB become private in one call", convert(memory, DATA_OFFSET, 2 * MIB, MEMORY_ATTRIBUTE_PRIVATE) == 0, "0");
    int reason = guest_do(g, GUEST_FILL, DATA_GPA, PAGES, &answer);
    snprintf(seen, sizeof seen, "%llu pages written", (unsigned long long)answer);
    step("guest writes all 512 pages", reason == KVM_EXIT_IO && answer == PAGES, seen);

    int reachable = 0;
    unsigned char value = 0;
    for (int i = 0; i < PAGES; ++i)
        reachable += host_can_read(data + i * PAGE, &value);
    snprintf(seen, sizeof seen, "%d of 512 readable", reachable);
    step("host tries each of them", reachable == 0, seen);

    step("2 MiB become shared in one call", convert(memory, DATA_OFFSET, 2 * MIB, 0) == 0, "0");
    int right = 0;
    for (int i = 0; i < PAGES; ++i)
        right += host_can_read(data + i * PAGE, &value) && value == (unsigned char)(i + 1);
    snprintf(seen, sizeof seen, "%d of 512 as the guest left them", right);
    step("host reads each of them", right == PAGES, seen);
}

int main(void)
{
    char seen[128];
    setvbuf(stdout, NULL, _IOLBF, 0);
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        return lacking("/dev/kvm that I may open");
    if (ioctl(kvm, KVM_CHECK_EXTENSION, CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES) <= 0)
        return lacking("in-place conversion of guest_memfd (KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES)");

    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, NULL);

    struct guest g = { .vm = ioctl(kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM), .vcpu = -1 };
    if (g.vm < 0)
        give_up("KVM_CREATE_VM of type KVM_X86_SW_PROTECTED_VM");
    struct create_guest_memfd create = { .size = SYSTEM_SIZE + DATA_SIZE, .flags = FLAG_MMAP | FLAG_INIT_SHARED };
    int memory = ioctl(g.vm, CREATE_GUEST_MEMFD, &create);
    if (memory < 0)
        give_up("KVM_CREATE_GUEST_MEMFD");
    g.system = mmap(NULL, SYSTEM_SIZE + DATA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (g.system == MAP_FAILED)
        give_up("mmap of the guest_memfd");
    unsigned char *data = g.system + DATA_OFFSET;
    snprintf(seen, sizeof seen, "fd %d, mapped at %p", memory, (void *)g.system);
    step("a guest_memfd of 6 MiB, all pages shared, mapped by the host", 1, seen);

    int bound = bind_slot(g.vm, 0, 0, SYSTEM_SIZE, g.system, memory, 0) == 0 && bind_slot(g.vm, 1, DATA_GPA, DATA_SIZE, data, memory, DATA_OFFSET) == 0;
    step("two memslots show it to the guest", bound, bound ? "0" : strerror(errno));
    int started = guest_start(&g, kvm) == 0;
    step("a vCPU in 64-bit mode runs to its first question", started, started ? "KVM_EXIT_IO" : strerror(errno));
    if (!started)
        return 1;

    one_page(&g, memory, data);
    two_megabytes(&g, memory, data);

    bind_slot(g.vm, 1, DATA_GPA, 0, NULL, memory, 0);
    int reason = guest_do(&g, GUEST_LOAD, DATA_GPA, 0, NULL);
    snprintf(seen, sizeof seen, "exit reason %d, address %#llx", reason, (unsigned long long)g.run->mmio.phys_addr);
    step("the data memslot is deleted: guest access is MMIO", reason == KVM_EXIT_MMIO && g.run->mmio.phys_addr == DATA_GPA, seen);

    munmap(g.system, SYSTEM_SIZE + DATA_SIZE);
    close(memory);
    close(g.vcpu);
    close(g.vm);
    close(kvm);
    printf("%s: %d of %d steps as the interface promises\n", wrong ? "WRONG" : "small_vmm", steps - wrong, steps);
    return wrong != 0;
}
