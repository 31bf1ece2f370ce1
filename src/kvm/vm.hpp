#pragma once
// One VM of the program: the real KVM's default VM, and beside it what KVM_X86_SW_PROTECTED_VM and guest_memfd add.
//
// Invariants:
//   V1  private memory has the gmem's guest view as its address in the real KVM, never the program's own mapping. So has shared memory
//       that the file alone backs.
//   V2  a slot of ours exists exactly when the real KVM has accepted it.
//   V3  where the VM tracks attributes, the real KVM's slots are the pieces of ours (vm_pieces.cpp), and none has two attributes.

#include "kvm/frame_attributes.hpp"
#include "kvm/guest_place.hpp"
#include "kvm/guest_ranges.hpp"
#include "kvm/launch/state.hpp"
#include "kvm/mode.hpp"
#include "kvm/scripted/guest_side.hpp"
#include "kvm/slot_table.hpp"
#include "kvm/trust.hpp"
#include "kvm/uapi.hpp"
#include "kvm/unasked.hpp"
#include "os/mutex.hpp"

#include <atomic>
#include <optional>

namespace gmem::kvm {

class Vm;
namespace launch {
// The registers of a VM's vCPUs, each once, in any order; how many. And: is a descriptor of the program's /dev/sev? The fd table belongs to the preload library.
using VcpusOf = std::size_t (*)(Vm const &vm, VcpuRegisters *out, std::size_t most) noexcept;
using IsSevDevice = bool (*)(int fd) noexcept;
}

// Finds the gmem behind a descriptor of the program: the fd table belongs to the preload library. nullptr with EBADF or EINVAL in
// `error`. The reference is the caller's.
using FileLookup = memory::GuestMemory *(*)(int fd, int &error) noexcept;

class Vm final {
public:
    enum class Kind : std::uint8_t { without_private_memory, with_private_memory };

    // Without /dev/kvm everything that is about memory works and nothing runs.
    enum class Backing : std::uint8_t { real, none };

    // One reference for the caller: a descriptor. ENOMEM.
    static Result<Vm *> create(Kind kind, Backing backing, platform::Kind trusted = platform::Kind::sw_protected, platform::Options options = {}, launch::Duty duty = launch::Duty::none) noexcept;
    static constexpr std::size_t most { 1024 };
    static Vm &at(std::size_t index) noexcept;
    std::size_t index() const noexcept;

    void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept;
    bool in_use() const noexcept { return used_.load(std::memory_order_acquire); }

    bool backed() const noexcept { return backing_ == Backing::real; }
    bool has_private_memory() const noexcept { return kind_ == Kind::with_private_memory; }
    memory::Owner identity() const noexcept { return static_cast<memory::Owner>(identity_); }
    std::uint64_t number() const noexcept { return identity_; } // the same, for the log

    // KVM_CREATE_GUEST_MEMFD with the program's argument. A new descriptor, or -errno; the memory in `made` has one reference.
    long create_guest_memfd(std::uintptr_t argument, memory::GuestMemory *&made) noexcept;

    // KVM_SET_USER_MEMORY_REGION and ...2 on the real VM behind `fd`. 0 or -errno.
    long set_memory_region(int fd, std::uintptr_t argument, FileLookup lookup) noexcept;
    long set_memory_region2(int fd, std::uintptr_t argument, FileLookup lookup) noexcept;

    // KVM_ENABLE_CAP on the real VM behind `fd`. 0 or -errno.
    long enable_capability(int fd, std::uintptr_t argument) noexcept;
    // Has gmem to find this VM's hypercalls, because the real KVM does not (hypercall_probe.hpp)?
    bool hypercalls_are_watched() const noexcept { return hypercalls_watched_.load(std::memory_order_relaxed); }

    // Must vCPUs be got out of KVM_RUN at times: for hypercalls, or because memslots are exchanged under the guest (vm_pieces.cpp)?
    bool runs_are_watched() const noexcept { return hypercalls_are_watched() || tracks_frames(); }
    std::uint64_t run_identity() const noexcept { return identity_; }
    bool slots_are_exchanged() const noexcept { return exchanging_.load(std::memory_order_seq_cst); }
    void await_slots() noexcept;

    // A byte of guest memory, whosever it is. EFAULT.
    Status read_guest(std::uint64_t gpa, std::uint8_t &byte) noexcept;

    // Gives memory to guest pages from `gpa` on, as far as one memslot and one step go, at most `size` (bytes, not 0; both page
    // aligned). The bytes done; ENOENT without memslot, EFAULT where there is nothing behind it.
    Result<std::uint64_t> populate(std::uint64_t gpa, std::uint64_t size) noexcept;
    // KVM_PRE_FAULT_MEMORY of a vCPU, by that. 0 or -errno.
    long pre_fault_memory(std::uintptr_t argument) noexcept;

    // vm_scripted.cpp: what a scripted vCPU's access meets. Not across a page.
    scripted::Met access(std::uint64_t gpa, scripted::Side side, platform::Access access, void *bytes, std::size_t size) noexcept;
    scripted::Answered instruct(scripted::Operation const &operation) noexcept;
    bool is_private(std::uint64_t gpa) noexcept;
    bool hypercalls_exit() const noexcept { return hypercalls_exit_.load(std::memory_order_relaxed); }

    // KVM_GET_DIRTY_LOG and KVM_CLEAR_DIRTY_LOG, whose structures begin with the slot's number. 0 or -errno.
    long dirty_log(int fd, unsigned long command, std::uintptr_t argument) noexcept;

    // KVM_SET_MEMORY_ATTRIBUTES. 0 or -errno.
    long set_memory_attributes(int fd, std::uintptr_t argument) noexcept;

    // Could `gpa` lie in a slot of ours? Without a lock; true is not yet an answer, false is.
    bool may_hold(std::uint64_t gpa) const noexcept
    {
        return ranges_.may_hold(gpa) || frames_.at(PageNo::holding(Bytes { gpa })) == Attribute::private_;
    }
    // A vCPU uses the page at `gpa`, which a file backs: what its platform does at a guest's fault. ENOENT: no such page; else as KVM's fault path answers.
    Status use(std::uint64_t gpa, memory::GuestMemory::Accepts who) noexcept;
    // The same for every page that a guest could use, where the real KVM does not say which it wanted.
    Status use_everything() noexcept;
    // A guest asks its VMM for [gpa, gpa + size) to be converted: the platform may want to know, for every file that has a part of it. What is behind
    // no memslot is nobody's.
    void guest_asks(std::uint64_t gpa, std::uint64_t size, Attribute to) noexcept;
    // unasked.cpp: what a guest of this VM asks for all of a sudden (--inject).
    std::optional<Unasked> unasked() noexcept;
    // exit_figures.cpp: an exit of a vCPU of this VM was about `gpa`.
    void count_exit(std::uint64_t gpa, observe::Figure observe::FileFigures::*which) noexcept;
    // Must pages be the platform's before a real vCPU may reach them?
    bool gates_guests() const noexcept { return platform::platform_of(trust_.kind).keeps_records(); }

    platform::Kind platform() const noexcept { return trust_.kind; }
    platform::Phase phase() const noexcept { return trust_.phase; }

    // launch/vm_launch.cpp. KVM_MEMORY_ENCRYPT_OP, KVM_MEMORY_ENCRYPT_(UN)REG_REGION and GMEM_REALM_*: 0 or -errno; nullopt: no affair of this VM's.
    std::optional<long> encrypt(std::uintptr_t argument, launch::VcpusOf registers_of, launch::IsSevDevice is_sev) noexcept;
    std::optional<long> encrypt_vcpu(launch::VcpuState &vcpu, std::uintptr_t argument) noexcept;
    std::optional<long> encrypted_region(std::uintptr_t argument) noexcept;
    std::optional<long> create_realm(std::uintptr_t argument) noexcept;
    std::optional<long> populate_realm(std::uintptr_t argument) noexcept;
    std::optional<long> create_rec(launch::VcpuState &vcpu, std::uintptr_t argument) noexcept;
    // KVM_CREATE_VCPU: 0, or -errno. Then, where there is one: its number.
    long admit_vcpu() noexcept;
    std::uint32_t vcpu_created() noexcept { return created_vcpus_.fetch_add(1, std::memory_order_relaxed); }
    // KVM_RUN: 0, or -errno.
    long admit_run(launch::VcpuState const &vcpu) noexcept
    {
        return gate_.load(std::memory_order_acquire) == launch::Gate::open ? 0 : admit_run_slowly(vcpu);
    }
    // Is KVM_PRE_FAULT_MEMORY still EOPNOTSUPP?
    bool awaits_launch() const noexcept { return gate_.load(std::memory_order_acquire) == launch::Gate::closed; }
    // A VM of type KVM_X86_TDX_VM, as opposed to one that was given the model of TDX.
    bool is_td() noexcept;
    // Has a launch of this VM ended?
    bool was_launched() noexcept;
    // KVM found itself in a state that cannot be: EIO to everything from now on.
    bool is_bugged() const noexcept { return bugged_.load(std::memory_order_relaxed); }

    // What is at `gpa`, now.
    GuestPlace place(std::uint64_t gpa) noexcept;

    char const *audit() noexcept;

private:
    long create_guest_memfd(std::uintptr_t argument, memory::GuestMemory *&made, observe::Recording &event) noexcept;
    long set_region(int fd, uapi::UserspaceMemoryRegion2 const &request, FileLookup lookup) noexcept;
    long set_region(int fd, uapi::UserspaceMemoryRegion2 const &request, FileLookup lookup, observe::Recording &event) noexcept;
    long bind(int fd, struct MemslotRequest const &request, FileLookup lookup, observe::Recording &event) noexcept GMEM_REQUIRES(lock_);
    long bind_file(int fd, struct MemslotRequest const &request, memory::GuestMemory &file) noexcept GMEM_REQUIRES(lock_);
    long set_unbound(int fd, uapi::UserspaceMemoryRegion const &region, struct MemslotRequest const &request) noexcept GMEM_REQUIRES(lock_);
    long remove(int fd, Slot &slot, std::uint32_t number) noexcept GMEM_REQUIRES(lock_);
    Status reserve_tables() noexcept;
    char const *audit_pieces() noexcept GMEM_REQUIRES(lock_);

    // Specification 1.5: is GUEST_MEMFD_FLAG_INIT_SHARED supported?
    bool may_begin_shared() const noexcept { return mode_.tracker == Tracker::files || !has_private_memory(); }
    // Does this VM itself keep track of what is private?
    bool tracks_frames() const noexcept { return mode_.tracker == Tracker::vms && has_private_memory(); }
    struct FrameChange final {
        PageRange frames;
        Attribute to;
    };
    long set_memory_attributes(int fd, std::uintptr_t argument, observe::Recording &event) noexcept;
    long set_frames(int fd, PageRange frames, Attribute to) noexcept GMEM_REQUIRES(lock_);

    // vm_pieces.cpp. `change`: the attributes as if it had been made.
    std::uintptr_t source(Slot const &slot, Attribute a) const noexcept;
    bool has_source(Slot const &slot, Attribute a) const noexcept;
    Attribute attribute(PageNo frame, FrameChange const *change) const noexcept;
    std::uint64_t end_of_piece(Slot const &slot, std::uint64_t gpa, std::uint64_t end, FrameChange const *change) const noexcept;
    template <typename Visit>
    long each_piece(Slot const &slot, std::uint64_t begin, std::uint64_t end, FrameChange const *change, Visit &&visit) const noexcept;
    std::uint64_t count_pieces(Slot const &slot, std::uint64_t begin, std::uint64_t end, FrameChange const *change) const noexcept;
    long make_pieces(int fd, Slot &slot, std::uint64_t begin, std::uint64_t end, FrameChange const *change) noexcept GMEM_REQUIRES(lock_);
    void drop_pieces(int fd, Slot &slot, std::uint64_t begin, std::uint64_t end) noexcept GMEM_REQUIRES(lock_);
    long exchange_pieces(int fd, Slot &slot, std::uint64_t begin, std::uint64_t end, FrameChange const *change) noexcept GMEM_REQUIRES(lock_);
    long follow(int fd, Slot &slot, FrameChange const &change) noexcept GMEM_REQUIRES(lock_);
    void follow_back(int fd, Slot &slot, FrameChange const &change) noexcept GMEM_REQUIRES(lock_);
    Result<std::uint64_t> give_to_guest(Slot const &slot, std::uint64_t gpa, std::uint64_t length) noexcept GMEM_REQUIRES(lock_);
    long place_slot(int fd, Slot &slot) noexcept GMEM_REQUIRES(lock_);
    long change_slot(int fd, Slot &slot, struct MemslotRequest const &request) noexcept GMEM_REQUIRES(lock_);

    long encrypt_snp(std::uintptr_t argument, launch::VcpusOf registers_of, launch::IsSevDevice is_sev, observe::Recording &event) noexcept;
    long encrypt_tdx(std::uintptr_t argument, observe::Recording &event) noexcept;
    long encrypt_tdx_vcpu(launch::VcpuState &vcpu, std::uintptr_t argument, observe::Recording &event) noexcept;
    long pre_fault(std::uintptr_t argument) noexcept;
    long admit_run_slowly(launch::VcpuState const &vcpu) noexcept;
    void launch_changed() noexcept GMEM_REQUIRES(lock_);
    // A private page is about to be the guest's. EFAULT, and the VM is bugged: too early.
    Status check_early_fault() noexcept GMEM_REQUIRES(lock_);

    long set_real(int fd, uapi::UserspaceMemoryRegion const &region) const noexcept;
    void unbind(Slot &slot) noexcept GMEM_REQUIRES(lock_);

    os::Mutex lock_; // outer to everything of memory/
    struct Meets final {
        scripted::Met met;
        platform::Side side; // what the access counts as
    };
    Meets meet(Slot const *slot, Attribute a, scripted::Side side, platform::Access access) const noexcept GMEM_REQUIRES(lock_);
    scripted::Met access_page(memory::GuestMemory &file, PageNo p, std::uint64_t gpa, platform::Side side, platform::Access access, void *bytes, std::size_t size) noexcept;
    scripted::Answered instruct_page(memory::GuestMemory &file, PageNo p, scripted::Operation const &operation) noexcept;
    long exit_on_hypercalls_of_scripts(struct EnableCapability const &request) noexcept;

    std::atomic<bool> hypercalls_watched_ { false };
    std::atomic<bool> exchanging_ { false }; // stored under lock_, which is held as long as it is true
    std::atomic<bool> hypercalls_exit_ { false }; // KVM_CAP_EXIT_HYPERCALL, of scripted vCPUs
    std::atomic<launch::Gate> gate_ { launch::Gate::open };
    std::atomic<bool> bugged_ { false };
    std::atomic<std::uint32_t> created_vcpus_ { 0 };
    std::atomic<bool> used_ { false }; // the pool may hand the object out again when false
    std::atomic<std::uint64_t> references_ { 0 };
    Kind kind_ { Kind::without_private_memory };
    Backing backing_ { Backing::real };
    std::uint64_t identity_ { 0 }; // never used twice in a process
    SlotTable slots_ GMEM_GUARDED_BY(lock_);
    GuestRanges ranges_; // of slots with a guest_memfd, or of all where the VM tracks; changed under lock_
    Mode mode_ {};
    Trust trust_ {}; // its phase changes under lock_
    launch::State launch_ GMEM_GUARDED_BY(lock_);
    FrameAttributes frames_; // where the VM tracks; changed under lock_, read without
    RealSlots real_ GMEM_GUARDED_BY(lock_);
};

} // namespace gmem::kvm
