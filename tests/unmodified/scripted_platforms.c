/*
 * What guests of each platform do to their pages, and what the host sees of it. The argument names the platform that `gmem run --platform` chose.
 * Exit 0; 1 with the line.
 */
#include "scripted.h"

static uint64_t all_words(const unsigned char *page)
{
    uint64_t first = 0, word = 0;
    memcpy(&first, page, 8);
    for (int at = 0; at < 4096; at += 8)
        if (memcpy(&word, page + at, 8), word != first)
            return ~(uint64_t)0;
    return first;
}

static void enable_exits(int vm)
{
    struct kvm_enable_cap c;
    memset(&c, 0, sizeof c);
    c.cap = KVM_CAP_EXIT_HYPERCALL;
    c.args[0] = 1 << 12;
    CHECK(ioctl(vm, KVM_ENABLE_CAP, &c) == 0);
}

static uint64_t status_of(struct scripted *s, struct gmem_guest_op o)
{
    CHECK(do_op(s, o) == KVM_EXIT_HLT);
    return s->script[0].status;
}

/* The request exits, the VMM converts the data page at `offset`, and the guest hears that it is so. */
static void request(struct scripted *s, struct gmem_guest_op o, uint64_t offset, uint64_t to)
{
    CHECK(do_op(s, o) == KVM_EXIT_HYPERCALL && s->run->hypercall.args[0] == DATA + offset);
    CHECK(convert(s->data, offset, 4096, to) == 0);
    s->run->hypercall.ret = 0;
    CHECK(go_on(s) == KVM_EXIT_HLT && s->script[0].status == 0);
}

static struct gmem_guest_op psc(uint64_t gpa, uint64_t direction) { return op(GMEM_GUEST_PSC_MSR, 0, 0, 0, gpa | direction << 52 | 0x014); }

static void snp(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    struct gmem_guest_op validate = op(GMEM_GUEST_PVALIDATE, 0, DATA, 0, 0), check = op(GMEM_GUEST_CHECK, ON_PRIVATE, DATA, 4096, 42);
    uint64_t vc = GMEM_GUEST_EXCEPTION + GMEM_GUEST_VC;
    enable_exits(s.vm);
    memset(s.window, 0x11, 4096);
    CHECK_FAULT(&s, do_op(&s, validate), PRIVATE, DATA, 4096); /* a shared page cannot be validated */
    request(&s, psc(DATA, 1), 0, PRIVATE);
    CHECK(s.script[0].result == 0x015 && look(s.window) == -1);
    CHECK(status_of(&s, op(GMEM_GUEST_LOAD, ON_PRIVATE, DATA, 8, 0)) == vc);
    CHECK(status_of(&s, validate) == 0 && s.script[0].result == 0);
    CHECK(status_of(&s, validate) == 0 && s.script[0].result == 1); /* the carry flag: nothing changed */
    CHECK(load(&s, ON_PRIVATE, DATA, 8) != 0x1111111111111111);     /* deciphered, and never enciphered */
    CHECK(status_of(&s, op(GMEM_GUEST_FILL, ON_PRIVATE, DATA, 4096, 42)) == 0);
    request(&s, psc(DATA, 2), 0, 0);
    CHECK(all_words(s.window) == ~(uint64_t)0);                     /* ciphertext */
    CHECK(load(&s, SHARED_SIDE, DATA, 1) == s.window[0]);
    request(&s, psc(DATA, 1), 0, PRIVATE);
    CHECK(status_of(&s, check) == vc);                              /* validated anew */
    CHECK(status_of(&s, validate) == 0 && s.script[0].result == 0);
    CHECK(status_of(&s, check) == 0 && s.script[0].result == 4096); /* and there it is again */
    validate.flags = GMEM_GUEST_RESCIND;
    CHECK(status_of(&s, validate) == 0 && s.script[0].result == 0 && status_of(&s, check) == vc);
    CHECK(status_of(&s, op(GMEM_GUEST_MEM_SHARE, 0, DATA, 0, 0)) == GMEM_GUEST_UNDEFINED);
}

static void pkvm(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    struct gmem_guest_op share = op(GMEM_GUEST_MEM_SHARE, 0, DATA, 0, 0), unshare = op(GMEM_GUEST_MEM_UNSHARE, 0, DATA, 0, 0);
    memset(s.window, 0x11, 4096);
    CHECK(convert(s.data, 0, 4096, PRIVATE) == 0);
    CHECK(load(&s, ON_PRIVATE, DATA, 8) == 0x1111111111111111); /* donated with what is in it */
    CHECK(status_of(&s, op(GMEM_GUEST_FILL, ON_PRIVATE, DATA, 4096, 42)) == 0);
    request(&s, share, 0, 0);
    CHECK(all_words(s.window) == 42 && load(&s, SHARED_SIDE, DATA, 8) == 42);
    CHECK(status_of(&s, share) == (uint64_t)-3); /* it is shared already */
    request(&s, unshare, 0, PRIVATE);
    CHECK(look(s.window) == -1 && load(&s, ON_PRIVATE, DATA, 8) == 42);
    share.value = 1;
    CHECK(status_of(&s, share) == (uint64_t)-3);

    /* EL2 has taken the page back, and the guest has not yet touched it: a host that takes it unasked finds it wiped. */
    share.value = 0;
    request(&s, share, 0, 0);
    CHECK(all_words(s.window) == 42);
    request(&s, unshare, 0, PRIVATE);
    CHECK(convert(s.data, 0, 4096, 0) == 0 && all_words(s.window) == 0);
}

static int refused(int fd, uint64_t offset, uint64_t size, uint64_t to) { return convert(fd, offset, size, to) == -1 && errno == EPERM; }

/* pkvm-unsolicited=refused: no conversion that the guest has not asked for, in this direction and for this page; and each request is good once. */
static void pkvm_refused(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    struct gmem_guest_op share = op(GMEM_GUEST_MEM_SHARE, 0, DATA, 0, 0);
    struct gmem_guest_op map = op(GMEM_GUEST_MAP_GPA_RANGE, 0, DATA + 4096, 2, 16);
    enable_exits(s.vm);
    CHECK(refused(s.data, 0, 4096, PRIVATE) && load(&s, SHARED_SIDE, DATA, 8) == 0);
    request(&s, op(GMEM_GUEST_MAP_GPA_RANGE, 0, DATA, 1, 16), 0, PRIVATE);
    CHECK(status_of(&s, op(GMEM_GUEST_FILL, ON_PRIVATE, DATA, 4096, 42)) == 0);
    CHECK(refused(s.data, 0, 4096, 0) && look(s.window) == -1);
    request(&s, share, 0, 0);
    CHECK(all_words(s.window) == 42);
    CHECK(refused(s.data, 0, 4096, PRIVATE) && all_words(s.window) == 42);
    CHECK(do_op(&s, map) == KVM_EXIT_HYPERCALL);
    s.run->hypercall.args[0] = DATA; /* the run page is the VMM's to write, and convinces nobody */
    CHECK(refused(s.data, 0, 4096, PRIVATE) && refused(s.data, 4096, 3 * 4096, PRIVATE));
    CHECK(convert(s.data, 4096, 4096, PRIVATE) == 0 && convert(s.data, 2 * 4096, 4096, PRIVATE) == 0);
}

static void cca(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    struct gmem_guest_op to_ram = op(GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_PRIVATE | GMEM_GUEST_DESTROYED_TOO, DATA, 0, DATA + 4096), to_empty = to_ram;
    to_empty.flags = GMEM_GUEST_DESTROYED_TOO;
    memset(s.window, 0x11, 4096);
    CHECK_FAULT(&s, do_op(&s, to_ram), PRIVATE, DATA, 4096);
    CHECK(go_on(&s) == KVM_EXIT_HLT && s.script[0].result == (DATA | 1)); /* the VMM has not converted */
    CHECK_FAULT(&s, do_op(&s, to_ram), PRIVATE, DATA, 4096);
    CHECK(convert(s.data, 0, 4096, PRIVATE) == 0);
    CHECK(go_on(&s) == KVM_EXIT_HLT && s.script[0].result == DATA + 4096);
    CHECK(load(&s, ON_PRIVATE, DATA, 8) == 0);
    CHECK(status_of(&s, op(GMEM_GUEST_FILL, ON_PRIVATE, DATA, 4096, 42)) == 0);
    CHECK(status_of(&s, op(GMEM_GUEST_CHECK, ON_PRIVATE, DATA, 4096, 42)) == 0 && s.script[0].result == 4096);
    CHECK_FAULT(&s, do_op(&s, to_empty), 0, DATA, 4096);
    CHECK(convert(s.data, 0, 4096, 0) == 0);
    CHECK(go_on(&s) == KVM_EXIT_HLT && s.script[0].result == DATA + 4096);
    CHECK(all_words(s.window) != 42);
}

int main(int argc, char **argv)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0 && argc == 2);
    expect_sigbus();
    struct { const char *name; void (*body)(void); } const platforms[] = { { "snp", snp }, { "pkvm", pkvm }, { "pkvm_refused", pkvm_refused }, { "cca", cca } };
    for (size_t i = 0; i < sizeof platforms / sizeof platforms[0]; ++i)
        if (strcmp(argv[1], platforms[i].name) == 0) {
            platforms[i].body();
            printf("scripted %s: ok\n", argv[1]);
            return 0;
        }
    return 1;
}
