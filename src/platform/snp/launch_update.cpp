// SNP_LAUNCH_UPDATE: its checks as a table in the firmware's order, then what it does to page, entry and digest.

#include "platform/snp/cpuid_page.hpp"
#include "platform/snp/launch.hpp"
#include "platform/snp/transitions.hpp"

namespace gmem::platform::snp {

struct Launch::Question final {
    Launch const &guest;
    Rmp rmp;
    LaunchUpdate const &what;

    bool in_file() const noexcept { return rmp.has(what.page); }
    RmpEntry entry() const noexcept { return rmp.at(what.page); }
};

struct Launch::Check final {
    Firmware answer;
    bool (*when)(Question const &) noexcept;
};

bool Launch::reserved_is_set(Question const &q) noexcept
{
    return q.what.reserved != 0 || ((q.what.vmpl1_permissions | q.what.vmpl2_permissions | q.what.vmpl3_permissions) & ~permission::all) != 0;
}

bool Launch::unknown_type(Question const &q) noexcept
{
    for (auto const t : all_page_types)
        if (q.what.type == t)
            return false;
    return true;
}

constexpr Launch::Check Launch::update_checks[] {
    { Firmware::invalid_param, reserved_is_set },
    { Firmware::invalid_platform_state, [](Question const &q) noexcept { return !q.guest.platform_initialised_; } },
    { Firmware::invalid_guest, [](Question const &q) noexcept { return q.guest.state_ == GuestState::none; } },
    { Firmware::invalid_address, [](Question const &q) noexcept { return !q.in_file(); } },
    { Firmware::invalid_page_state, [](Question const &q) noexcept { auto const s { state_of(q.entry()) }; return !s || !next(*s, Event::launch_update); } },
    { Firmware::invalid_page_size, [](Question const &q) noexcept { return q.entry().page_size() != q.what.size; } },
    { Firmware::invalid_address, [](Question const &q) noexcept { return !q.rmp.named(q.what.page, q.what.size); } },
    { Firmware::invalid_page_size, [](Question const &q) noexcept { return q.what.size == PageSize::large && (q.what.type == PageType::vmsa || q.what.type == PageType::secrets || q.what.type == PageType::cpuid); } },
    { Firmware::invalid_param, unknown_type },
    { Firmware::invalid_guest_state, [](Question const &q) noexcept { return q.guest.state_ != GuestState::launch; } },
    { Firmware::inactive, [](Question const &q) noexcept { return q.guest.asid_ == 0; } },
    { Firmware::invalid_page_owner, [](Question const &q) noexcept { return q.entry().asid != q.guest.asid_; } },
    { Firmware::invalid_param, [](Question const &q) noexcept { return q.guest.imi_en_ && !q.what.imi_page; } },
};

// The digest after all pages of `r`. A large page is 512 that follow each other.
std::optional<measure::SnpDigest> Launch::measured(Rmp const &rmp, PageRange r, LaunchUpdate const &u) const noexcept
{
    auto digest { *digest_ };
    measure::SnpPermissions const permissions { u.vmpl1_permissions, u.vmpl2_permissions, u.vmpl3_permissions };
    auto const image { u.imi_page ? measure::SnpImage::migration : measure::SnpImage::guests };
    for (auto p { r.first() }; p < r.last(); p = p.plus(1))
        if (!digest.add(u.type, rmp.at(p).frame << page_bits, rmp.bytes(p), permissions, image))
            return std::nullopt;
    return digest;
}

Firmware Launch::update(Pages const &pages, LaunchUpdate const &u) noexcept
{
    Question const q { *this, Rmp { pages }, u };
    for (auto const &check : update_checks)
        if (check.when(q))
            return check.answer;

    auto const r { *q.rmp.named(u.page, u.size) };
    if (u.type == PageType::cpuid && judge_cpuid_page(q.rmp.bytes(u.page)) != CpuidVerdict::accepted)
        return Firmware::invalid_param;
    auto const digest { measured(q.rmp, r, u) };
    if (!digest)
        return Firmware::resource_limit;

    // Nothing below fails.
    digest_ = *digest;
    for (auto p { r.first() }; p < r.last(); p = p.plus(1)) {
        if (u.type == PageType::zero)
            __builtin_memset(q.rmp.bytes(p), 0, page_size);
        if (u.type == PageType::secrets)
            __builtin_memcpy(q.rmp.bytes(p), &secrets_, sizeof secrets_);
        auto e { q.rmp.at(p) };
        e.permissions = { permission::all, u.vmpl1_permissions, u.vmpl2_permissions, u.vmpl3_permissions };
        e.vmsa = u.type == PageType::vmsa;
        e.validated = true;
        e.immutable = false;
        q.rmp.store_encrypted(p, e); // in place: what was given is what the guest reads
    }
    return Firmware::success;
}

} // namespace gmem::platform::snp
