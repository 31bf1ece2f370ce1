#pragma once
// The memslots of the real KVM, where one slot of the program is a list of them: pieces of one attribute, each with its own address.
//
// Invariants (audit() proves them):
//   M1  a piece belongs to exactly one list, and its number is taken while it does.
//   M2  taken() is the number of pieces.

#include "base/result.hpp"

#include <cstdint>

namespace gmem::kvm {

struct Piece final {
    std::uint64_t gpa, size; // bytes
    std::uint32_t next;      // of the same list
    bool taken;
};

class RealSlots final {
public:
    static constexpr std::uint32_t none { ~std::uint32_t { 0 } };
    static constexpr std::uint32_t most { 32768 };

    // Memory for the table; `slots` is what the real KVM has. ENOMEM.
    Status reserve(std::uint32_t slots) noexcept;
    void clear() noexcept;

    // A free number, `preferred` if it is free; none when all are taken.
    std::uint32_t take(std::uint32_t preferred) noexcept;
    void give_back(std::uint32_t number) noexcept;
    std::uint32_t free() const noexcept { return slots_ - taken_; }
    std::uint32_t taken() const noexcept { return taken_; }

    Piece &operator[](std::uint32_t number) noexcept { return pieces_[number]; }
    Piece const &operator[](std::uint32_t number) const noexcept { return pieces_[number]; }

    char const *audit() const noexcept;

private:
    Piece *pieces_ { nullptr };
    std::uint32_t slots_ { 0 }, taken_ { 0 };
    std::uint32_t cursor_ { 0 }; // where the search for a free number goes on, downward: programs use the low ones
};

} // namespace gmem::kvm
