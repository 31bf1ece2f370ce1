#include "library/trust.hpp"

#include "platform/choice.hpp"
#include "platform/words.hpp"

#include <atomic>

namespace gmem::library {
namespace {

constinit std::atomic<std::uint64_t> guests { 0 };

template <enum gmem_platform ours, platform::Kind theirs>
constexpr bool same { static_cast<unsigned>(ours) == static_cast<unsigned>(theirs) };
static_assert(same<GMEM_SW_PROTECTED, platform::Kind::sw_protected> && same<GMEM_SNP, platform::Kind::snp> && same<GMEM_TDX, platform::Kind::tdx>
    && same<GMEM_PKVM, platform::Kind::pkvm> && same<GMEM_CCA, platform::Kind::cca>);

} // namespace

Result<kvm::Trust> trust_of(enum gmem_platform wanted, char const *words) noexcept
{
    auto const number { static_cast<unsigned>(wanted) };
    auto options { platform::Choice::current().options };
    if (number >= platform::all_kinds.size() || (words && platform::apply_words(words, options)))
        return Error::of(Why::bad_argument, "create.platform");
    auto const kind { static_cast<platform::Kind>(number) };
    GMEM_TRY(trust, kvm::Trust::make(kind, options, guests.fetch_add(1, std::memory_order_relaxed)));
    // pKVM and sw_protected have nothing to finish (platform-models.md 3.3, 5).
    bool const is_launched { kind == platform::Kind::snp || kind == platform::Kind::tdx || kind == platform::Kind::cca };
    trust.phase = is_launched ? platform::Phase::launching : platform::Phase::running;
    return trust;
}

} // namespace gmem::library
