// SNP as KVM's hooks see it: what each does to entries and to bytes.

#include "platform/snp/prepare.hpp"
#include "world.hpp"

#include <numeric>

namespace gmem::platform::snp {
namespace {

Platform const &snp { platform_of(Kind::snp) };
constexpr PageNo page0 { 0 };
PageRange pages(std::uint64_t first, std::uint64_t last) { return *PageRange::make(PageNo { first }, PageNo { last }); }
std::vector<std::byte> const zeros(page_size);

TEST(Snp, IsThePlatformOfItsKind)
{
    EXPECT_EQ(snp.kind(), Kind::snp);
    EXPECT_TRUE(snp.keeps_records() && snp.encrypts());
    World w { 1 };
    EXPECT_TRUE(snp.veto(w.pages, pages(0, 1), Attribute::shared, no_frame));
}

TEST(Snp, ToPrivateIsNoiseAndBackAgainIsThePlaintext)
{
    World w { 2 };
    w.write(0, pattern());
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    EXPECT_NE(w.bytes(0), pattern()); // what the guest would read: Dec of what the host wrote
    EXPECT_EQ(w.ciphertext(0), pattern()); // and what the host still would
    snp.make_shared(w.pages, pages(0, 1));
    EXPECT_EQ(w.bytes(0), pattern());
    EXPECT_EQ(w.records[0], Record {});
}

TEST(Snp, ToSharedIsCiphertextAndBackAgainIsTheGuestsText)
{
    World w { 2 };
    for (std::uint64_t p { 0 }; p < 2; ++p) {
        ASSERT_TRUE(snp.make_private(w.pages, PageNo { p }, 0x100 + p));
        snp.accept(w.pages, PageNo { p }, 0x100 + p);
        w.write(p, pattern()); // the guest's
    }
    auto const hidden { w.ciphertext(0) };
    snp.make_shared(w.pages, pages(0, 2));
    EXPECT_EQ(w.bytes(0), hidden);
    EXPECT_NE(w.bytes(0), pattern());
    EXPECT_NE(w.bytes(0), w.bytes(1)); // the same plaintext, two pages
    for (std::uint64_t block { 0 }; block < page_size; block += 16)
        ASSERT_NE(std::memcmp(w.memory.data() + block, pattern().data() + block, 16), 0) << block;
    // Back again it must be validated anew; then the guest has its text.
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    EXPECT_EQ(snp.guest_access(w.pages, page0, 0x100, Side::private_, Access::read).what, GuestVerdict::What::guest_exception);
    snp.accept(w.pages, page0, 0x100);
    EXPECT_EQ(snp.guest_access(w.pages, page0, 0x100, Side::private_, Access::read).what, GuestVerdict::What::plain);
    EXPECT_EQ(w.bytes(0), pattern());
}

TEST(Snp, CiphertextMovedToAnotherPageDecryptsToNoise)
{
    World w { 2 };
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    w.write(0, pattern());
    auto const stolen { w.ciphertext(0) };
    w.write(1, stolen);
    ASSERT_TRUE(snp.make_private(w.pages, PageNo { 1 }, 0x101));
    EXPECT_NE(w.bytes(1), pattern());
    // At its own page the same bytes are the same text: encryption has no memory.
    snp.make_shared(w.pages, pages(0, 1));
    w.write(0, stolen);
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    EXPECT_EQ(w.bytes(0), pattern());
}

TEST(Snp, APageThatWasNeverTheGuestsKeepsTheHostsBytes)
{
    World w { 1 };
    w.write(0, pattern());
    auto const before { Bend::ciphered };
    snp.make_shared(w.pages, pages(0, 1));
    EXPECT_EQ(w.bytes(0), pattern());
    EXPECT_EQ(Bend::ciphered, before);
}

TEST(Snp, MakePrivateIsIdempotentAndDoesNotAskWhoHasThePage)
{
    World w { 1 };
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    auto const before { w.records };
    auto const text { w.bytes(0) };
    EXPECT_TRUE(snp.make_private(w.pages, page0, 0x999));
    EXPECT_EQ(w.records, before);
    EXPECT_EQ(w.bytes(0), text);
    w.set(0, example_of(PageState::guest_valid, other_asid));
    EXPECT_TRUE(snp.make_private(w.pages, page0, 0x100));
    EXPECT_EQ(w.entry(0).asid, other_asid);
}

TEST(Snp, MakePrivateAnswersAsKvm)
{
    World w { 1 };
    EXPECT_EQ(snp.make_private(w.pages, PageNo { 1 }, 0x100).error().err, ENOENT);
    EXPECT_EQ(snp.make_private(w.pages, page0, most_frame + 1).error().err, EINVAL);
    w.set(0, example_of(PageState::hv_fixed));
    EXPECT_EQ(snp.make_private(w.pages, page0, 0x100).error().err, EINVAL);
    EXPECT_EQ(w.state(0), "HV_FIXED");
}

TEST(Prepare, TakesALargePageOnlyWhereAllOfItIsFree)
{
    World w { 1024 };
    ASSERT_TRUE(prepare(w.pages, PageNo { 5 }, 0x405, PageSize::large));
    EXPECT_TRUE(w.entry(0).large && w.entry(511).large);
    EXPECT_EQ(w.entry(5).frame, 0x405u);
    ASSERT_TRUE(prepare(w.pages, PageNo { 600 }, 0x658, PageSize::small));
    ASSERT_TRUE(prepare(w.pages, PageNo { 700 }, 0x6bc, PageSize::large)); // a neighbour is in use
    EXPECT_FALSE(w.entry(700).large);
    World crooked { 512 };
    ASSERT_TRUE(prepare(crooked.pages, PageNo { 5 }, 0x406, PageSize::large)); // gpa and memory are not aligned to each other
    EXPECT_FALSE(crooked.entry(5).large);
    EXPECT_EQ(crooked.entry(5).frame, 0x406u);
    ASSERT_TRUE(prepare(crooked.pages, PageNo { 9 }, 3, PageSize::large)); // nor does the gpa reach back far enough
    EXPECT_TRUE(w.healthy() && crooked.healthy());
}

TEST(Snp, MakeSharedSplitsALargeEntryOnlyWhereItMust)
{
    World w { 1024 };
    std::iota(reinterpret_cast<std::uint32_t *>(w.memory.data()), reinterpret_cast<std::uint32_t *>(w.memory.data() + w.memory.size()), 1u);
    auto const before { w.memory };
    ASSERT_TRUE(prepare(w.pages, page0, 0x400, PageSize::large));
    ASSERT_TRUE(prepare(w.pages, PageNo { 512 }, 0x600, PageSize::large));
    snp.make_shared(w.pages, pages(510, 1024));
    for (std::uint64_t p { 0 }; p < 1024; ++p) {
        ASSERT_EQ(w.state(p), p < 510 ? "GUEST_INVALID" : "HYPERVISOR") << p;
        ASSERT_FALSE(w.entry(p).large);
        ASSERT_EQ(p < 510 ? w.ciphertext(p) : w.bytes(p), (std::vector<std::byte> { before.begin() + static_cast<long>(p * page_size), before.begin() + static_cast<long>((p + 1) * page_size) })) << p;
    }
    EXPECT_TRUE(w.healthy());
    EXPECT_EQ(w.vm->leaked_pages, 0u);
}

TEST(Snp, WhatTheFirmwareWillNotGiveBackIsLeaked)
{
    World w { 3 };
    for (std::uint64_t p { 0 }; p < 3; ++p)
        w.write(p, pattern());
    w.set(0, example_of(PageState::pre_guest)); // immutable
    w.set(2, example_of(PageState::hv_fixed));  // not assigned: skipped
    ASSERT_TRUE(snp.make_private(w.pages, PageNo { 1 }, 0x101));
    snp.make_shared(w.pages, pages(0, 3));
    EXPECT_EQ(w.vm->leaked_pages, 1u);
    EXPECT_EQ(w.bytes(0), zeros);
    EXPECT_EQ(w.bytes(1), pattern());
    EXPECT_EQ(w.state(0), "HYPERVISOR");
    EXPECT_FALSE(snp.held(w.records[0]));
}

TEST(Snp, ALargeEntryThatWillNotSplitIsLeakedWhole)
{
    World w { 512 };
    ASSERT_TRUE(prepare(w.pages, page0, 0x400, PageSize::large));
    auto e { w.entry(9) };
    e.lock = true;
    w.set(9, e);
    w.write(511, pattern());
    snp.make_shared(w.pages, pages(3, 5));
    EXPECT_EQ(w.vm->leaked_pages, 512u);
    EXPECT_EQ(w.bytes(511), zeros);
    EXPECT_TRUE(w.healthy());
}

TEST(Snp, AcceptSplitsALargeEntry)
{
    World w { 512 };
    ASSERT_TRUE(prepare(w.pages, page0, 0x400, PageSize::large));
    snp.accept(w.pages, PageNo { 7 }, 0x407);
    EXPECT_EQ(w.state(7), "GUEST_VALID");
    EXPECT_EQ(w.state(8), "GUEST_INVALID");
    EXPECT_FALSE(w.entry(8).large);
    EXPECT_TRUE(w.healthy());
}

TEST(Snp, ReclaimLeavesNeitherOwnerNorText)
{
    World w { 512 };
    ASSERT_TRUE(prepare(w.pages, page0, 0x400, PageSize::large));
    for (std::uint64_t p { 0 }; p < 512; ++p)
        w.write(p, pattern());
    snp.reclaim(w.pages, pages(1, 3));
    EXPECT_EQ(w.bytes(1), zeros);
    EXPECT_EQ(w.records[2], Record {});
    EXPECT_EQ(w.state(3), "GUEST_INVALID");
    EXPECT_EQ(w.bytes(3), pattern());
    EXPECT_TRUE(w.healthy());
    w.set(4, example_of(PageState::pre_guest));
    snp.reclaim(w.pages, pages(0, 512));
    for (std::uint64_t p { 0 }; p < 512; ++p)
        ASSERT_EQ(w.records[p], Record {}) << p;
}

TEST(Snp, UnmappingIsNoMatterOfTheRmp)
{
    World w { 1 };
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    auto const before { w.records };
    snp.unmap(w.pages, page0, 0x100);
    EXPECT_EQ(w.records, before);
}

// platform-models.md 1.7, as far as it is no launch.
TEST(MustReject, AHostWriteToAnAssignedPageBringsTheHostDown)
{
    World w { 1 };
    EXPECT_TRUE(snp.host_access(w.pages, page0, Access::write).allowed());
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    auto const verdict { snp.host_access(w.pages, page0, Access::write) };
    EXPECT_EQ(verdict.what, HostVerdict::What::fault);
    EXPECT_EQ(verdict.then, HostVerdict::Then::host_crash);
    EXPECT_STREQ(verdict.name, "#PF with the RMP bit");
    EXPECT_EQ(snp.host_access(w.pages, page0, Access::read).what, HostVerdict::What::ciphertext);
}

TEST(MustReject, OnePageAtTwoGpas)
{
    World w { 1 };
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    snp.accept(w.pages, page0, 0x100);
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x200)); // KVM does not look
    auto const verdict { snp.guest_access(w.pages, page0, 0x200, Side::private_, Access::read) };
    EXPECT_EQ(verdict.what, GuestVerdict::What::retry);
    EXPECT_STREQ(verdict.name, "#NPF with RMP and ENC");
}

TEST(MustReject, AReplayNeedsANewPvalidate)
{
    World w { 1 };
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    snp.accept(w.pages, page0, 0x100);
    snp.make_shared(w.pages, pages(0, 1));
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    auto const verdict { snp.guest_access(w.pages, page0, 0x100, Side::private_, Access::read) };
    EXPECT_EQ(verdict.what, GuestVerdict::What::guest_exception);
    EXPECT_STREQ(verdict.name, "#VC 0x404 (PAGE_NOT_VALIDATED)");
}

TEST(MustReject, RmpupdateOfAPreGuestPage)
{
    World w { 1 };
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0x100, true)), Eax::success);
    EXPECT_EQ(rmpupdate(w.rmp(), page0, NewState::shared()), Eax::fail_permission);
}

TEST(Snp, TheSharedSideOfAGuestsPage)
{
    World w { 1 };
    ASSERT_TRUE(snp.make_private(w.pages, page0, 0x100));
    EXPECT_EQ(snp.guest_access(w.pages, page0, 0x100, Side::shared, Access::read).what, GuestVerdict::What::ciphertext);
    EXPECT_EQ(snp.guest_access(w.pages, page0, 0x100, Side::shared, Access::write).what, GuestVerdict::What::retry);
    snp.make_shared(w.pages, pages(0, 1));
    EXPECT_EQ(snp.guest_access(w.pages, page0, 0x100, Side::shared, Access::write).what, GuestVerdict::What::plain);
    EXPECT_EQ(snp.guest_access(w.pages, page0, 0x100, Side::private_, Access::read).what, GuestVerdict::What::retry);
}

// Between guests: the bytes of another one's page are noise to this one's key, and the other way round.
TEST(Snp, AnotherGuestsPageIsNotDecrypted)
{
    World w { 1 };
    w.write(0, pattern());
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(other_asid, 0x100, false)), Eax::success);
    EXPECT_EQ(w.bytes(0), pattern());
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0x100, false)), Eax::success);
    EXPECT_NE(w.bytes(0), pattern());
    w.write(0, pattern(3)); // ours
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(other_asid, 0x100, false)), Eax::success);
    EXPECT_NE(w.bytes(0), pattern(3));
}

} // namespace
} // namespace gmem::platform::snp
