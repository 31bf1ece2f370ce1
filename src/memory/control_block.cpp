#include "memory/control_block.hpp"

#include "memory/hidden_file.hpp"
#include "os/kill_points.hpp"
#include "os/mapping_calls.hpp"

#include <unistd.h>

namespace gmem::memory {

Result<ControlBlock> ControlBlock::open(os::HelperFd file, PageNo pages) noexcept
{
    ControlBlock block;
    block.file_ = file;
    block.pages_ = pages;
    auto const bytes { control_bytes(pages) };
    GMEM_TRY(base, os::map_hidden(file, 0, bytes, PROT_READ | PROT_WRITE, 0, Bytes { control_at(pages) }));
    block.base_ = reinterpret_cast<std::byte *>(base);
    // Not in core files: sparse, and of no use there.
    (void)os::advise({ base, base + bytes }, MADV_DONTDUMP);
    return block;
}

Result<ControlBlock> ControlBlock::create(os::HelperFd file, Identity const &identity, Attribute initial, Records records) noexcept
{
    PageNo const pages { identity.pages };
    GMEM_TRY(block, open(file, pages));
    auto const header_at { control_bytes(pages) - 2 * page_size };
    auto const extents { [&block, pages](std::size_t offset, std::size_t length) noexcept { return bool(block.make_resident(extents_at(pages) + offset, length)); } };
    // The header first: the others are counted in it.
    if (!block.make_header_resident(header_at) || !block.make_resident(0, AttributeMap::layout(pages).eager_bytes)
        || (identity.huge_pages && !ExtentMap::reserve_eager(pages, extents))
        || (records == Records::kept && !block.make_resident(held_at(pages), PageBits::layout(pages).eager_bytes))) {
        block.unmap();
        return Error::of(Why::no_memory, "control.eager");
    }
    block.attributes().initialise(initial);
    block.header().identity = identity;
    return block;
}

Status ControlBlock::make_header_resident(std::size_t at) noexcept
{
    if (os::failed(os::Helper::call(SYS_fallocate, file_, 0, control_at(pages_) + at, 2 * page_size)))
        return Error::of(Why::no_memory, "control.header");
    header().resident_bytes.store(2 * page_size, std::memory_order_relaxed);
    return Ok {};
}

std::optional<Identity> ControlBlock::identify(os::HelperFd file, Bytes size) noexcept
{
    auto const bytes { raw(size) };
    if (bytes < 2 * page_size || bytes % page_size)
        return std::nullopt;
    auto const mapped { os::map_hidden(file, 0, page_size, PROT_READ, 0, Bytes { bytes - 2 * page_size }) };
    if (!mapped)
        return std::nullopt;
    auto const *const header { reinterpret_cast<ControlHeader const *>(mapped.value()) };
    auto const identity { header->identity };
    bool const known_platform { header->vm.kind <= platform::all_kinds.back() };
    os::unmap({ mapped.value(), mapped.value() + page_size });
    if (identity.magic != Identity::expected_magic || identity.pages == 0 || identity.pages > bytes >> page_bits
        || raw(file_size(PageNo { identity.pages })) != bytes || identity.windows > 1 || identity.conversions > 1 || identity.huge_pages > 1 || !known_platform)
        return std::nullopt;
    return identity;
}

void ControlBlock::unmap() noexcept
{
    auto const begin { reinterpret_cast<std::uintptr_t>(base_) };
    os::unmap({ begin, begin + control_bytes(pages_) });
    base_ = nullptr;
}

Status ControlBlock::make_resident(std::size_t offset, std::size_t length) noexcept
{
    if (length == 0)
        return Ok {};
    if (os::failed(os::Helper::call(SYS_fallocate, file_, 0, control_at(pages_) + offset, length)))
        return Error::of(Why::no_memory, "control.resident");
    header().resident_bytes.fetch_add(length, std::memory_order_relaxed);
    return Ok {};
}

bool ControlBlock::stage_extents(PageRange r) noexcept
{
    return extents().stage(r, [this](std::size_t offset, std::size_t length) noexcept { return bool(make_resident(extents_at(pages_) + offset, length)); });
}

Status ControlBlock::stage(PageRange r) noexcept
{
    if (!attributes().stage(r, [this](std::size_t offset, std::size_t length) noexcept { return bool(make_resident(offset, length)); }))
        return Error::at_page(Why::no_memory, r.first(), "control.stage");
    return Ok {};
}

// 256 records a page of this mapping.
Status ControlBlock::stage_records(PageRange r) noexcept
{
    if (!held().stage(r, [this](std::size_t offset, std::size_t length) noexcept { return bool(make_resident(held_at(pages_) + offset, length)); }))
        return Error::at_page(Why::no_memory, r.first(), "control.held");
    auto const begin { reinterpret_cast<std::uintptr_t>(records() + r.first().index()) & ~(page_size - 1) };
    auto const end { (reinterpret_cast<std::uintptr_t>(records() + r.last().index()) + page_size - 1) & ~(page_size - 1) };
    for (auto at { begin }; at < end; at += page_size) {
        if (os::resident(at)) [[likely]]
            continue;
        auto const offset { at - reinterpret_cast<std::uintptr_t>(base_) };
        bool const swapped_out { os::Helper::call(SYS_lseek, file_, control_at(pages_) + offset, SEEK_DATA) == static_cast<long>(control_at(pages_) + offset) };
        if (!swapped_out && !make_resident(offset, page_size))
            return Error::at_page(Why::no_memory, r.first(), "control.records");
    }
    return Ok {};
}

Status ControlBlock::stage_pin() noexcept
{
    auto const next { pins().next_offset() };
    if (!next)
        return Error::of(Why::no_memory, "control.pins");
    bool const never_used { *next == header().pins.high.load(std::memory_order_relaxed) * sizeof(PinRecord) };
    if (never_used && *next % page_size == 0) // the first record of its page
        return make_resident(pins_at(pages_) + *next, page_size);
    return Ok {};
}

void ControlBlock::begin_commit(PageRange r, Attribute to, platform::ContentEffect effect, platform::Solicited asked) noexcept
{
    auto &journal { header().journal };
    journal.to = to;
    journal.effect = effect;
    journal.asked = asked;
    journal.first = r.first().index();
    journal.last = r.last().index();
    journal.state.store(Journal::committing, std::memory_order_release);
    os::kill_point("commit.begun");
}

// Setting is idempotent, also over a half-written change: every level is filled before the one above leads to it.
void ControlBlock::commit() noexcept
{
    auto &journal { header().journal };
    if (auto const r { PageRange::make(PageNo { journal.first }, PageNo { journal.last }) })
        attributes().commit(*r, journal.to);
    os::kill_point("commit.done");
    journal.state.store(Journal::committed, std::memory_order_release);
    os::kill_point("commit.unconcluded");
}

void ControlBlock::concluded() noexcept
{
    os::kill_point("commit.answered");
    header().journal.state.store(Journal::nothing, std::memory_order_release);
}

void ControlBlock::begin_settling(PageRange r) noexcept
{
    auto &journal { header().journal };
    journal.first = r.first().index();
    journal.last = r.last().index();
    journal.state.store(Journal::settling, std::memory_order_release);
}

void ControlBlock::settled() noexcept { header().journal.state.store(Journal::nothing, std::memory_order_release); }

std::optional<PageRange> ControlBlock::unsettled() const noexcept
{
    auto const &journal { header().journal };
    if (journal.state.load(std::memory_order_acquire) != Journal::settling)
        return std::nullopt;
    return PageRange::make(PageNo { journal.first }, PageNo { journal.last });
}

std::optional<ControlBlock::Interrupted> ControlBlock::interrupted() const noexcept { return left_in(Journal::committing); }
std::optional<ControlBlock::Interrupted> ControlBlock::unconcluded() const noexcept { return left_in(Journal::committed); }

std::optional<ControlBlock::Interrupted> ControlBlock::left_in(Journal::State state) const noexcept
{
    auto const &journal { header().journal };
    if (journal.state.load(std::memory_order_acquire) != state)
        return std::nullopt;
    auto const r { PageRange::make(PageNo { journal.first }, PageNo { journal.last }) };
    if (!r)
        return std::nullopt;
    return Interrupted { *r, journal.to, journal.effect, journal.asked };
}

} // namespace gmem::memory
