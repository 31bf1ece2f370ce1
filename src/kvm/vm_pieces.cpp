// Two-source slots: in-place conversion off, the VM tracks. A slot of the program is a list of real slots, shared pieces on the
// program's memory, private pieces on the guest view; where a piece has nothing behind it there is none, and the guest's access comes
// as an MMIO exit, which is told as the specification wants (vcpu_exits.cpp). While pieces are exchanged no vCPU of the VM is in KVM_RUN: a
// page table or an instruction that is missing for a moment is more than an access that gmem could make for the guest.

#include "kvm/hypercall_watch.hpp"
#include "kvm/memslot_gate.hpp"
#include "kvm/vm.hpp"
#include "os/signals.hpp"
#include "os/user_memory.hpp"

#include <algorithm>

namespace gmem::kvm {
namespace {

constexpr PageNo frame_of(std::uint64_t gpa) noexcept { return PageNo::holding(Bytes { gpa }); }
constexpr std::uint64_t gpa_of(PageNo frame) noexcept { return raw(frame.to_bytes()); }

} // namespace

// Where a slot's memory of an attribute begins; 0: it has none.
std::uintptr_t Vm::source(Slot const &slot, Attribute a) const noexcept
{
    if (slot.only_file)
        return slot.file_alive() ? slot.view : 0;
    if (a == Attribute::shared)
        return slot.userspace;
    return slot.file_alive() ? slot.view : 0;
}

Attribute Vm::attribute(PageNo frame, FrameChange const *change) const noexcept
{
    return change && change->frames.contains(frame) ? change->to : frames_.at(frame);
}

// The end of the piece that begins at `gpa`, at most `end`.
std::uint64_t Vm::end_of_piece(Slot const &slot, std::uint64_t gpa, std::uint64_t end, FrameChange const *change) const noexcept
{
    if (slot.only_file)
        return end;
    auto const limit { frame_of(end) };
    auto const first { attribute(frame_of(gpa), change) };
    auto at { frame_of(gpa) };
    while (at < limit && attribute(at, change) == first) {
        if (change && change->frames.contains(at)) {
            at = std::min(change->frames.last(), limit);
            continue;
        }
        auto const stop { change && at < change->frames.first() ? std::min(change->frames.first(), limit) : limit };
        at = frames_.end_of_run(at, stop);
    }
    return gpa_of(at);
}

bool Vm::has_source(Slot const &slot, Attribute a) const noexcept { return a == Attribute::private_ || slot.only_file ? source(slot, a) != 0 : true; }

// Calls visit(begin, end, attribute) for each piece of [begin, end) that has something behind it, until one answers with an error.
template <typename Visit>
long Vm::each_piece(Slot const &slot, std::uint64_t begin, std::uint64_t end, FrameChange const *change, Visit &&visit) const noexcept
{
    while (begin < end) {
        auto const stop { end_of_piece(slot, begin, end, change) };
        auto const a { attribute(frame_of(begin), change) };
        if (has_source(slot, a))
            if (long const result { visit(begin, stop, a) }; result != 0)
                return result;
        begin = stop;
    }
    return 0;
}

std::uint64_t Vm::count_pieces(Slot const &slot, std::uint64_t begin, std::uint64_t end, FrameChange const *change) const noexcept
{
    std::uint64_t n { 0 };
    (void)each_piece(slot, begin, end, change, [&n](std::uint64_t, std::uint64_t, Attribute) noexcept -> long { return ++n, 0; });
    return n;
}

// ENOMEM when the real KVM has no slot left.
long Vm::make_pieces(int fd, Slot &slot, std::uint64_t begin, std::uint64_t end, FrameChange const *change) noexcept
{
    auto &real { real_ };
    auto const preferred { slots_.number_of(slot) };
    return each_piece(slot, begin, end, change, [&](std::uint64_t from, std::uint64_t to, Attribute a) noexcept -> long {
        auto const number { real.take(preferred) };
        if (number == RealSlots::none)
            return -ENOMEM;
        bool const on_program { !slot.only_file && a == Attribute::shared };
        auto const result { set_real(fd, { .slot = number, .flags = on_program ? slot.flags & ~uapi::mem_guest_memfd : 0, .guest_phys_addr = from, .memory_size = to - from, .userspace_addr = source(slot, a) + (from - slot.gpa) }) };
        if (os::failed(result)) {
            real.give_back(number);
            return result;
        }
        real[number].gpa = from;
        real[number].size = to - from;
        real[number].next = slot.pieces;
        slot.pieces = number;
        return 0;
    });
}

// Pieces lie inside [begin, end) or outside.
void Vm::drop_pieces(int fd, Slot &slot, std::uint64_t begin, std::uint64_t end) noexcept
{
    for (auto *link { &slot.pieces }; *link != RealSlots::none;) {
        auto const number { *link };
        auto &piece { real_[number] };
        if (piece.gpa < begin || piece.gpa >= end) {
            link = &piece.next;
            continue;
        }
        set_real(fd, { .slot = number, .flags = 0, .guest_phys_addr = 0, .memory_size = 0, .userspace_addr = 0 });
        *link = piece.next;
        real_.give_back(number);
    }
}

// Exchanges the pieces around [begin, end) for those of the attributes as they are with `change`. On failure the old ones are back; a
// piece that cannot be brought back is missing, and gmem makes the guest's accesses to it.
long Vm::exchange_pieces(int fd, Slot &slot, std::uint64_t begin, std::uint64_t end, FrameChange const *change) noexcept
{
    std::uint32_t old { 0 };
    auto const inner_begin { begin }, inner_end { end };
    for (auto n { slot.pieces }; n != RealSlots::none; n = real_[n].next) {
        auto const &piece { real_[n] };
        if (piece.gpa > inner_end || piece.gpa + piece.size < inner_begin)
            continue;
        begin = std::min(begin, piece.gpa); // also a neighbour, with which the new piece may become one
        end = std::max(end, piece.gpa + piece.size);
        ++old;
    }
    if (count_pieces(slot, begin, end, change) > old + real_.free())
        return -ENOMEM;
    if (old > 0 && backed()) {
        exchanging_.store(true, std::memory_order_seq_cst);
        HypercallWatch::expel(identity_);
    }
    drop_pieces(fd, slot, begin, end);
    auto const result { make_pieces(fd, slot, begin, end, change) };
    if (os::failed(result)) {
        drop_pieces(fd, slot, begin, end);
        (void)make_pieces(fd, slot, begin, end, nullptr);
    }
    exchanging_.store(false, std::memory_order_seq_cst);
    return result;
}

// The lock's holder is at it.
void Vm::await_slots() noexcept
{
    os::Locked guard { lock_ };
}

long Vm::follow(int fd, Slot &slot, FrameChange const &change) noexcept
{
    if (!slot.exists() || slot.only_file)
        return 0;
    auto const frames { PageRange::make(frame_of(slot.gpa), frame_of(slot.gpa + slot.size))->intersect(change.frames) };
    if (!frames || (frames_.at(frames->first()) == change.to && frames_.end_of_run(frames->first(), frames->last()) == frames->last()))
        return 0;
    return exchange_pieces(fd, slot, gpa_of(frames->first()), gpa_of(frames->last()), &change);
}

void Vm::follow_back(int fd, Slot &slot, FrameChange const &change) noexcept
{
    if (!slot.exists() || slot.only_file)
        return;
    if (auto const frames { PageRange::make(frame_of(slot.gpa), frame_of(slot.gpa + slot.size))->intersect(change.frames) })
        (void)exchange_pieces(fd, slot, gpa_of(frames->first()), gpa_of(frames->last()), nullptr);
}

// Every piece lies in its slot and is of one attribute, and together they are all that has something behind it.
char const *Vm::audit_pieces() noexcept
{
    std::uint32_t seen { 0 };
    for (auto &slot : slots_.ever_used(0)) {
        if (!slot.exists())
            continue;
        std::uint64_t bytes { 0 };
        for (auto n { slot.pieces }; n != RealSlots::none; n = real_[n].next, ++seen) {
            auto const &piece { real_[n] };
            if (!piece.taken)
                return "M1: a piece's number is not taken";
            if (piece.gpa < slot.gpa || piece.gpa + piece.size > slot.gpa + slot.size)
                return "V3: a piece lies outside of its slot";
            if (end_of_piece(slot, piece.gpa, piece.gpa + piece.size, nullptr) != piece.gpa + piece.size)
                return "V3: a piece has two attributes";
            bytes += piece.size;
        }
        (void)each_piece(slot, slot.gpa, slot.gpa + slot.size, nullptr, [&bytes](std::uint64_t begin, std::uint64_t end, Attribute) noexcept -> long { return bytes -= end - begin, 0; });
        if (bytes != 0)
            return "V3: a piece is missing";
    }
    if (seen != real_.taken())
        return "M2: the number of pieces is wrong";
    return real_.audit();
}

// A slot of the program comes or moves: all its pieces, or none.
long Vm::place_slot(int fd, Slot &slot) noexcept
{
    if (count_pieces(slot, slot.gpa, slot.gpa + slot.size, nullptr) > real_.free())
        return -ENOMEM;
    auto const result { make_pieces(fd, slot, slot.gpa, slot.gpa + slot.size, nullptr) };
    if (os::failed(result))
        drop_pieces(fd, slot, slot.gpa, slot.gpa + slot.size);
    return result;
}

// 6.1 (11) for slots without a file: only the place and the flags may change, and not KVM_MEM_READONLY.
long Vm::change_slot(int fd, Slot &slot, MemslotRequest const &wanted) noexcept
{
    if (wanted.size != slot.size || wanted.userspace != slot.userspace || ((wanted.flags ^ slot.flags) & uapi::mem_readonly))
        return -EINVAL;
    if (slots_.overlaps_in_guest(wanted.slot, wanted.gpa, wanted.size))
        return -EEXIST;
    if (wanted.gpa == slot.gpa && wanted.flags == slot.flags)
        return 0;
    auto const before { slot };
    drop_pieces(fd, slot, slot.gpa, slot.gpa + slot.size);
    slots_.move(slot, wanted.gpa);
    slot.flags = wanted.flags;
    auto const result { place_slot(fd, slot) };
    if (os::failed(result)) {
        slots_.move(slot, before.gpa);
        slot.flags = before.flags;
        (void)place_slot(fd, slot);
    }
    return result;
}

// The program's number becomes the real one. Of a slot that is several pieces there is no one log (docs/limits.md).
long Vm::dirty_log(int fd, unsigned long command, std::uintptr_t argument) noexcept
{
    struct Log final { // of both commands; the first has 16 bytes only
        std::uint32_t slot, pages;
        std::uint64_t words[2];
    } log {};
    if (!tracks_frames())
        return os::system_call(SYS_ioctl, fd, command, argument);
    if (!os::copy_from_program(&log, argument, command == uapi::get_dirty_log ? 16 : sizeof log))
        return -EFAULT;
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    if (log.slot >= SlotTable::most_slots)
        return -EINVAL;
    auto const &slot { slots_[log.slot] };
    if (!slot.exists())
        return -ENOENT;
    if (slot.pieces == RealSlots::none || real_[slot.pieces].size != slot.size)
        return -EOPNOTSUPP;
    log.slot = slot.pieces;
    return os::system_call(SYS_ioctl, fd, command, &log);
}

} // namespace gmem::kvm
