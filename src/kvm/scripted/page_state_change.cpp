#include "kvm/scripted/page_state_change.hpp"

namespace gmem::kvm::scripted {
namespace {

enum Operation : std::uint8_t { to_private = 1, to_shared = 2, smash = 3, unsmash = 4 };

constexpr std::uint64_t small_pages_of_huge { 512 };

// An entry: bits 11:0 pages done, 51:12 frame, 55:52 operation, 56 page size.
class Entry final {
public:
    explicit Entry(std::uint64_t bits) noexcept : bits_ { bits } {}
    std::uint64_t done() const noexcept { return bits_ & 0xfff; }
    std::uint64_t frame() const noexcept { return bits_ >> 12 & 0xff'ffff'ffff; }
    unsigned operation() const noexcept { return bits_ >> 52 & 0xf; }
    bool huge() const noexcept { return (bits_ >> 56 & 1) != 0; }
    std::uint64_t pages() const noexcept { return huge() ? small_pages_of_huge : 1; }
    bool legal() const noexcept { return done() <= pages() && frame() % pages() == 0; }

private:
    std::uint64_t bits_;
};

PageStateStep finished(std::uint64_t status) noexcept { return { .what = PageStateStep::What::finished, .status = status, .gpa = 0, .pages = 0, .to_private = false, .huge = false, .first = 0, .last = 0 }; }

} // namespace

PageStateStep next_step(gmem_guest_psc &list) noexcept
{
    if (list.end_entry >= GMEM_GUEST_PSC_ENTRIES)
        return finished(psc_invalid_header);
    auto const end { list.end_entry };
    for (std::uint32_t at { list.cur_entry }; at <= end; at = list.cur_entry) {
        Entry const head { list.entries[at] };
        if (!head.legal())
            return finished(psc_invalid_entry);
        if (head.done() == head.pages()) {
            ++list.cur_entry;
            continue;
        }
        bool const huge { head.huge() && head.done() == 0 }; // the rest of a huge page goes in small ones
        auto const frame { head.frame() + head.done() };
        auto pages { head.pages() - head.done() };
        auto last { at };
        for (; last < end; ++last) {
            Entry const next { list.entries[last + 1] };
            if (next.operation() != head.operation() || next.frame() != frame + pages || next.done() != 0 || next.huge() != huge || !next.legal())
                break;
            pages += next.pages();
        }
        auto const first { static_cast<std::uint16_t>(at) };
        if (head.operation() == smash || head.operation() == unsmash) {
            mark_done(list, first, static_cast<std::uint16_t>(last));
            continue;
        }
        if (head.operation() != to_private && head.operation() != to_shared)
            return finished(psc_invalid_entry);
        return { .what = PageStateStep::What::ask, .status = 0, .gpa = frame << 12, .pages = pages, .to_private = head.operation() == to_private, .huge = huge, .first = first, .last = static_cast<std::uint16_t>(last) };
    }
    return finished(0);
}

void mark_done(gmem_guest_psc &list, std::uint16_t first, std::uint16_t last) noexcept
{
    for (std::uint32_t at { first }; at <= last && at < GMEM_GUEST_PSC_ENTRIES; ++at)
        list.entries[at] = (list.entries[at] & ~std::uint64_t { 0xfff }) | Entry { list.entries[at] }.pages();
    list.cur_entry = static_cast<std::uint16_t>(last + 1);
}

} // namespace gmem::kvm::scripted
