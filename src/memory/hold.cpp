// Taking hold of what windows show.

#include "memory/hold.hpp"

#include "memory/space.hpp"
#include "os/signals.hpp"

namespace gmem::memory {
namespace {

constinit std::atomic<std::uint64_t> next_taker { 1 };

} // namespace

Hold::~Hold()
{
    if (taker_ != 0)
        Holds::drop_where([this](Holds::Record const &r) noexcept { return r.taker == taker_; });
}

void Hold::begin_part(std::uint64_t tag) noexcept
{
    if (begun_)
        ++part_;
    begun_ = true;
    key_.tag = tag;
}

// Pages are found under the window table's lock and held outside of it: a gmem's lock is outer.
template <typename Add>
Status Hold::for_each_window(os::AddressRange r, Add add) noexcept
{
    if (r.empty() || !Space::may_touch(r)) [[likely]]
        return Ok {};
    for (auto at { r.begin }; at < r.end;) {
        GuestMemory *file { nullptr };
        std::optional<PageRange> pages;
        {
            os::SignalsBlocked blocked;
            os::Locked guard { Space::lock() };
            auto const found { Space::table().overlapping({ at, r.end }) };
            if (found.empty())
                return Ok {};
            auto const &w { found.front() };
            auto const part { w.addresses.intersect({ at, r.end }) };
            pages = PageRange::make(w.page_at(part.begin), w.page_at(part.begin).plus(part.length() >> page_bits));
            file = w.file;
            file->acquire();
            at = part.end;
        }
        auto const added { add(*file, *pages, at - raw(pages->length())) };
        file->release();
        GMEM_CHECK(added);
    }
    return Ok {};
}

Status Hold::add_pages(GuestMemory &file, PageRange r) noexcept
{
    if (taker_ == 0)
        taker_ = next_taker.fetch_add(1, std::memory_order_relaxed);
    return Holds::add(file, r, key_, taker_, part_);
}

Status Hold::add(os::AddressRange r) noexcept
{
    begun_ = true;
    return for_each_window(r, [this](GuestMemory &file, PageRange pages, std::uintptr_t) noexcept -> Status {
        if (pages.last() > file.pages())
            return Error::with_errno(EFAULT, "hold.past_the_end");
        return add_pages(file, pages);
    });
}

Status Hold::add_by_address(os::AddressRange r) noexcept
{
    return for_each_window(r, [this](GuestMemory &file, PageRange pages, std::uintptr_t address) noexcept -> Status {
        if (pages.last() > file.pages())
            return Error::with_errno(EFAULT, "hold.past_the_end");
        key_.tag = address;
        return add_pages(file, pages);
    });
}

void Hold::add_what_is_shared(os::AddressRange r) noexcept
{
    begun_ = true;
    (void)for_each_window(r, [this](GuestMemory &file, PageRange pages, std::uintptr_t) noexcept -> Status {
        auto const end { pages.last() < file.pages() ? pages.last() : file.pages() };
        for (auto at { pages.first() }; at < end;) {
            auto const run { file.attributes().next_run(at, end, Attribute::shared) };
            if (!run)
                break;
            (void)add_pages(file, *run); // private meanwhile: then nobody else reaches it either
            at = run->last();
        }
        return Ok {};
    });
}

template <typename Tag>
void Hold::keep_with(std::uint32_t parts, Tag tag) noexcept
{
    if (taker_ == 0)
        return;
    os::SignalsBlocked blocked;
    os::Locked guard { Holds::lock_ };
    Holds::for_each_locked([&](Holds::Record &r) noexcept {
        if (r.taker != taker_ || r.part >= parts || r.key.descriptor <= Holds::first_orphan) // closed meanwhile: it goes with us
            return;
        r.key.tag = tag(r);
        r.taker = 0;
    });
}

void Hold::keep(std::uint32_t parts) noexcept
{
    keep_with(parts, [](Holds::Record const &r) noexcept { return r.key.tag; });
}

void Hold::keep_as(std::uint64_t first_tag, std::uint32_t parts) noexcept
{
    keep_with(parts, [first_tag](Holds::Record const &r) noexcept { return first_tag + r.part; });
}

void Hold::keep_in_pipe(std::uint64_t bytes) noexcept
{
    if (taker_ == 0)
        return;
    os::SignalsBlocked blocked;
    os::Locked guard { Holds::lock_ };
    std::uint64_t end { 0 };
    Holds::for_each_locked([&](Holds::Record const &r) noexcept {
        if (r.key.kind == key_.kind && r.key.descriptor == key_.descriptor && r.taker == 0 && r.key.tag > end)
            end = r.key.tag;
    });
    Holds::for_each_locked([&](Holds::Record &r) noexcept {
        if (r.taker == taker_ && r.key.descriptor > Holds::first_orphan) {
            r.key.tag = end + bytes;
            r.taker = 0;
        }
    });
}

} // namespace gmem::memory
