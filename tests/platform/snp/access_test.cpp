// Who may access what: each row of platform-models.md 1.3, against every state of a page.

#include "world.hpp"

namespace gmem::platform::snp {
namespace {

constexpr PageNo page0 { 0 };
constexpr std::uint64_t bit31 { 0x80000000 }, bit34 { 0x400000000 }, bit35 { 0x800000000 }, bit36 { 0x1000000000 };
constexpr Fault none {};
constexpr Fault readable_ciphertext { .ciphertext = true };
constexpr Fault npf(std::uint64_t bits) { return { Fault::What::nested_page_fault, bits }; }
constexpr Fault vc { Fault::What::vmm_communication, 0x404 };

bool guests_bytes(PageState s) { return s == PageState::pre_swap || s == PageState::guest_invalid || s == PageState::guest_valid; }

TEST(ErrorBits, AreTheOnesOfKvm)
{
    EXPECT_EQ(error_bit::rmp, bit31);
    EXPECT_EQ(error_bit::guest_final, 1ull << 32);
    EXPECT_EQ(error_bit::guest_page, 1ull << 33);
    EXPECT_EQ(error_bit::guest_enc, bit34);
    EXPECT_EQ(error_bit::guest_sizem, bit35);
    EXPECT_EQ(error_bit::guest_vmpl, bit36);
}

TEST(HostAccess, ReadsEverythingAndWritesOnlyWhatIsUnassigned)
{
    for (auto const s : all_states) {
        World w { 1 };
        w.set(0, example_of(s));
        EXPECT_EQ(host_check(w.rmp(), page0, { Access::read }), guests_bytes(s) ? readable_ciphertext : none) << row_of(s).name;
        EXPECT_EQ(host_check(w.rmp(), page0, { Access::write }), example_of(s).assigned ? (Fault { Fault::What::page_fault, bit31 }) : none) << row_of(s).name;
    }
}

TEST(HostAccess, AWriteThroughALargeMappingMeetsEveryPageInIt)
{
    World w { 1100 };
    w.set(511, example_of(PageState::guest_invalid));
    EXPECT_EQ(host_check(w.rmp(), page0, { Access::write }), none);
    EXPECT_EQ(host_check(w.rmp(), page0, { Access::write, PageSize::large }).code, bit31);
    EXPECT_EQ(host_check(w.rmp(), PageNo { 512 }, { Access::write, PageSize::large }), none);
    EXPECT_EQ(host_check(w.rmp(), page0, { Access::read, PageSize::large }), none);
    w.set(1099, example_of(PageState::firmware)); // in a part of 2 MiB that ends with the file
    EXPECT_EQ(host_check(w.rmp(), PageNo { 1030 }, { Access::write, PageSize::large }).code, bit31);
}

TEST(GuestAccess, WithTheCBitInEachState)
{
    for (auto const s : all_states) {
        World w { 1 };
        w.set(0, example_of(s));
        auto const wanted { s < PageState::pre_guest ? npf(bit31 | bit34) : example_of(s).validated ? none : vc };
        for (auto const right : { permission::read, permission::write, permission::execute_user, permission::execute_supervisor })
            EXPECT_EQ(guest_check(w.rmp(), page0, { .asid = our_asid, .frame = 0x100, .rights = right }), wanted) << row_of(s).name;
    }
}

TEST(GuestAccess, WithoutTheCBitInEachState)
{
    for (auto const s : all_states) {
        World w { 1 };
        w.set(0, example_of(s));
        EXPECT_EQ(guest_check(w.rmp(), page0, { .asid = our_asid, .frame = 0x100, .c_bit = false }), guests_bytes(s) ? readable_ciphertext : none) << row_of(s).name;
        EXPECT_EQ(guest_check(w.rmp(), page0, { .asid = our_asid, .frame = 0x100, .c_bit = false, .rights = permission::write }),
            example_of(s).assigned ? npf(bit31) : none) << row_of(s).name;
    }
}

TEST(GuestAccess, OnlyTheOwnerAtItsGpa)
{
    World w { 1 };
    w.set(0, example_of(PageState::guest_valid));
    EXPECT_EQ(guest_check(w.rmp(), page0, { .asid = our_asid, .frame = 0x100 }), none);
    EXPECT_EQ(guest_check(w.rmp(), page0, { .asid = other_asid, .frame = 0x100 }), npf(bit31 | bit34));
    EXPECT_EQ(guest_check(w.rmp(), page0, { .asid = our_asid, .frame = 0x101 }), npf(bit31 | bit34)); // one page at two gpas
}

TEST(GuestAccess, PermissionsOfThePrivilegeLevel)
{
    World w { 1 };
    auto e { example_of(PageState::guest_valid) };
    e.permissions = { 31, permission::read | permission::execute_user, permission::read, 0 };
    w.set(0, e);
    auto const access { [&w](std::uint8_t vmpl, std::uint8_t rights) { return guest_check(w.rmp(), page0, { .asid = our_asid, .frame = 0x100, .vmpl = vmpl, .rights = rights }); } };
    for (std::uint8_t vmpl { 0 }; vmpl < 4; ++vmpl)
        for (std::uint8_t right { 1 }; right <= 16; right = static_cast<std::uint8_t>(right << 1))
            EXPECT_EQ(access(vmpl, right), e.permissions[vmpl] & right ? none : npf(bit31 | bit34 | bit36)) << int { vmpl } << " " << int { right };
}

TEST(GuestAccess, SizesOfMappingAndEntry)
{
    World w { 1024 };
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0x400, false, PageSize::large)), Eax::success);
    ASSERT_EQ(pvalidate(w.rmp(), page0, { our_asid, 0x400 }, PageSize::large, Validate::validate), Executed {});
    auto const access { [&w](std::uint64_t p, PageSize mapping, bool c_bit = true, std::uint8_t rights = permission::write) {
        return guest_check(w.rmp(), PageNo { p }, { .asid = our_asid, .frame = 0x400 + p, .c_bit = c_bit, .rights = rights, .mapping = mapping });
    } };
    EXPECT_EQ(access(5, PageSize::large), none);
    EXPECT_EQ(access(5, PageSize::small), none); // a smaller mapping is no mismatch
    ASSERT_EQ(psmash(w.rmp(), page0), Eax::success);
    EXPECT_EQ(access(5, PageSize::large), npf(bit31 | bit34 | bit35));
    EXPECT_EQ(access(5, PageSize::small), none);
    // C = 0: the write of a large mapping sees the assigned pages next to its own.
    w.set(600, example_of(PageState::guest_invalid));
    EXPECT_EQ(access(700, PageSize::small, false), none);
    EXPECT_EQ(access(700, PageSize::large, false), npf(bit31));
    EXPECT_EQ(access(700, PageSize::large, false, permission::read), none);
}

TEST(GuestAccess, TheFirstReasonCounts)
{
    World w { 512 };
    w.set(0, example_of(PageState::guest_invalid)); // foreign before size before Validated before permissions
    GuestAccess a { .asid = other_asid, .frame = 0x100, .vmpl = 3, .mapping = PageSize::large };
    EXPECT_EQ(guest_check(w.rmp(), page0, a), npf(bit31 | bit34));
    a.asid = our_asid;
    EXPECT_EQ(guest_check(w.rmp(), page0, a), npf(bit31 | bit34 | bit35));
    a.mapping = PageSize::small;
    EXPECT_EQ(guest_check(w.rmp(), page0, a), vc);
    w.set(0, example_of(PageState::guest_valid));
    EXPECT_EQ(guest_check(w.rmp(), page0, a), npf(bit31 | bit34 | bit36));
}

} // namespace
} // namespace gmem::platform::snp
