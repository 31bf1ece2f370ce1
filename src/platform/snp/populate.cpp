#include "platform/snp/populate.hpp"

#include "platform/snp/firmware_pages.hpp"
#include "platform/snp/host_instructions.hpp"

#include <cerrno>

namespace gmem::platform::snp {

Populated populate(Pages const &pages, Launch &launch, Populate const &what) noexcept
{
    Rmp const rmp { pages };
    if (what.attribute != Attribute::private_ || !rmp.has(what.page))
        return { EINVAL };
    if (rmp.at(what.page).assigned)
        return { EEXIST };
    if (what.source && what.type != PageType::zero)
        __builtin_memcpy(rmp.bytes(what.page), what.source, page_size);
    if (rmpupdate(rmp, what.page, NewState::guests(pages.vm->id, what.frame, true)) != Eax::success)
        return { EINVAL };
    auto const answer { launch.update(pages, { .page = what.page, .type = what.type }) };
    if (answer == Firmware::success)
        return {};
    // Out of the firmware's hands first, then out of the guest's: only then may the host look.
    page_reclaim(rmp, what.page, PageSize::small);
    rmpupdate(rmp, what.page, NewState::shared());
    if (what.source && what.type == PageType::cpuid && answer == Firmware::invalid_param)
        __builtin_memcpy(what.source, rmp.bytes(what.page), page_size);
    return { EIO, answer };
}

} // namespace gmem::platform::snp
