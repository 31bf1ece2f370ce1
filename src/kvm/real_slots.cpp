#include "kvm/real_slots.hpp"

#include "os/mapping_calls.hpp"

#include <algorithm>

namespace gmem::kvm {

Status RealSlots::reserve(std::uint32_t slots) noexcept
{
    GMEM_TRY(memory, os::map_anonymous(most * sizeof(Piece), MAP_PRIVATE));
    pieces_ = reinterpret_cast<Piece *>(memory);
    slots_ = std::min(slots, most);
    taken_ = 0;
    cursor_ = slots_;
    return Ok {};
}

void RealSlots::clear() noexcept
{
    auto const begin { reinterpret_cast<std::uintptr_t>(pieces_) };
    if (pieces_)
        os::unmap({ begin, begin + most * sizeof(Piece) });
    pieces_ = nullptr;
}

std::uint32_t RealSlots::take(std::uint32_t preferred) noexcept
{
    if (taken_ == slots_)
        return none;
    auto number { preferred };
    if (number >= slots_ || pieces_[number].taken)
        do {
            cursor_ = cursor_ == 0 ? slots_ - 1 : cursor_ - 1;
            number = cursor_ % slots_;
        } while (pieces_[number].taken);
    pieces_[number].taken = true;
    ++taken_;
    return number;
}

void RealSlots::give_back(std::uint32_t number) noexcept
{
    pieces_[number].taken = false;
    --taken_;
}

char const *RealSlots::audit() const noexcept
{
    auto const n { static_cast<std::uint32_t>(std::count_if(pieces_, pieces_ + slots_, [](Piece const &p) { return p.taken; })) };
    return n == taken_ ? nullptr : "M2: the number of pieces is wrong";
}

} // namespace gmem::kvm
