/* A VM with one scripted vCPU, for test programs that know the kernel's interface, and the instruction set of the guest. */
#ifndef GMEM_TESTS_SCRIPTED_H
#define GMEM_TESTS_SCRIPTED_H

#include "cases.h"
#include "gmem/guest_script.h"

enum { SCRIPT = 0x10000, SCRIPT_SIZE = 0x10000, DATA_SIZE = 1 << 20, MMAP_AND_SHARED = FLAG_MMAP | FLAG_INIT_SHARED };
enum { EITHER = GMEM_GUEST_EITHER, ON_PRIVATE = GMEM_GUEST_PRIVATE, SHARED_SIDE = 0 };

static int in_place = 1; /* who tracks what is private: each file, or the VM */

struct scripted {
    int vm, vcpu, script_file, data;
    struct kvm_run *run;
    struct gmem_guest_op *script; /* the window on it */
    unsigned char *window;        /* on the data, which is at DATA; not in place: the shared half of it */
};

static inline struct kvm_run *map_run(int vcpu)
{
    int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    CHECK(size >= (int)sizeof(struct kvm_run));
    struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    CHECK(run != MAP_FAILED);
    return run;
}

static inline void *own_memory(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static inline struct scripted start(int vm_type)
{
    struct scripted s;
    s.vm = ioctl(kvm, KVM_CREATE_VM, vm_type);
    CHECK(s.vm >= 0);
    if (in_place) {
        s.script_file = create(s.vm, SCRIPT_SIZE, MMAP_AND_SHARED);
        s.script = (struct gmem_guest_op *)(void *)map_file(s.script_file, SCRIPT_SIZE);
        CHECK(set_slot(s.vm, 0, SCRIPT, SCRIPT_SIZE, 0, s.script_file, 0) == 0);
        s.data = create(s.vm, DATA_SIZE, MMAP_AND_SHARED);
        s.window = map_file(s.data, DATA_SIZE);
        CHECK(set_slot(s.vm, 1, DATA, DATA_SIZE, 0, s.data, 0) == 0);
    } else {
        s.script_file = -1;
        s.script = own_memory(SCRIPT_SIZE);
        CHECK(plain_slot(s.vm, 0, 0, SCRIPT, SCRIPT_SIZE, s.script) == 0);
        s.data = create(s.vm, DATA_SIZE, 0);
        s.window = own_memory(DATA_SIZE);
        CHECK(set_slot(s.vm, 1, DATA, DATA_SIZE, (uintptr_t)s.window, s.data, 0) == 0);
    }
    s.vcpu = ioctl(s.vm, KVM_CREATE_VCPU, 0);
    CHECK(s.vcpu >= 0);
    s.run = map_run(s.vcpu);
    return s;
}

static inline void go_to(int vcpu, uint64_t rip)
{
    struct kvm_regs regs;
    CHECK(ioctl(vcpu, KVM_GET_REGS, &regs) == 0);
    regs.rip = rip;
    CHECK(ioctl(vcpu, KVM_SET_REGS, &regs) == 0);
}

static inline uint64_t rip_of(int vcpu)
{
    struct kvm_regs regs;
    CHECK(ioctl(vcpu, KVM_GET_REGS, &regs) == 0);
    return regs.rip;
}

static inline struct gmem_guest_op op(uint32_t opcode, uint32_t flags, uint64_t gpa, uint64_t size, uint64_t value)
{
    struct gmem_guest_op o;
    memset(&o, 0, sizeof o);
    o.opcode = opcode, o.flags = flags, o.gpa = gpa, o.size = size, o.value = value;
    return o;
}

static inline int go_on(struct scripted *s)
{
    return ioctl(s->vcpu, KVM_RUN, 0) < 0 ? -1 : (int)s->run->exit_reason;
}

/* One operation and a HALT behind it. */
static inline int do_op(struct scripted *s, struct gmem_guest_op o)
{
    s->script[0] = o;
    s->script[1] = op(GMEM_GUEST_HALT, 0, 0, 0, 0);
    go_to(s->vcpu, SCRIPT);
    return go_on(s);
}

static inline uint64_t load(struct scripted *s, uint32_t side, uint64_t gpa, uint64_t size)
{
    CHECK(do_op(s, op(GMEM_GUEST_LOAD, side, gpa, size, 0)) == KVM_EXIT_HLT && s->script[0].status == 0);
    return s->script[0].result;
}

static inline void store(struct scripted *s, uint32_t side, uint64_t gpa, uint64_t size, uint64_t value)
{
    CHECK(do_op(s, op(GMEM_GUEST_STORE, side, gpa, size, value)) == KVM_EXIT_HLT && s->script[0].status == 0);
}

#define CHECK_FAULT(s, result, flags_, gpa_, size_)                                                              \
    do {                                                                                                         \
        errno = 0;                                                                                               \
        int result_of_run = (result);                                                                            \
        CHECK(result_of_run == -1 && errno == EFAULT && (s)->run->exit_reason == EXIT_MEMORY_FAULT);             \
        struct memory_fault told;                                                                                \
        memcpy(&told, &(s)->run->hw, sizeof told);                                                               \
        CHECK(told.flags == (flags_) && told.gpa == (uint64_t)(gpa_) && told.size == (uint64_t)(size_));         \
    } while (0)

#endif
