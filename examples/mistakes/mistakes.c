/*
 * mistakes NUMBER: five classic mistakes of a VMM whose guest converts its memory, each in a few lines of a network card. docs/tutorial.md finds them. With
 * "right" after the number: the same without the mistake. Run it under gmem:
 *
 *     gmem run -- mistakes 1
 *     gmem run --vcpu=scripted -- mistakes 5
 */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum care { mistaken, right };

/* 1. The card keeps a pointer into a buffer over a point where the guest may take the buffer back. */
static unsigned checksum(const unsigned char *bytes, size_t length)
{
    unsigned sum = 0;
    for (size_t i = 0; i < length; ++i)
        sum += bytes[i];
    return sum;
}

static void send_later(struct machine *m, enum care care)
{
    guest_posts(m, 0, 16 * PAGE, 1500);
    const unsigned char *packet = m->window + m->ring[0].offset;
    unsigned sum = care == right ? checksum(packet, 1500) : 0;
    m->ring[0].done = 1; /* the guest may reuse the buffer from here on, and has it made private */
    if (make_private(m, 16 * PAGE, PAGE) != 0)
        give_up("make_private");
    if (care == mistaken)
        sum = checksum(packet, 1500);
    printf("sent a packet with checksum %u\n", sum);
}

/* 2. The card hands a buffer to the kernel without asking whether it is shared. */
static void write_to_tap(struct machine *m, enum care care)
{
    int tap = open("/dev/null", O_WRONLY | O_CLOEXEC), ends[2];
    if (tap < 0 || pipe(ends) != 0)
        give_up("tap");
    guest_posts(m, 0, 32 * PAGE, 64);
    if (make_private(m, 32 * PAGE, PAGE) != 0)
        give_up("make_private");
    if (care == right && make_shared(m, 32 * PAGE, PAGE) != 0)
        give_up("make_shared");
    if (write(ends[1], m->window + m->ring[0].offset, m->ring[0].length) < 0)
        printf("the packet is lost: %s\n", strerror(errno));
    else
        printf("the packet is out\n");
}

/* 3. The card lets the kernel hold a page (here: in a pipe, without a copy), and forgets it there. */
static void zero_copy(struct machine *m, enum care care)
{
    int ends[2];
    if (pipe(ends) != 0)
        give_up("pipe");
    guest_posts(m, 0, 48 * PAGE, PAGE);
    struct iovec part = { m->window + m->ring[0].offset, PAGE };
    if (vmsplice(ends[1], &part, 1, 0) != PAGE)
        give_up("vmsplice");
    static unsigned char packet[PAGE];
    if (care == right && read(ends[0], packet, sizeof packet) != PAGE)
        give_up("read");
    if (make_private(m, 40 * PAGE, 16 * PAGE) != 0)
        printf("the guest does not get its memory: %s\n", strerror(errno));
    else
        printf("the guest has its memory\n");
}

/* 4. The memslot's userspace_addr is not the guest_memfd's mapping: the card writes where no guest ever looks. */
static void other_memory(struct machine *m, enum care care)
{
    void *memory = care == right ? m->window : mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        give_up("mmap");
    bind_memory(m, memory);
    memcpy((unsigned char *)memory + 64 * PAGE, "a packet", 8);
    printf("the guest finds: %.8s\n", (const char *)m->window + 64 * PAGE);
}

/* 5. The image's second half is not loaded when it is measured. */
struct tdx_cmd { uint32_t id, flags; uint64_t data, hw_error; };
struct tdx_region { uint64_t source, gpa, pages; };
struct tdx_init_vm { uint64_t attributes, xfam, ids[18], reserved[12]; struct { uint32_t nent, padding; struct { uint32_t function, index, flags, eax, ebx, ecx, edx, padding[3]; } entries[1]; } cpuid; };
enum { TDX_INIT_VM = 1, TDX_INIT_VCPU, TDX_INIT_MEM_REGION, TDX_FINALIZE_VM, MEASURE = 1, TDX_VM = 5 };

static void tdx(int fd, uint32_t id, uint32_t flags, void *data)
{
    struct tdx_cmd c = { .id = id, .flags = flags, .data = (uint64_t)(uintptr_t)data };
    if (ioctl(fd, _IOWR(KVMIO, 0xba, unsigned long), &c) != 0)
        give_up("KVM_MEMORY_ENCRYPT_OP");
}

static void load(struct machine *m, uint64_t offset, uint64_t size) { memset(m->window + offset, 0x90, size); }

static void launch(struct machine *m, enum care care)
{
    bind_memory(m, m->window);
    static struct tdx_init_vm init = { .xfam = 3, .cpuid = { .nent = 1, .entries = { { .function = 0x80000008, .eax = 48u << 16 | 48 } } } };
    tdx(m->vm, TDX_INIT_VM, 0, &init);
    int vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
    if (vcpu < 0)
        give_up("KVM_CREATE_VCPU");
    tdx(vcpu, TDX_INIT_VCPU, 0, NULL);
    load(m, 0, care == right ? 8 * PAGE : 4 * PAGE);
    if (make_private(m, 0, 8 * PAGE) != 0)
        give_up("make_private");
    struct tdx_region image = { .gpa = GUEST_GPA, .pages = 8 };
    tdx(vcpu, TDX_INIT_MEM_REGION, MEASURE, &image);
    tdx(m->vm, TDX_FINALIZE_VM, 0, NULL);
    printf("the TD is launched\n");
}

int main(int argc, char **argv)
{
    static void (*const mistakes[])(struct machine *, enum care) = { send_later, write_to_tap, zero_copy, other_memory, launch };
    int number = argc > 1 ? atoi(argv[1]) : 0;
    if (number < 1 || number > 5) {
        fprintf(stderr, "mistakes 1|2|3|4|5 [right]\n");
        return 2;
    }
    struct machine m = make_machine(number == 5 ? TDX_VM : KVM_X86_SW_PROTECTED_VM);
    mistakes[number - 1](&m, argc > 2 && strcmp(argv[2], "right") == 0 ? right : mistaken);
    return 0;
}
