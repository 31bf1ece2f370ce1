// Launches through KVM's own calls.

#include "gmem/realm.h"
#include "player/perform.hpp"
#include "scenario/operations.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/ioctl.h>

namespace gmem::player {
namespace {

using scenario::Does;

constexpr std::uint64_t page { driver::page_size };

struct PageType final {
    std::string_view name;
    driver::SnpPage type;
};
constexpr std::array page_types {
    PageType { "normal", driver::SnpPage::normal }, PageType { "zero", driver::SnpPage::zero }, PageType { "unmeasured", driver::SnpPage::unmeasured },
    PageType { "secrets", driver::SnpPage::secrets }, PageType { "cpuid", driver::SnpPage::cpuid },
};

// What is loaded from elsewhere, page aligned; without a text or kept bytes it lies in the guest_memfd already.
std::optional<driver::Mapping> source_of(Stage const &stage, scenario::Given const &g, std::uint64_t size)
{
    if (!g.text && !g.from)
        return std::nullopt;
    auto source { driver::Mapping::anonymous(size) };
    auto const kept { g.from ? stage.kept.find(*g.from) : stage.kept.end() };
    auto const bytes { kept != stage.kept.end() ? kept->second : filled(g.text.value_or(""), size) };
    std::copy_n(bytes.begin(), std::min<std::size_t>(bytes.size(), size), source.at());
    return source;
}

int populate_realm(Stage &stage, std::uint64_t base, std::uint64_t size, void const *source, bool measure)
{
    gmem_realm_populate request { base, size, reinterpret_cast<std::uintptr_t>(source), measure ? GMEM_REALM_MEASURE : 0, 0 };
    while (request.size != 0)
        if (::ioctl(stage.vm().fd(), GMEM_REALM_POPULATE, &request) != 0)
            return errno;
    return 0;
}

} // namespace

void do_launch(Stage &stage, scenario::Step const &step, Seen &seen)
{
    auto const &g { step.given };
    auto const size { g.size.value_or(page) };
    auto const source { source_of(stage, g, size) };
    auto const *const from { source ? source->at() : nullptr };
    switch (step.operation->does) {
    case Does::launch_start:
        seen.error = stage.snp.init();
        if (*seen.error == 0) {
            seen.error = stage.snp.start();
            seen.firmware = stage.snp.told();
        }
        break;
    case Does::launch_update: {
        auto type { driver::SnpPage::normal };
        for (auto const &row : page_types)
            if (row.name == g.type.value_or("normal"))
                type = row.type;
        seen.error = stage.snp.update(stage.gpa(*g.at), size / page, type, from);
        seen.firmware = stage.snp.told();
        break;
    }
    case Does::launch_finish:
        seen.error = stage.snp.finish();
        seen.firmware = stage.snp.told();
        break;
    case Does::init_td:
        seen.error = stage.tdx.init();
        if (*seen.error == 0)
            seen.error = stage.tdx.init_vcpu(stage.guest());
        break;
    case Does::init_mem_region:
        seen.error = stage.tdx.init_mem_region(stage.guest(), stage.gpa(*g.at), size / page, from, g.measure);
        break;
    case Does::finalize:
        seen.error = stage.tdx.finalize();
        break;
    default: // populate
        seen.error = populate_realm(stage, stage.gpa(*g.at), size, from, g.measure);
    }
}

} // namespace gmem::player
