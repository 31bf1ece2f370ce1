#pragma once
// Up to four addresses in a guest at which the processor is to stop: the places of hypercalls that were found.

#include "kvm/guest_debug.hpp"

namespace gmem::kvm {

class Breakpoints final {
public:
    bool has(std::uint64_t address) const noexcept
    {
        for (unsigned i { 0 }; i < most; ++i)
            if ((used_ >> i & 1) && addresses_[i] == address)
                return true;
        return false;
    }
    // The oldest one makes way where all are used.
    void add(std::uint64_t address) noexcept
    {
        addresses_[next_] = address;
        used_ |= 1u << next_;
        next_ = (next_ + 1) % most;
    }
    void remove(std::uint64_t address) noexcept
    {
        for (unsigned i { 0 }; i < most; ++i)
            if (addresses_[i] == address)
                used_ &= ~(1u << i);
    }

    GuestDebug to_kvm() const noexcept
    {
        constexpr std::uint64_t always_one { 1u << 10 };
        if (used_ == 0)
            return { .control = 0, .padding = 0, .registers = {} };
        GuestDebug d { .control = GuestDebug::enable | GuestDebug::hardware_breakpoints, .padding = 0, .registers = {} };
        d.registers[7] = always_one;
        for (unsigned i { 0 }; i < most; ++i)
            if (used_ >> i & 1) {
                d.registers[i] = addresses_[i];
                d.registers[7] |= std::uint64_t { 3 } << 2 * i; // local and global enable; execution, one byte
            }
        return d;
    }

private:
    static constexpr unsigned most { 4 };
    std::uint64_t addresses_[most] {};
    unsigned used_ { 0 }; // bit n: addresses_[n]
    unsigned next_ { 0 };
};

} // namespace gmem::kvm
