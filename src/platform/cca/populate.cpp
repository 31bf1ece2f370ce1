#include "platform/cca/populate.hpp"

#include <cerrno>
#include <cstring>

namespace gmem::platform::cca {

Status populate(Realm &realm, Pages &pages, PageNo p, std::uint64_t frame, std::byte const *source, bool measure, std::byte *bounce) noexcept
{
    if (!source && !bounce)
        return Error { Why::not_supported, EOPNOTSUPP, p.to_bytes(), "a page of a realm cannot be filled from itself" };
    if (!command(pages, p, GranuleCommand::delegate))
        return Error { Why::platform_refused, ENXIO, p.to_bytes(), "RMI_GRANULE_DELEGATE" };
    // The host copies before it delegates; here the order does not matter, and a refusal above must not touch the bounce page.
    auto const *from { source };
    if (!from) {
        std::memcpy(bounce, pages.page(p), page_size);
        from = bounce;
    }
    auto const created { realm.data_create(pages, p, frame, from, measure) };
    if (from == bounce)
        std::memset(bounce, 0, page_size);
    if (created)
        return Ok {};
    static_cast<void>(command(pages, p, GranuleCommand::undelegate)); // it was delegated just now
    return Error { Why::platform_refused, created.status == Rmi::no_hash ? ENOMEM : ENXIO, p.to_bytes(), "RMI_DATA_CREATE" };
}

} // namespace gmem::platform::cca
