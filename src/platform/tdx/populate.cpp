#include "platform/tdx/populate.hpp"

namespace gmem::platform::tdx {

Result<Launched> populate(Td &td, Pages &pages, LaunchPage const &what) noexcept
{
    if (td.op() != Op::initialized || td.vcpus() == 0)
        return Error::of(Why::bad_argument, "TDX: no launch under way");
    if (what.attribute != Attribute::private_ || what.page.index() >= pages.count.index())
        return Error::of(Why::bad_argument, "TDX: not a private page");

    Place const at { what.page, what.frame };
    if (auto const s { td.page_add(pages, at, what.source) }; s != Seam::success)
        return Error { Why::platform_refused, errno_of(s), what.page.to_bytes(), name_of(s) };
    if (what.measure == Measure::yes)
        for (std::uint64_t offset { 0 }; offset < page_size; offset += chunk_bytes)
            if (auto const s { td.extend(pages, at, offset) }; s != Seam::success)
                return Error { Why::platform_refused, errno_of(s), what.page.to_bytes(), name_of(s) };
    return Launched { .never_written = !what.source && !what.existed };
}

} // namespace gmem::platform::tdx
