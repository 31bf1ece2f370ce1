#pragma once
// The program's signal masks on their way to the kernel: SIGBUS is never really blocked, its stand-in is (memory/sigbus.hpp).

#include "memory/sigbus.hpp"
#include "preload/processor.hpp"

#include <csignal>
#include <cstring>
#include <sys/types.h>

namespace gmem::preload {

// The kernel knows 64 signals: the first word of libc's set.
inline std::uint64_t first_word(sigset_t const &set) noexcept
{
    std::uint64_t word;
    std::memcpy(&word, &set, sizeof word);
    return word;
}
inline void set_first_word(sigset_t &set, std::uint64_t word) noexcept { std::memcpy(&set, &word, sizeof word); }

// A set that a call is to hand to the kernel as a mask; null stays null.
class KernelMask final {
public:
    explicit KernelMask(sigset_t const *set) noexcept : given_ { set != nullptr }
    {
        if (!set)
            return;
        set_ = *set;
        set_first_word(set_, Processor::passable(memory::Sigbus::to_kernel(first_word(*set))));
    }
    sigset_t const *get() const noexcept { return given_ ? &set_ : nullptr; }

private:
    bool given_;
    sigset_t set_;
};

// A signalfd with SIGBUS in its mask was read: the stand-in becomes a SIGBUS.
void show_sigbus(void *records, ssize_t bytes) noexcept;

} // namespace gmem::preload
