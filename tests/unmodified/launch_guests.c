/*
 * What guests find after a launch, and before its end. Under `gmem run --vcpu=scripted`; the argument is the case: snp, tdx, cca and cca-chosen (with --platform=cca), vmsa FILE FILE
 * (writes the save areas as the manual lays them out), early and early-validates (with --platform=snp; an RFC's version of the interface), late (the same, merged version).
 * Exit 0; 1 with the line.
 */
#include "launch.h"
#include "scripted.h"

#include "gmem/realm.h"

static struct scripted guest;
static unsigned char p[2 * PAGE] __attribute__((aligned(PAGE)));

/* Beside the VM's memory: what its vCPU executes. */
static void add_vcpu(void)
{
    guest.vm = vm;
    guest.data = memory;
    guest.window = window;
    guest.script_file = create(vm, SCRIPT_SIZE, MMAP_AND_SHARED);
    guest.script = (struct gmem_guest_op *)(void *)map_file(guest.script_file, SCRIPT_SIZE);
    CHECK(set_slot(vm, 1, SCRIPT, SCRIPT_SIZE, 0, guest.script_file, 0) == 0);
    guest.vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    CHECK(guest.vcpu >= 0);
    guest.run = map_run(guest.vcpu);
}

/* Both pages of the image, as the guest has them. */
static void finds_the_image(void)
{
    for (uint64_t at = 0; at < sizeof p; at += 1000) {
        uint64_t word;
        memcpy(&word, p + (at & ~UINT64_C(7)), 8);
        CHECK(load(&guest, ON_PRIVATE, DATA + (at & ~UINT64_C(7)), 8) == word);
    }
}

static void snp(void)
{
    make_vm(SNP_VM);
    int early = ioctl(vm, KVM_CREATE_VCPU, 7); /* too early for INIT2 afterwards */
    CHECK(early >= 0 && FAILS(snp_init2(), EINVAL) && FAILS(ioctl(early, KVM_RUN, 0), EINVAL));
    begin_snp();
    add_vcpu();
    memcpy(window, p, sizeof p);
    CHECK(make_private(0, 3) == 0 && update(0, 2, NULL, NORMAL) == 0);
    CHECK(FAILS(do_op(&guest, op(GMEM_GUEST_LOAD, ON_PRIVATE, DATA, 8, 0)), EINVAL));
    CHECK(finish() == 0);
    finds_the_image();
    CHECK(do_op(&guest, op(GMEM_GUEST_LOAD, ON_PRIVATE, DATA + 2 * PAGE, 8, 0)) == KVM_EXIT_HLT); /* not in the image: not validated */
    CHECK(guest.script[0].status == GMEM_GUEST_EXCEPTION + GMEM_GUEST_VC);
    CHECK(make_shared(0, 1) == 0 && memcmp(window, p, PAGE) != 0);
}

static void tdx(void)
{
    make_vm(TDX_VM);
    struct tdx_init_vm i = init_vm_of(48);
    CHECK(tdx_call(vm, TDX_INIT_VM, 0, &i) == 0);
    add_vcpu();
    CHECK(FAILS(do_op(&guest, op(GMEM_GUEST_LOAD, ON_PRIVATE, DATA, 8, 0)), EINVAL));
    int idle = ioctl(vm, KVM_CREATE_VCPU, 1);
    CHECK(idle >= 0 && tdx_call(guest.vcpu, TDX_INIT_VCPU, 0, NULL) == 0);
    memcpy(window, p, PAGE);
    CHECK(make_private(0, 2) == 0);
    struct tdx_region r = { 0, DATA, 1 };
    CHECK(tdx_call(guest.vcpu, TDX_INIT_MEM_REGION, 0, &r) == 0);
    r = (struct tdx_region) { (uintptr_t)p + PAGE, DATA + PAGE, 1 };
    CHECK(tdx_call(guest.vcpu, TDX_INIT_MEM_REGION, 1, &r) == 0);
    CHECK(FAILS(do_op(&guest, op(GMEM_GUEST_LOAD, ON_PRIVATE, DATA, 8, 0)), EINVAL));
    CHECK(tdx_call(vm, TDX_FINALIZE_VM, 0, NULL) == 0);
    finds_the_image();
    CHECK(FAILS(ioctl(idle, KVM_RUN, 0), EINVAL)); /* a vCPU that nobody initialised */
}

static int populate(uint64_t page, uint64_t pages, void *source, uint32_t flags)
{
    struct gmem_realm_populate q = { DATA + page * PAGE, pages * PAGE, (uintptr_t)source, flags, 0 };
    int result = ioctl(vm, GMEM_REALM_POPULATE, &q);
    if (result == 0)
        CHECK(q.size == 0 && q.base == DATA + (page + pages) * PAGE && q.source_uaddr == (uintptr_t)source + pages * PAGE);
    return result;
}

static void cca(void)
{
    make_vm(KVM_X86_SW_PROTECTED_VM);
    add_vcpu();
    CHECK(make_private(0, 2) == 0);
    CHECK(FAILS(populate(0, 1, NULL, 0), EOPNOTSUPP) && FAILS(populate(0, 1, p, 2), EINVAL) && FAILS(populate(0, 0, p, 0), EINVAL) && FAILS(populate(0, 1, p + 8, 0), EINVAL));
    CHECK(FAILS(populate(2, 1, p, 1), EINVAL) && FAILS(ioctl(vm, GMEM_REALM_POPULATE, 8), EFAULT) && FAILS(populate(0, 1, window, 1), EFAULT));
    CHECK(populate(0, 1, p, 1) == 0 && FAILS(populate(0, 1, p, 1), ENXIO) && populate(1, 1, p + PAGE, 0) == 0);
    finds_the_image(); /* the first run activates */
    CHECK(make_private(2, 1) == 0 && FAILS(populate(2, 1, p, 1), ENXIO));
}

static int rec_create(int vcpu, uint64_t flags, uint64_t pc)
{
    struct gmem_realm_rec rec = { flags, pc, { 1, 2, 3, 4, 5, 6, 7, 8 } };
    return ioctl(vcpu, GMEM_REALM_REC_CREATE, &rec);
}

/* A realm with parameters of its own, and its vCPUs as RECs, which are measured. */
static void chosen_cca(void)
{
    make_vm(KVM_X86_SW_PROTECTED_VM);
    add_vcpu();
    int second = ioctl(vm, KVM_CREATE_VCPU, 1), idle = ioctl(vm, KVM_CREATE_VCPU, 2), late = ioctl(vm, KVM_CREATE_VCPU, 3);
    CHECK(second >= 0 && idle >= 0 && late >= 0);
    struct gmem_realm_parameters realm = { .flags = 4, .s2sz = 31, .sve_vl = 3, .num_bps = 5, .num_wps = 2, .pmu_num_ctrs = 6, .hash_algo = GMEM_REALM_SHA512 };
    CHECK(FAILS(ioctl(vm, GMEM_REALM_CREATE, &realm), ENXIO) && FAILS(ioctl(vm, GMEM_REALM_CREATE, 8), EFAULT));
    realm.s2sz = 40, realm.reserved[0] = 1;
    CHECK(FAILS(ioctl(vm, GMEM_REALM_CREATE, &realm), EINVAL));
    realm.reserved[0] = 0, realm.hash_algo = 2;
    CHECK(FAILS(ioctl(vm, GMEM_REALM_CREATE, &realm), EINVAL));
    realm.hash_algo = GMEM_REALM_SHA512;
    CHECK(ioctl(vm, GMEM_REALM_CREATE, &realm) == 0 && FAILS(ioctl(vm, GMEM_REALM_CREATE, &realm), ENXIO));
    CHECK(FAILS(rec_create(guest.vcpu, 2, 0), EINVAL) && FAILS(ioctl(guest.vcpu, GMEM_REALM_REC_CREATE, 8), EFAULT) && FAILS(rec_create(vm, 1, 0), ENOTTY));
    CHECK(rec_create(guest.vcpu, GMEM_REALM_RUNNABLE, 0x100000) == 0 && FAILS(rec_create(guest.vcpu, GMEM_REALM_RUNNABLE, 0x100000), EINVAL));
    CHECK(make_private(0, 1) == 0 && populate(0, 1, p, GMEM_REALM_MEASURE) == 0);
    CHECK(rec_create(second, GMEM_REALM_RUNNABLE, 0x200000) == 0 && rec_create(idle, 0, 0x300000) == 0);
    uint64_t word;
    memcpy(&word, p, 8);
    CHECK(load(&guest, ON_PRIVATE, DATA, 8) == word); /* the first run activates */
    CHECK(FAILS(rec_create(late, GMEM_REALM_RUNNABLE, 0), ENXIO));
}

static void put64(unsigned char *area, unsigned at, uint64_t value) { memcpy(area + at, &value, 8); }
static void put_segment(unsigned char *area, unsigned at, uint16_t selector, uint16_t attributes, uint32_t limit, uint64_t base)
{
    memcpy(area + at, &selector, 2), memcpy(area + at + 2, &attributes, 2), memcpy(area + at + 4, &limit, 4), memcpy(area + at + 8, &base, 8);
}

/* A vCPU's state, and its save area as AMD's manual (volume 2, table B-4) has it. */
static void vmsa_of(int vcpu, uint64_t rip, const char *path)
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    CHECK(ioctl(vcpu, KVM_GET_REGS, &regs) == 0 && ioctl(vcpu, KVM_GET_SREGS, &sregs) == 0);
    memset(&regs, 0, sizeof regs), memset(&sregs, 0, sizeof sregs);
    regs.rip = rip, regs.rdx = 0x800f12, regs.rflags = 2, regs.rsp = 0x1111, regs.rax = 0x2222, regs.rcx = 0x3333, regs.rbx = 0x4444, regs.r15 = 0x5555, regs.rdi = 0x6666;
    sregs.cs = (struct kvm_segment) { .base = 0xffff0000, .limit = 0xffff, .selector = 0xf000, .type = 11, .present = 1, .s = 1 };
    sregs.ss = (struct kvm_segment) { .limit = 0xffff, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1 };
    sregs.tr = (struct kvm_segment) { .limit = 0xffff, .type = 11, .present = 1 };
    sregs.gdt.base = 0x7000, sregs.gdt.limit = 0x17;
    sregs.cr0 = 0x60000010, sregs.cr3 = 0x8000;
    CHECK(ioctl(vcpu, KVM_SET_REGS, &regs) == 0 && ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0);

    static unsigned char area[PAGE];
    memset(area, 0, sizeof area);
    put_segment(area, 0x10, 0xf000, 0x9b, 0xffff, 0xffff0000);
    put_segment(area, 0x20, 0, 0xc93, 0xffff, 0);
    put_segment(area, 0x60, 0, 0, 0x17, 0x7000);
    put_segment(area, 0x90, 0, 0x8b, 0xffff, 0);
    put64(area, 0xd0, 0x1000), put64(area, 0x148, 0x40), put64(area, 0x150, 0x8000), put64(area, 0x158, 0x10);
    put64(area, 0x160, 0x400), put64(area, 0x168, 0xffff0ff0), put64(area, 0x170, 2), put64(area, 0x178, rip);
    put64(area, 0x1d8, 0x1111), put64(area, 0x1f8, 0x2222), put64(area, 0x268, 0x0007040600070406);
    put64(area, 0x308, 0x3333), put64(area, 0x310, 0x800f12), put64(area, 0x318, 0x4444), put64(area, 0x338, 0x6666), put64(area, 0x378, 0x5555);
    put64(area, 0x3b0, 1), put64(area, 0x3e8, 1), put64(area, 0x408, 0x1f80), put64(area, 0x410, 0x37f);
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(area, sizeof area, 1, file) == 1 && fclose(file) == 0);
}

static void vmsa(char **paths)
{
    begin_snp();
    int first = ioctl(vm, KVM_CREATE_VCPU, 5), second = ioctl(vm, KVM_CREATE_VCPU, 1);
    CHECK(first >= 0 && second >= 0);
    CHECK(dup2(first, 100) == 100 && close(first) == 0); /* the order is that of creation, whatever the numbers */
    vmsa_of(100, 0xfff0, paths[0]);
    vmsa_of(second, 0x1234, paths[1]);
    CHECK(dup(second) >= 0); /* the same vCPU */
    CHECK(finish() == 0);
    CHECK(FAILS(finish(), EIO) && fw_error == FW_INVALID_GUEST_STATE);
}

/* Nobody launches, and the guest runs. */
static void unlaunched(int early, int validates)
{
    make_vm(KVM_X86_SW_PROTECTED_VM);
    add_vcpu();
    CHECK(make_private(0, 1) == 0);
    if (early) {
        CHECK_FAULT(&guest, do_op(&guest, op(validates ? GMEM_GUEST_PVALIDATE : GMEM_GUEST_LOAD, validates ? 0 : ON_PRIVATE, DATA, validates ? 0 : 8, 0)), PRIVATE, DATA, PAGE);
        CHECK(FAILS(ioctl(guest.vcpu, KVM_RUN, 0), EIO) && FAILS(ioctl(vm, KVM_CREATE_VCPU, 1), EIO));
    } else {
        CHECK(do_op(&guest, op(GMEM_GUEST_LOAD, ON_PRIVATE, DATA, 8, 0)) == KVM_EXIT_HLT && ioctl(vm, KVM_CREATE_VCPU, 1) >= 0);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    pattern(p, 0), pattern(p + PAGE, 1);
    if (strcmp(argv[1], "snp") == 0)
        snp();
    else if (strcmp(argv[1], "tdx") == 0)
        tdx();
    else if (strcmp(argv[1], "cca") == 0)
        cca();
    else if (strcmp(argv[1], "cca-chosen") == 0)
        chosen_cca();
    else if (strcmp(argv[1], "vmsa") == 0 && argc == 4)
        vmsa(argv + 2);
    else
        unlaunched(strcmp(argv[1], "late") != 0, strcmp(argv[1], "early-validates") == 0);
    return 0;
}
