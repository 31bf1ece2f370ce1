#include "platform/cca/rmi.hpp"

#include "platform/cca/wipe.hpp"

#include <cstring>

namespace gmem::platform::cca {
namespace {

// Which granule becomes which: one row a command, everything else is RMI_ERROR_INPUT.
struct GranuleRow final {
    Granule before, after;
};
constexpr GranuleRow granule_rows[granule_commands] {
    { Granule::undelegated, Granule::delegated },   // delegate
    { Granule::delegated,   Granule::undelegated }, // undelegate
    { Granule::delegated,   Granule::rd },          // realm_create
    { Granule::rd,          Granule::delegated },   // realm_destroy
    { Granule::delegated,   Granule::rec },         // rec_create
    { Granule::rec,         Granule::delegated },   // rec_destroy
    { Granule::delegated,   Granule::rec_aux },     // rec_create_aux
    { Granule::rec_aux,     Granule::delegated },   // rec_destroy_aux
    { Granule::delegated,   Granule::rtt },         // rtt_create
    { Granule::rtt,         Granule::delegated },   // rtt_destroy
};

constexpr Entry unassigned(Ripas r) noexcept { return { Hipas::unassigned, r }; }
constexpr Entry assigned(Ripas r) noexcept { return { Hipas::assigned, r }; }

struct EntryCell final {
    bool legal { false };
    Entry next {};

    constexpr EntryCell() noexcept = default;
    constexpr EntryCell(Entry e) noexcept : legal { true }, next { e } {}
};
constexpr EntryCell no {};

// Columns: UNASSIGNED with RIPAS EMPTY, RAM, DESTROYED; ASSIGNED with RIPAS EMPTY, RAM, DESTROYED.
// assumption: INIT_RIPAS of an entry that is RAM already is refused.
constexpr EntryCell entry_table[entry_commands][6] {
    // data_create
    { no, assigned(Ripas::ram), no, no, no, no },
    // data_create_unknown
    { assigned(Ripas::empty), assigned(Ripas::ram), assigned(Ripas::destroyed), no, no, no },
    // data_destroy
    { no, no, no, unassigned(Ripas::empty), unassigned(Ripas::destroyed), unassigned(Ripas::destroyed) },
    // init_ripas
    { unassigned(Ripas::ram), no, no, no, no, no },
    // set_ram
    { unassigned(Ripas::ram), unassigned(Ripas::ram), no, assigned(Ripas::ram), assigned(Ripas::ram), no },
    // set_empty: the granule stays until the host destroys it
    { unassigned(Ripas::empty), unassigned(Ripas::empty), no, assigned(Ripas::empty), assigned(Ripas::empty), no },
    // set_ram_destroyed_too
    { unassigned(Ripas::ram), unassigned(Ripas::ram), unassigned(Ripas::ram), assigned(Ripas::ram), assigned(Ripas::ram), assigned(Ripas::ram) },
    // set_empty_destroyed_too
    { unassigned(Ripas::empty), unassigned(Ripas::empty), unassigned(Ripas::empty), assigned(Ripas::empty), assigned(Ripas::empty), assigned(Ripas::empty) },
};

constexpr std::size_t column(Entry e) noexcept { return 3 * static_cast<std::size_t>(e.hipas) + static_cast<std::size_t>(e.ripas); }

PageState load(Pages const &pages, PageNo p) noexcept { return record_as<PageState>(pages.record(p)); }
void store(Pages &pages, PageNo p, PageState const &s) noexcept { store_record(pages.record(p), s); }

RmiResult set_alias(Pages &pages, PageNo p, std::uint64_t frame, AddressSpace space, bool mapped) noexcept
{
    if (!space.is_unprotected(frame))
        return rmi_error_input;
    auto page { load(pages, p) };
    auto const lower { frame - space.frames() / 2 };
    auto const here { !page.has_entry() || page.frame == lower };
    if ((here && page.alias) == mapped || (!here && page.entry.hipas == Hipas::assigned))
        return rmi_error_rtt;
    page.entry = page.entry_at(lower);
    page.alias = mapped;
    page.frame = page.has_entry() ? lower : 0;
    store(pages, p, page);
    return rmi_success;
}

}

bool step(PageState &page, std::uint64_t frame, EntryCommand c) noexcept
{
    auto const here { !page.has_entry() || page.frame == frame };
    if (!here && page.entry.hipas == Hipas::assigned) // mapped elsewhere: there is no place for another entry
        return false;
    auto const &cell { entry_table[static_cast<std::size_t>(c)][column(here ? page.entry : Entry {})] };
    if (!cell.legal)
        return false;
    page.entry = cell.next;
    page.alias = here && page.alias;
    page.frame = page.has_entry() ? frame : 0;
    return true;
}

RmiResult command(Pages &pages, PageNo p, GranuleCommand c) noexcept
{
    auto page { load(pages, p) };
    auto const &row { granule_rows[static_cast<std::size_t>(c)] };
    if (page.granule != row.before)
        return rmi_error_input;
    if (page.granule == Granule::undelegated && page.pas != Pas::non_secure) // Secure or Root: not the host's to give
        return rmi_error_input;
    page.granule = row.after;
    page.pas = row.after == Granule::undelegated ? Pas::non_secure : Pas::realm;
    if (c == GranuleCommand::undelegate)
        wipe(pages, p);
    store(pages, p, page);
    return rmi_success;
}

RmiResult data_create_unknown(Pages &pages, PageNo p, std::uint64_t frame, AddressSpace space) noexcept
{
    auto page { load(pages, p) };
    if (!space.is_protected(frame) || page.granule != Granule::delegated)
        return rmi_error_input;
    if (!step(page, frame, EntryCommand::data_create_unknown))
        return rmi_error_rtt;
    page.granule = Granule::data;
    std::memset(pages.page(p), 0, page_size);
    store(pages, p, page);
    return rmi_success;
}

RmiResult data_destroy(Pages &pages, PageNo p, std::uint64_t frame, AddressSpace space) noexcept
{
    auto page { load(pages, p) };
    if (!space.is_protected(frame))
        return rmi_error_input;
    if (!step(page, frame, EntryCommand::data_destroy))
        return rmi_error_rtt;
    page.granule = Granule::delegated;
    store(pages, p, page);
    return rmi_success;
}

RmiResult map_unprotected(Pages &pages, PageNo p, std::uint64_t frame, AddressSpace space) noexcept { return set_alias(pages, p, frame, space, true); }
RmiResult unmap_unprotected(Pages &pages, PageNo p, std::uint64_t frame, AddressSpace space) noexcept { return set_alias(pages, p, frame, space, false); }

} // namespace gmem::platform::cca
