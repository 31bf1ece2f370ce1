#pragma once
// What the places ask where --inject may make something fail. Without it: one load and a branch. docs/inject.md.
//
//     if (auto const fault { observe::Inject::at(observe::Fault::eagain, { observe::Call::convert, inode, offset, size }) })
//         return Error::at_page(Why::page_in_use, fault->page, "inject.eagain");

#include "observe/faults.hpp"
#include "observe/log_layout.hpp"

#include <optional>

namespace gmem::observe {

// What a fault may strike: bytes of a file.
struct Target final {
    Call call;
    std::uint64_t file, offset, size;
    // Where not every page of it can be struck: the first one in [begin, end) that can, in pages; `end`: none, and a rule for these pages has not met the call.
    std::uint64_t (*first)(void const *of, std::uint64_t begin, std::uint64_t end) noexcept { nullptr };
    void const *of { nullptr };
};

struct Struck final {
    std::uint64_t choice; // FaultRule::choice
    std::uint64_t number; // of the call, as its rule counts: from 1
    std::uint64_t offset, size; // what the rule and the target have in common, in bytes
    std::uint64_t chance;       // 32 bits
    std::uint64_t page;         // one of the 4096-byte pages of it, by chance: its offset
};

class Inject final {
public:
    static bool on() noexcept { return faults_.load(std::memory_order_relaxed) != nullptr; }

    // `log`: of this process's session. Without rules nothing is asked from then on.
    static void use(LogHeader &log) noexcept;
    static void use_nothing() noexcept { faults_.store(nullptr, std::memory_order_release); }

    static std::optional<Struck> at(Fault f, Target t) noexcept
    {
        if (!on()) [[likely]]
            return std::nullopt;
        return ask(f, t);
    }
    static Faults *faults() noexcept { return faults_.load(std::memory_order_acquire); }

    // Memory failures. True: there was room to remember it.
    static bool poison(std::uint64_t file, std::uint64_t page) noexcept;
    static bool any_poisoned() noexcept
    {
        auto const *const f { faults_.load(std::memory_order_relaxed) };
        return f && f->poisoned_count.load(std::memory_order_relaxed) != 0;
    }
    // The first one of the file in [first, last), in pages.
    static std::optional<std::uint64_t> first_poisoned(std::uint64_t file, std::uint64_t first, std::uint64_t last) noexcept;
    // The pages' memory is gone, and what comes in its place is sound.
    static void forget_poisoned(std::uint64_t file, std::uint64_t first, std::uint64_t last) noexcept;

private:
    static std::optional<Struck> ask(Fault f, Target t) noexcept;
    static std::atomic<Faults *> faults_;
};

// Of a log's file, which begins at `h`.
inline Faults &faults_of(LogHeader &h) noexcept { return *reinterpret_cast<Faults *>(reinterpret_cast<std::byte *>(&h) + faults_at); }
inline Faults const &faults_of(LogHeader const &h) noexcept { return *reinterpret_cast<Faults const *>(reinterpret_cast<std::byte const *>(&h) + faults_at); }

} // namespace gmem::observe
