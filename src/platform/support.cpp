#include "platform/support.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <initializer_list>

namespace gmem::platform {
namespace {

// A set of enumerators: one bit each.
template <typename E>
struct Any final {
    unsigned bits;

    constexpr Any(E one) noexcept : bits { 1u << static_cast<unsigned>(one) } {}
    constexpr Any(std::initializer_list<E> some) noexcept : bits { 0 }
    {
        for (auto const e : some)
            bits |= 1u << static_cast<unsigned>(e);
    }
    constexpr bool has(E e) const noexcept { return bits >> static_cast<unsigned>(e) & 1; }
};

struct Cell final {
    Uapi uapi;
    Kind kind;
    Attribute to;
    ContentMode mode;
    Phase phase;
};

struct Row final {
    Any<Uapi> uapi;
    Any<Kind> kind;
    Any<Attribute> to;
    Any<ContentMode> mode;
    Any<Phase> phase;
    int err;
    ContentEffect effect;
    char const *source;

    constexpr bool covers(Cell c) const noexcept { return uapi.has(c.uapi) && kind.has(c.kind) && to.has(c.to) && mode.has(c.mode) && phase.has(c.phase); }
};

using enum Kind;
using enum ContentMode;

constexpr Any<Uapi> merged { Uapi::mainline, Uapi::v8 };
constexpr Any<Uapi> rfc { Uapi::may1, Uapi::rfc_v5, Uapi::rfc_v4 };
constexpr Any<Uapi> v4_v5 { Uapi::rfc_v4, Uapi::rfc_v5 };
constexpr Any<Kind> every { sw_protected, snp, tdx, pkvm, cca };
constexpr Any<Kind> in_clear { sw_protected, pkvm }; // no encryption, no launch
constexpr Any<Attribute> to_private { Attribute::private_ }, to_shared { Attribute::shared }, both { Attribute::private_, Attribute::shared };
constexpr Any<Phase> before { Phase::launching }, after { Phase::running }, always { Phase::launching, Phase::running };
constexpr int refused { EOPNOTSUPP };
constexpr auto nothing { ContentEffect::none }, zeroing { ContentEffect::zero }, scrambling { ContentEffect::scramble };

// The first row that covers a cell decides it.
constexpr std::array rows {
    //    version       platform                 direction   mode                           phase   errno    effect      source
    Row { merged,       every,                   both,       unspecified,                   always, 0,       nothing,    "S-v8; specification 2.6: guest_memfd never touches contents" },
    Row { merged,       every,                   both,       { zero, preserve, encrypted }, always, EINVAL,  nothing,    "S-v8; specification 2.2 (4): flags must be 0" },

    Row { Uapi::feb,    every,                   both,       encrypted,                     always, refused, nothing,    "S-Feb; quarrel: no valid option when it first lands" },
    Row { Uapi::feb,    { snp, tdx },            both,       preserve,                      always, refused, nothing,    "S-Feb: READABLE cannot be had today" },
    Row { Uapi::feb,    cca,                     both,       preserve,                      always, refused, nothing,    "assumption: as S-Feb says of TDX" },
    Row { Uapi::feb,    in_clear,                both,       preserve,                      always, 0,       nothing,    "S-Feb: READABLE" },
    Row { Uapi::feb,    { snp, tdx },            both,       zero,                          always, 0,       zeroing,    "S-Feb; quarrel: it thinks that firmware zeroes, S-v4 (Michael): guest_memfd has to" },
    Row { Uapi::feb,    in_clear,                both,       zero,                          always, 0,       zeroing,    "S-Feb: software zeroing" },
    Row { Uapi::feb,    cca,                     both,       zero,                          always, 0,       zeroing,    "assumption: as S-Feb says of TDX" },
    Row { Uapi::feb,    every,                   both,       unspecified,                   always, 0,       zeroing,    "S-Feb (Fuad): no policy is ZERO; quarrel (Ackerley): EINVAL, option no-policy=refused" },

    Row { rfc,          every,                   both,       encrypted,                     always, EINVAL,  nothing,    "v5 code: an unknown flag" },

    Row { v4_v5,        every,                   to_private, zero,                          always, refused, nothing,    "S-v4; v4 and v5 code" },
    Row { Uapi::may1,   every,                   to_private, zero,                          always, 0,       zeroing,    "S-May1: memset in most cases" },
    Row { rfc,          every,                   to_shared,  zero,                          always, 0,       zeroing,    "v5 code and selftest; S-May1; inferred for pKVM and CCA" },

    Row { Uapi::rfc_v5, { snp, tdx },            to_private, preserve,                      before, 0,       nothing,    "S-v5; v5 patch 26: for a populate in place" },
    Row { Uapi::rfc_v5, cca,                     to_private, preserve,                      before, 0,       nothing,    "S-v5 names CCA" },
    Row { Uapi::rfc_v5, { snp, tdx },            to_private, preserve,                      after,  refused, nothing,    "S-v5; v5 patch 26" },
    Row { Uapi::rfc_v5, cca,                     to_private, preserve,                      after,  refused, nothing,    "assumption: as S-v5 says of TDX" },
    Row { Uapi::rfc_v5, { snp, tdx, cca },       to_shared,  preserve,                      always, refused, nothing,    "S-v5; v5 selftest" },
    Row { Uapi::may1,   tdx,                     to_shared,  preserve,                      always, refused, nothing,    "S-May1: unmapping zeroes" },
    Row { Uapi::may1,   cca,                     to_shared,  preserve,                      always, refused, nothing,    "assumption: S-May1's reason for TDX, undelegation wipes" },
    Row { Uapi::may1,   { snp, tdx, cca },       both,       preserve,                      always, 0,       nothing,    "S-May1: guest_memfd does nothing, EOPNOTSUPP only for TDX" },
    Row { Uapi::rfc_v4, { snp, tdx, cca },       both,       preserve,                      always, 0,       nothing,    "S-v4: both directions" },
    Row { rfc,          in_clear,                both,       preserve,                      always, 0,       nothing,    "all: S-v4, S-v5, S-May1" },

    Row { rfc,          sw_protected,            both,       unspecified,                   always, 0,       scrambling, "v3 to v5 code; S-May1" },
    Row { rfc,          { snp, tdx, pkvm, cca }, both,       unspecified,                   always, 0,       nothing,    "v5 code; S-v4, S-v5, S-May1: no guarantees" },
};

constexpr std::size_t nobody { rows.size() };

constexpr std::size_t first_covering(Cell c) noexcept
{
    for (std::size_t i { 0 }; i < rows.size(); ++i)
        if (rows[i].covers(c))
            return i;
    return nobody;
}

constexpr void for_each_cell(auto &&action) noexcept
{
    for (auto const u : all_uapis)
        for (auto const k : all_kinds)
            for (auto const to : { Attribute::shared, Attribute::private_ })
                for (auto const m : all_content_modes)
                    for (auto const p : { Phase::launching, Phase::running })
                        action(Cell { u, k, to, m, p });
}

// Sanity checks
static_assert([] { // every cell is decided
    bool total { true };
    for_each_cell([&](Cell c) { total = total && first_covering(c) != nobody; });
    return total;
}());
static_assert([] { // every row decides a cell
    std::array<bool, rows.size()> used {};
    for_each_cell([&](Cell c) { if (auto const i { first_covering(c) }; i != nobody) used[i] = true; });
    for (auto const u : used)
        if (!u)
            return false;
    return true;
}());
static_assert([] { // who is refused changes nothing
    for (auto const &r : rows)
        if (r.err != 0 && r.effect != ContentEffect::none)
            return false;
    return true;
}());

// Every conversion asks: the row of each cell is known at compile time.
constexpr std::size_t number_of(Cell c) noexcept
{
    auto n { static_cast<std::size_t>(c.uapi) };
    n = n * all_kinds.size() + static_cast<std::size_t>(c.kind);
    n = n * 2 + (c.to == Attribute::private_ ? 1 : 0);
    n = n * all_content_modes.size() + static_cast<std::size_t>(c.mode);
    return n * 2 + (c.phase == Phase::running ? 1 : 0);
}
constexpr std::size_t cells { all_uapis.size() * all_kinds.size() * 2 * all_content_modes.size() * 2 };

constexpr auto row_of_cell { [] {
    std::array<std::uint8_t, cells> table {};
    for_each_cell([&](Cell c) { table[number_of(c)] = static_cast<std::uint8_t>(first_covering(c)); });
    return table;
}() };

} // namespace

Decision decide(Uapi uapi, Kind kind, Attribute to, ContentMode mode, Phase phase) noexcept
{
    auto const &row { rows[row_of_cell[number_of({ uapi, kind, to, mode, phase })]] };
    return { row.err, row.effect, row.source };
}

} // namespace gmem::platform
