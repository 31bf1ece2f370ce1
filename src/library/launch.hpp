#pragma once
// The launch of a guest that no VM made: the platform's firmware, and the pages of one gmem. KVM's callbacks do the work (kvm/launch/pages.hpp).
//
// Invariants:
//   Q1  exactly one of snp_, td_ and realm_ is there, from begin() to the end of the object.
//   Q2  pages_ is the number of pages and VMSAs that were added.
// Lives in memory of its own; holds a reference to the gmem.

#include "gmem/gmem.h"
#include "gmem/realm.h"
#include "kvm/launch/pages.hpp"
#include "os/mutex.hpp"

#include <optional>

namespace gmem::library {

// To the log: the file's launch is over, by gmem_finish_launch().
void note_finished(memory::GuestMemory &file) noexcept;

class Launch final {
public:
    // EINVAL: a platform without launches, parameters of another's, or the launch has ended. ENOMEM, EIO, ENXIO.
    static Result<Launch *> begin(memory::GuestMemory &file, gmem_realm_parameters const *realm) noexcept;
    void end() noexcept;

    // `done`: pages that were added, also when the next was not.
    Status add(gmem_launch_page type, PageRange r, std::uintptr_t source, std::uint64_t &done) noexcept GMEM_EXCLUDES(lock_);
    Status add_vcpu(void const *state, std::size_t size) noexcept GMEM_EXCLUDES(lock_);
    Status finish() noexcept GMEM_EXCLUDES(lock_);
    platform::measure::Measurement measurement() noexcept GMEM_EXCLUDES(lock_);
    memory::GuestMemory &file() const noexcept { return file_; }

private:
    explicit Launch(memory::GuestMemory &file) noexcept : file_ { file } {}

    Status start(gmem_realm_parameters const *realm) noexcept GMEM_EXCLUDES(lock_);
    Status add(gmem_launch_page type, PageRange r, std::uintptr_t source, std::uint64_t &done, observe::Recording &event) noexcept GMEM_EXCLUDES(lock_);
    Status add_vcpu_unnoted(void const *state, std::size_t size) noexcept GMEM_EXCLUDES(lock_);
    Status finish(observe::Recording &event) noexcept GMEM_EXCLUDES(lock_);
    Status add_vmsa(void const *state) noexcept GMEM_REQUIRES(lock_);
    Result<std::uint64_t> add_some(gmem_launch_page type, kvm::launch::Stretch const &, std::uintptr_t source, os::SignalsBlocked const &) noexcept GMEM_REQUIRES(lock_);
    bool ended() const noexcept { return vm().phase.load(std::memory_order_acquire) != platform::Phase::launching; }
    platform::measure::Measurement measured() const noexcept GMEM_REQUIRES(lock_);
    platform::VmState &vm() const noexcept { return file_.header().vm; }

    memory::GuestMemory &file_;
    os::Mutex lock_ {}; // outer to those of memory/
    std::optional<platform::snp::Launch> snp_ GMEM_GUARDED_BY(lock_) {};
    std::optional<platform::tdx::Td> td_ GMEM_GUARDED_BY(lock_) {};
    std::optional<platform::cca::Realm> realm_ GMEM_GUARDED_BY(lock_) {};
    kvm::launch::NeverWritten never_written_ GMEM_GUARDED_BY(lock_) {};
    std::uint64_t pages_ GMEM_GUARDED_BY(lock_) { 0 };
    std::uint32_t vcpus_ GMEM_GUARDED_BY(lock_) { 0 };
};

} // namespace gmem::library
