/*
 * A VMM of a version of the interface in which guest_memfd zeroes what becomes private, on a platform that holds the guest's pages: the host's kernel writes to a page that is the guest's, or
 * nearly. host_access PLATFORM, or host_access PLATFORM nearly; under `gmem run --vcpu=scripted --uapi=feb --platform=PLATFORM` (pkvm: may1). Knows the kernel's interface only. Exit 0; 1 with the line.
 */
#include "tests/unmodified/scripted.h"

#define ALONE __attribute__((noinline, noclone))

enum { ZEROED = 1, GUESTS = 3 }; /* the page that the guest has */

static struct scripted guest;
static volatile int kept; /* a call before a return is no jump */

static int convert_as(uint64_t page, uint64_t pages, uint64_t attributes, uint64_t flags)
{
    struct memory_attributes2 a = { .offset = page * PAGE, .size = pages * PAGE, .attributes = attributes, .flags = flags };
    return ioctl(guest.data, SET_MEMORY_ATTRIBUTES2, &a);
}

ALONE static void hand_over(void)
{
    CHECK(convert_as(0, 8, PRIVATE, ZEROED) == 0); /* here: handed-over */
    kept++;
}

ALONE static void zero_again(uint64_t page, uint64_t pages)
{
    CHECK(convert_as(page, pages, PRIVATE, ZEROED) == 0); /* here: zeroed */
    kept++;
}

/* The guest accepts its page, as its platform has it. */
static void guest_takes(const char *platform, uint64_t gpa)
{
    if (strcmp(platform, "snp") == 0)
        CHECK(do_op(&guest, op(GMEM_GUEST_PVALIDATE, 0, gpa, 0, 0)) == KVM_EXIT_HLT && guest.script[0].status == 0);
    else if (strcmp(platform, "tdx") == 0)
        CHECK(do_op(&guest, op(GMEM_GUEST_TD_ACCEPT, 0, gpa, 0, 0)) == KVM_EXIT_HLT && guest.script[0].status == 0);
    else if (strcmp(platform, "cca") == 0) {
        struct gmem_guest_op to_ram = op(GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_PRIVATE | GMEM_GUEST_DESTROYED_TOO, gpa, 0, gpa + PAGE);
        CHECK_FAULT(&guest, do_op(&guest, to_ram), PRIVATE, gpa, PAGE);
        CHECK(go_on(&guest) == KVM_EXIT_HLT && guest.script[0].status == 0);
    }
    store(&guest, ON_PRIVATE, gpa + 64, 8, 42);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    int nearly = argc == 3 && strcmp(argv[2], "nearly") == 0;
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0);
    guest = start(KVM_X86_SW_PROTECTED_VM);
    expect_sigbus();
    memset(guest.window, 1, 8 * PAGE);
    hand_over();
    if (nearly)
        zero_again(0, 8); /* the guest has none of them yet */
    guest_takes(argv[1], DATA + GUESTS * PAGE);
    if (nearly) {
        zero_again(0, GUESTS);                                 /* up to it, */
        zero_again(GUESTS + 1, 7 - GUESTS);                    /* and from behind it */
        CHECK(convert_as(GUESTS, 1, 0, 0) == 0);               /* given back first */
        zero_again(GUESTS, 1);
    } else {
        for (int i = 0; i < 3; ++i) /* told once */
            zero_again(0, 8);
        CHECK(load(&guest, ON_PRIVATE, DATA + GUESTS * PAGE + 64, 8) == 42); /* gmem leaves the access out */
    }
    return 0;
}
