#pragma once
// Numbers of memslots in an order, in memory that is there beforehand: what is next to a place is found by bisection, so that a VM with
// all its memslots is made in the time that the real KVM takes.
//
// Invariants:
//   O1  ascending by the key that the caller compares by, and no number twice.

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace gmem::kvm {

class SlotOrder final {
public:
    static constexpr std::size_t bytes_for(std::size_t slots) noexcept { return slots * sizeof(std::uint32_t); }

    void use(std::uint32_t *memory) noexcept
    {
        numbers_ = memory;
        count_ = 0;
    }

    std::size_t count() const noexcept { return count_; }
    std::uint32_t operator[](std::size_t i) const noexcept { return numbers_[i]; }

    // How many come before: `before(number)` is true for a beginning of the order.
    template <typename Before>
    std::size_t position(Before &&before) const noexcept
    {
        return static_cast<std::size_t>(std::partition_point(numbers_, numbers_ + count_, before) - numbers_);
    }

    void insert(std::size_t at, std::uint32_t number) noexcept
    {
        std::copy_backward(numbers_ + at, numbers_ + count_, numbers_ + count_ + 1);
        numbers_[at] = number;
        ++count_;
    }
    void remove(std::size_t at) noexcept
    {
        std::copy(numbers_ + at + 1, numbers_ + count_, numbers_ + at);
        --count_;
    }

private:
    std::uint32_t *numbers_ { nullptr };
    std::size_t count_ { 0 };
};

} // namespace gmem::kvm
