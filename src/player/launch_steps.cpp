// Launches through KVM's own calls.

#include "player/perform.hpp"
#include "scenario/operations.hpp"

#include <array>

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

// What is loaded from elsewhere, page aligned; without a text it lies in the guest_memfd already.
std::optional<driver::Mapping> source_of(scenario::Given const &g, std::uint64_t size)
{
    if (!g.text)
        return std::nullopt;
    auto source { driver::Mapping::anonymous(size) };
    auto const bytes { filled(*g.text, size) };
    std::copy(bytes.begin(), bytes.end(), source.at());
    return source;
}

} // namespace

void do_launch(Stage &stage, scenario::Step const &step, Seen &seen)
{
    auto const &g { step.given };
    auto const size { g.size.value_or(page) };
    auto const source { source_of(g, size) };
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
    default:
        seen.error = ENOTTY;
    }
}

} // namespace gmem::player
