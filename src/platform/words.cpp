#include "platform/words.hpp"

#include <array>
#include <cstddef>

namespace gmem::platform {
namespace {

template <auto member, auto value>
void put(Options &o) noexcept
{
    o.*member = value;
}

// The first value of a name is its default in options.hpp.
constexpr auto of_platforms { std::to_array<Word<Options>>({
    { "tdx-removed",      "zeros",           &put<&Options::tdx_removed, TdxRemoved::zeros> },
    { "tdx-removed",      "noise",           &put<&Options::tdx_removed, TdxRemoved::noise> },
    { "tdx-removed",      "poison",          &put<&Options::tdx_removed, TdxRemoved::poison> },
    { "tdx-pending",      "exit",            &put<&Options::tdx_pending, TdxPending::exit> },
    { "tdx-pending",      "guest-exception", &put<&Options::tdx_pending, TdxPending::guest_exception> },
    { "tdx-cpu",          "sound",           &put<&Options::tdx_cpu, TdxCpu::sound> },
    { "tdx-cpu",          "erratum",         &put<&Options::tdx_cpu, TdxCpu::partial_write_erratum> },
    { "pkvm-bad-access",  "force-reclaim",   &put<&Options::pkvm_bad_access, PkvmBadAccess::force_reclaim> },
    { "pkvm-bad-access",  "panic",           &put<&Options::pkvm_bad_access, PkvmBadAccess::panic> },
    { "pkvm-unsolicited", "allowed",         &put<&Options::pkvm_unsolicited, PkvmUnsolicited::allowed> },
    { "pkvm-unsolicited", "refused",         &put<&Options::pkvm_unsolicited, PkvmUnsolicited::refused> },
    { "pkvm-unsolicited", "destructive",     &put<&Options::pkvm_unsolicited, PkvmUnsolicited::destructive> },
    { "pkvm-unshare",     "at-hypercall",    &put<&Options::pkvm_unshare, PkvmUnshare::at_hypercall> },
    { "pkvm-unshare",     "after-conversion", &put<&Options::pkvm_unshare, PkvmUnshare::after_conversion> },
    { "cca-wiped",        "zeros",           &put<&Options::cca_wiped, CcaWiped::zeros> },
    { "cca-wiped",        "noise",           &put<&Options::cca_wiped, CcaWiped::noise> },
}) };

template <NoPolicy p>
void put_no_policy(Profile &profile) noexcept
{
    profile = profile.with(p);
}

void put_capability(Profile &profile, unsigned number) noexcept { profile = profile.with_capability(number); }

constexpr auto of_versions { std::to_array<Word<Profile>>({
    { "no-policy", "zero",    &put_no_policy<NoPolicy::zero> },
    { "no-policy", "refused", &put_no_policy<NoPolicy::refused> },
    { "capability", "NUMBER", nullptr, &put_capability, Profile::most_capability },
}) };

// Cut at `at`, which it holds. substr() could throw, and would bring the runtime library's exceptions into the preload library.
constexpr std::string_view before(std::string_view s, std::size_t at) noexcept { return { s.data(), at }; }
constexpr std::string_view behind(std::string_view s, std::size_t at) noexcept { return { s.data() + at + 1, s.size() - at - 1 }; }

// Decimal, from 1 on; 0: none.
constexpr unsigned number_up_to(unsigned most, std::string_view text) noexcept
{
    unsigned number { 0 };
    for (auto const c : text) {
        if (c < '0' || c > '9' || number > most)
            return 0;
        number = number * 10 + static_cast<unsigned>(c - '0');
    }
    return number <= most ? number : 0;
}
static_assert(number_up_to(9999, "249") == 249 && number_up_to(9999, "10000") == 0 && number_up_to(9999, "99999999999999999999") == 0 && number_up_to(9999, "2x") == 0 && number_up_to(9999, "") == 0);

template <typename T>
bool apply_one(std::span<Word<T> const> words, std::string_view word, T &to) noexcept
{
    auto const equals { word.find('=') };
    if (equals == word.npos)
        return false;
    for (auto const &known : words) {
        if (known.name != before(word, equals))
            continue;
        if (auto const number { known.set_number ? number_up_to(known.most, behind(word, equals)) : 0 }) {
            known.set_number(to, number);
            return true;
        }
        if (known.set && known.value == behind(word, equals)) {
            known.set(to);
            return true;
        }
    }
    return false;
}

template <typename T>
std::optional<std::string_view> apply_all(std::span<Word<T> const> words, std::string_view list, T &to) noexcept
{
    while (!list.empty()) {
        auto const comma { list.find(',') };
        auto const word { comma == list.npos ? list : before(list, comma) };
        list = comma == list.npos ? std::string_view {} : behind(list, comma);
        if (!word.empty() && !apply_one(words, word, to))
            return word;
    }
    return std::nullopt;
}

} // namespace

std::span<Word<Options> const> option_words() noexcept { return of_platforms; }
std::span<Word<Profile> const> profile_words() noexcept { return of_versions; }

std::optional<std::string_view> apply_words(std::string_view list, Options &to) noexcept { return apply_all(option_words(), list, to); }
std::optional<std::string_view> apply_words(std::string_view list, Profile &to) noexcept { return apply_all(profile_words(), list, to); }

Options options_of(Uapi u) noexcept
{
    if (u == Uapi::feb || u == Uapi::rfc_v4)
        return { .pkvm_bad_access = PkvmBadAccess::panic, .pkvm_unsolicited = PkvmUnsolicited::refused, .pkvm_unshare = PkvmUnshare::after_conversion };
    if (u == Uapi::rfc_v5 || u == Uapi::may1)
        return { .pkvm_unshare = PkvmUnshare::after_conversion };
    return {};
}

} // namespace gmem::platform
