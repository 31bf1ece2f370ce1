#pragma once
// Which descriptors of the program are ours. A foreign descriptor pays one array lookup.
//
// Invariants:
//   F1  an entry that names an object holds one reference to it.
//   F2  an entry may be stale, because libc closes descriptors where we do not see it (fclose): a hit on a gmem is confirmed by
//       device and inode before anything is done, and dropped when it is not confirmed.
//   F3  the table speaks of this process's descriptors: a vfork child, which shares our memory but not our table, never changes it.

#include "kvm/scripted/vcpu.hpp"
#include "kvm/vcpu.hpp"
#include "memory/guest_memory.hpp"
#include "os/own_copy.hpp"

#include <atomic>
#include <cstdint>

namespace gmem::preload {

enum class Kind : std::uint8_t {
    foreign,
    gmem,
    stranger, // a gmem that came from another process, or through exec: adopted when it is first used
    vm,
    vcpu,
    scripted_vcpu,
    kvm,
    kvm_absent,
    sev_absent, // the stand-in of /dev/sev
    gup_test,        // the kernel's pinner for tests
    gup_test_absent, // its stand-in
    signals, // a signalfd with SIGBUS in its mask
};

class FdTable final {
public:
    static constexpr unsigned most { 1u << 20 };

    // The one lookup.
    static Kind kind_of(int fd) noexcept
    {
        if (static_cast<unsigned>(fd) >= most) [[unlikely]]
            return Kind::foreign;
        return static_cast<Kind>(entries_[fd].load(std::memory_order_acquire) >> kind_shift);
    }
    static bool ours(int fd) noexcept { return kind_of(fd) != Kind::foreign; }
    static bool may_be_gmem(int fd) noexcept
    {
        auto const kind { kind_of(fd) };
        return kind == Kind::gmem || kind == Kind::stranger;
    }

    // A descriptor was made. References pass to the table. False: the number is beyond the table (the caller closes it, EMFILE).
    static bool enter(int fd, memory::GuestMemory &g) noexcept;
    static bool enter(int fd, kvm::Vm &vm) noexcept;
    static bool enter(int fd, kvm::Vcpu &vcpu) noexcept;
    static bool enter(int fd, kvm::scripted::Vcpu &vcpu) noexcept;
    static void enter(int fd, Kind kind) noexcept;
    static bool enter_gup_test(int fd, Kind kind) noexcept; // real or absent

    // No entry at or above.
    static int end() noexcept { return high_.load(std::memory_order_acquire); }

    // A descriptor goes, or a number is about to be taken over.
    static void leave(int fd) noexcept;
    static void leave_range(unsigned first, unsigned last) noexcept;

    // `to` is now a duplicate of `from`.
    static void duplicate(int from, int to) noexcept;

    // The object, confirmed, with a reference for the caller; nullptr when the entry was stale (and is gone now).
    static memory::GuestMemory *gmem(int fd) noexcept;
    static kvm::Vm *vm(int fd) noexcept;
    static kvm::Vcpu *vcpu(int fd) noexcept; // not confirmed: the real KVM answers ENOTTY where the number is somebody else's

    static kvm::scripted::Vcpu *scripted_vcpu(int fd) noexcept; // confirmed, like a gmem

    // For Vm: any descriptor that the program passes as a guest_memfd. EBADF: not open; EINVAL: something else.
    static memory::GuestMemory *find_guest_memfd(int fd, int &error) noexcept;

    // A descriptor has arrived that we did not make: enters it as a stranger if it looks like a gmem. True: it does.
    static bool recognise(int fd) noexcept;

    // Is the caller a vfork child of this process?
    static bool in_vfork_child() noexcept;
    static void process_is(int pid) noexcept { process_ = pid; }

    // gmem's own descriptors in the program's table: invisible to it.
    static bool hidden(int fd) noexcept { return os::OwnNumbers::contains(fd); }

private:
    static constexpr unsigned kind_shift { 28 };
    static memory::GuestMemory *adopt(int fd) noexcept;
    static void put(int fd, std::uint32_t entry) noexcept;
    static void drop(std::uint32_t entry) noexcept;

    static std::atomic<std::uint32_t> entries_[most];
    static std::atomic<int> high_; // no entry at or above
    static int process_;
};

// The object behind a descriptor for the length of one call.
class GmemOf final {
public:
    explicit GmemOf(int fd) noexcept : g_ { FdTable::may_be_gmem(fd) ? FdTable::gmem(fd) : nullptr } {}
    ~GmemOf()
    {
        if (g_)
            g_->release();
    }
    GmemOf(GmemOf const &) = delete;
    explicit operator bool() const noexcept { return g_ != nullptr; }
    memory::GuestMemory &operator*() const noexcept { return *g_; }
    memory::GuestMemory *operator->() const noexcept { return g_; }

private:
    memory::GuestMemory *g_;
};

} // namespace gmem::preload
