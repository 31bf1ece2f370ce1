#include "platform/cca/cca.hpp"

#include "platform/cca/rmi.hpp"

#include <cerrno>
#include <cstring>

namespace gmem::platform {
namespace {

using namespace cca;

constexpr AddressSpace space { 52 }; // memslots are in the lower half of whatever the realm has

PageState state_of(Pages const &pages, PageNo p) noexcept { return record_as<PageState>(pages.record(p)); }

// Back to the host. A granule that is something else than data is not given back by the RMM: KVM leaks the page and goes on with another, which is zeros.
void release(Pages &pages, PageNo p) noexcept
{
    auto const page { state_of(pages, p) };
    if (page.granule == Granule::undelegated)
        return;
    if (page.granule == Granule::data)
        static_cast<void>(data_destroy(pages, p, page.frame, space));
    if (!command(pages, p, GranuleCommand::undelegate)) {
        std::memset(pages.page(p), 0, page_size);
        pages.record(p) = {};
    }
}

void release(Pages &pages, PageRange r) noexcept
{
    for (auto p { r.first() }; p < r.last(); p = p.plus(1))
        release(pages, p);
}

constexpr GuestVerdict sea { GuestVerdict::What::guest_exception, "SEA" };
constexpr GuestVerdict missing { GuestVerdict::What::retry, "data abort exit" };
constexpr GuestVerdict destroyed { GuestVerdict::What::memory_fault, "data abort exit, RIPAS DESTROYED" }; // nothing that the host does helps

// Protected IPAs: [HIPAS][RIPAS].
constexpr GuestVerdict protected_access[2][3] {
    // EMPTY, RAM, DESTROYED
    { sea, missing, destroyed }, // UNASSIGNED
    { sea, {}, destroyed },      // ASSIGNED
};

constexpr char const *undelegated_names[] { "UNDELEGATED", "UNDELEGATED, UNASSIGNED/RAM", "UNDELEGATED, UNASSIGNED/DESTROYED" };
constexpr char const *delegated_names[] { "DELEGATED", "DELEGATED, UNASSIGNED/RAM", "DELEGATED, UNASSIGNED/DESTROYED" };
constexpr char const *data_names[] { "DATA, ASSIGNED/EMPTY", "DATA, ASSIGNED/RAM", "DATA, ASSIGNED/DESTROYED" };

}

void Cca::make_shared(Pages &pages, PageRange held) const noexcept { release(pages, held); }
void Cca::reclaim(Pages &pages, PageRange held) const noexcept { release(pages, held); }

Status Cca::make_private(Pages &pages, PageNo p, std::uint64_t frame) const noexcept
{
    auto const page { state_of(pages, p) };
    if (frame == no_frame)
        return Error { Why::bad_argument, EINVAL, p.to_bytes(), "the page has no IPA" };
    if (page.granule == Granule::data && page.frame == frame)
        return Ok {};
    // A page that KVM could not map is given back, wiped, if it was not the RMM's before.
    if (page.granule == Granule::undelegated && !command(pages, p, GranuleCommand::delegate))
        return Error { Why::platform_refused, ENXIO, p.to_bytes(), "RMI_GRANULE_DELEGATE" };
    if (!data_create_unknown(pages, p, frame, space)) {
        if (page.granule == Granule::undelegated)
            release(pages, p);
        return Error { Why::platform_refused, ENXIO, p.to_bytes(), "RMI_DATA_CREATE_UNKNOWN" };
    }
    return Ok {};
}

void Cca::accept(Pages &pages, PageNo p, std::uint64_t frame) const noexcept
{
    auto page { state_of(pages, p) };
    if (space.is_protected(frame) && step(page, frame, EntryCommand::set_ram_destroyed_too))
        store_record(pages.record(p), page);
}

void Cca::unmap(Pages &pages, PageNo p, std::uint64_t frame) const noexcept
{
    auto const page { state_of(pages, p) };
    if (page.frame != frame)
        return;
    if (page.alias)
        static_cast<void>(unmap_unprotected(pages, p, space.alias_of(frame), space));
    if (page.granule == Granule::data)
        release(pages, p);
}

bool Cca::held(Record const &r) const noexcept { return record_as<PageState>(r).granule != Granule::undelegated; }

// Who is denied is denied reading and writing. A host process gets SIGBUS; this is about the kernel and about devices.
HostVerdict Cca::host_access(Pages const &pages, PageNo p, Access) const noexcept
{
    if (state_of(pages, p).pas == Pas::non_secure)
        return {};
    return { HostVerdict::What::fault, HostVerdict::Then::host_crash, "GPF" };
}

GuestVerdict Cca::guest_access(Pages const &pages, PageNo p, std::uint64_t frame, Side side, Access) const noexcept
{
    auto const page { state_of(pages, p) };
    if (side == Side::shared)
        return page.pas == Pas::non_secure ? GuestVerdict {} : GuestVerdict { GuestVerdict::What::memory_fault, "GPF through the unprotected alias" };
    auto const entry { page.entry_at(frame) };
    return protected_access[static_cast<std::size_t>(entry.hipas)][static_cast<std::size_t>(entry.ripas)];
}

char const *Cca::state_name(Record const &r) const noexcept
{
    auto const page { record_as<PageState>(r) };
    auto const ripas { static_cast<std::size_t>(page.entry.ripas) };
    switch (page.granule) {
    case Granule::undelegated: return page.pas == Pas::non_secure ? undelegated_names[ripas] : "UNDELEGATED, not the host's";
    case Granule::delegated:   return delegated_names[ripas];
    case Granule::rd:          return "RD";
    case Granule::rec:         return "REC";
    case Granule::rec_aux:     return "REC_AUX";
    case Granule::data:        return data_names[ripas];
    case Granule::rtt:         return "RTT";
    }
    return "?";
}

char const *Cca::audit(Record const &r) const noexcept
{
    auto const page { record_as<PageState>(r) };
    if (static_cast<std::size_t>(page.granule) >= granule_states || page.pas > Pas::root || page.entry.hipas > Hipas::assigned
        || page.entry.ripas > Ripas::destroyed || page.unused[0] != 0 || page.unused[1] != 0 || page.unused[2] != 0)
        return "no state of a granule";
    if ((page.granule != Granule::undelegated) != (page.pas == Pas::realm))
        return "a granule's state and its physical address space disagree";
    if ((page.granule == Granule::data) != (page.entry.hipas == Hipas::assigned))
        return "a granule is data and mapped nowhere, or mapped and not data";
    if (!page.has_entry() && page.frame != 0)
        return "a frame without an entry";
    return nullptr;
}

} // namespace gmem::platform
