#include "platform/snp/rmp_entry.hpp"

namespace gmem::platform::snp {

char const *audit(RmpEntry const &e) noexcept
{
    if (e.unused1 || e.unused2 || e.unused3 != 0)
        return "R5: a bit without a name is set";
    auto const state { state_of(e) };
    if (!state)
        return "R1: the fields make no state";
    if (e.frame > most_frame || e.asid > most_asid)
        return "R2: gpa or asid does not fit its field";
    if (!e.assigned && (e.frame != 0 || e.asid != 0 || e.vmsa || e.permissions != Permissions {}))
        return "R2: an unassigned entry has fields of a guest";
    if (e.asid == 0 ? e.permissions != Permissions {} : e.permissions[0] != permission::all)
        return "R3: permissions where there are none, or VMPL0 without them";
    for (auto const p : e.permissions)
        if (p > permission::all)
            return "R3: a permission that does not exist";
    if (e.large && (e.vmsa || !e.assigned))
        return "R4: a VMSA or an unassigned page of 2 MiB";
    return nullptr;
}

} // namespace gmem::platform::snp
