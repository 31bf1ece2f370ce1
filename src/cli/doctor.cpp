#include "cli/doctor.hpp"

#include <fmt/format.h>

namespace gmem::cli {

char const *name(Health h)
{
    switch (h) {
    case Health::good:     return "good";
    case Health::degraded: return "degraded";
    case Health::missing:  return "missing";
    }
    __builtin_unreachable();
}

int doctor(bool as_json)
{
    auto const findings { examine_host() };
    bool works { true };
    for (auto const &f : findings)
        works = works && !(f.what == "window engine" && f.health == Health::missing);
    if (as_json) {
        fmt::print("{}\n", findings_as_json(findings));
        return works ? 0 : 1;
    }
    for (auto const &f : findings)
        fmt::print("{:<9} {}: {} - {}\n", name(f.health), f.what, f.fact, f.follows);
    return works ? 0 : 1;
}

} // namespace gmem::cli
