#pragma once
// A vCPU without a VM: the interpreter of scripted vCPUs over one gmem, whose page n is frame n. include/gmem/guest.h.
//
// Invariants:
//   R1  what lies at `script` is the operation of the call that is under way; no gmem is so long that it has a page there.
//   R2  `waits_` is true exactly after an exit that the caller has to answer.
// One thread at a time. Lives in memory of its own; holds a reference to the gmem.

#include "gmem/guest.h"
#include "kvm/scripted/interpreter.hpp"
#include "memory/guest_memory.hpp"

namespace gmem::library {

class Guest final : public kvm::scripted::GuestSide {
public:
    static Result<Guest *> create(memory::GuestMemory &file) noexcept; // ENOMEM
    void destroy() noexcept;

    int execute(gmem_guest_op &operation, gmem_guest_exit &exit) noexcept;

    platform::Kind kind() const noexcept override { return file_.header().vm.kind; }
    bool hypercalls_exit() const noexcept override { return true; }
    kvm::scripted::Met read(std::uint64_t gpa, kvm::scripted::Side side, void *to, std::size_t size) noexcept override;
    kvm::scripted::Met write(std::uint64_t gpa, kvm::scripted::Side side, void const *from, std::size_t size) noexcept override;
    bool is_private(std::uint64_t gpa) noexcept override;
    kvm::scripted::Answered instruction(kvm::scripted::Operation const &operation) noexcept override;
    void asks(std::uint64_t gpa, std::uint64_t size, platform::Side to) noexcept override;

private:
    explicit Guest(memory::GuestMemory &file) noexcept : file_ { file } {}

    static constexpr std::uint64_t script { kvm::scripted::Operation::end_of_memory / 2 };
    static_assert(raw(memory::GuestMemory::most_pages.to_bytes()) <= script);

    bool has(std::uint64_t gpa) const noexcept { return gpa < raw(file_.size()); }
    kvm::scripted::Met meet(PageNo p, platform::Side counts_as) const noexcept;
    kvm::scripted::Met access(std::uint64_t gpa, kvm::scripted::Side side, platform::Access access, void *bytes, std::size_t size) noexcept;
    kvm::uapi::RunPage &page() noexcept { return *reinterpret_cast<kvm::uapi::RunPage *>(shared_); }
    void tell(long result, gmem_guest_exit &exit) noexcept;

    alignas(page_size) std::byte shared_[kvm::scripted::Interpreter::shared_bytes] {};
    memory::GuestMemory &file_;
    gmem_guest_op *operation_ { nullptr };
    kvm::scripted::Interpreter interpreter_ { *this, shared_ };
    bool waits_ { false };
    bool dead_ { false };
};

} // namespace gmem::library
