#include "kvm/frame_attributes.hpp"

#include "os/mapping_calls.hpp"

namespace gmem::kvm {
namespace {

constexpr auto bytes { AttributeMap::layout(FrameAttributes::end).total_bytes };

}

Status FrameAttributes::reserve() noexcept
{
    GMEM_TRY(memory, os::map_anonymous(bytes, MAP_PRIVATE));
    (void)os::advise({ memory, memory + bytes }, MADV_DONTDUMP); // sparse
    base_ = reinterpret_cast<std::byte *>(memory);
    return Ok {};
}

void FrameAttributes::clear() noexcept
{
    auto const begin { reinterpret_cast<std::uintptr_t>(base_) };
    if (base_)
        os::unmap({ begin, begin + bytes });
    base_ = nullptr;
}

PageNo FrameAttributes::end_of_run(PageNo from, PageNo limit) const noexcept
{
    auto const inside { limit < end ? limit : end };
    if (!base_ || inside <= from)
        return limit;
    auto const other { map().first_differing(*PageRange::make(from, inside), at(from)) };
    return other ? *other : inside;
}

Status FrameAttributes::stage(PageRange r) noexcept
{
    if (r.last() > end)
        return Error::at_page(Why::no_memory, r.first(), "frames.end");
    auto const make_resident { [this](std::size_t offset, std::size_t length) noexcept {
        auto const result { os::system_call(SYS_madvise, base_ + offset, length, os::madv_populate_write) };
        return !os::failed(result) || result == -EINVAL; // before Linux 5.14 memory comes when it is touched
    } };
    if (!map().stage(r, make_resident))
        return Error::at_page(Why::no_memory, r.first(), "frames.stage");
    return Ok {};
}

} // namespace gmem::kvm
