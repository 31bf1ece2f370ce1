// The platform as KVM's hooks see it: contents, the check for requests, host accesses that EL2 denies.

#include "platform/pkvm/pkvm.hpp"
#include "platform/pkvm/pending.hpp"

#include "world.hpp"

#include <gtest/gtest.h>

#include <cerrno>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::pkvm;

namespace {

Pkvm const pkvm_side {};
constexpr auto range { PageRange::one(page0) };

World with(PkvmUnsolicited u) { return World { 1, { .pkvm_unsolicited = u } }; }
int donate(World &w)
{
    auto const s { pkvm_side.make_private(w.pages, page0, first_frame) };
    return s ? 0 : s.error().err;
}
int veto(World const &w, Attribute to)
{
    auto const s { pkvm_side.veto(w.pages, range, to, first_frame) };
    return s ? 0 : s.error().err;
}
void converted(World &w, Attribute to) { pkvm_side.converted(w.pages, range, to, pkvm_side.solicited(w.pages, range, to)); }

}

TEST(Pkvm, IsRegistered)
{
    EXPECT_EQ(platform_of(Kind::pkvm).kind(), Kind::pkvm);
    EXPECT_TRUE(platform_of(Kind::pkvm).keeps_records());
    EXPECT_FALSE(platform_of(Kind::pkvm).encrypts());
}

TEST(Pkvm, DonationKeepsTheHostsBytes)
{
    World w { 1 };
    w.write(page0, 0x42);
    ASSERT_EQ(donate(w), 0);
    ASSERT_EQ(donate(w), 0); // idempotent
    EXPECT_TRUE(pkvm_side.held(w.pages.record(page0)));
    EXPECT_EQ(w.value(page0), 0x42);
    EXPECT_STREQ(pkvm_side.state_name(w.pages.record(page0)), "NOPAGE/OWNED");
    auto const elsewhere { pkvm_side.make_private(w.pages, page0, first_frame + 1) };
    ASSERT_FALSE(elsewhere);
    EXPECT_EQ(elsewhere.error().err, EPERM);
    World unbound { 1 };
    auto const nowhere { pkvm_side.make_private(unbound.pages, page0, no_frame) };
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().err, EINVAL);
}

TEST(Pkvm, ASharedPageIsTheHostsToReadWithTheGuestsBytes)
{
    World w { 1 };
    ASSERT_EQ(donate(w), 0);
    w.write(page0, 0xbe);
    ASSERT_EQ(apply(w.pages, page0, Call::guest_share_host, w.guest(page0)), 0);
    EXPECT_FALSE(pkvm_side.held(w.pages.record(page0)));
    converted(w, Attribute::shared);
    EXPECT_TRUE(pkvm_side.host_access(w.pages, page0, Access::read).allowed());
    EXPECT_EQ(w.value(page0), 0xbe);
    // and back: MEM_UNSHARE is what makes it the guest's own again
    EXPECT_EQ(donate(w), 0);
    EXPECT_TRUE(pkvm_side.host_access(w.pages, page0, Access::read).allowed());
    pkvm_side.accept(w.pages, page0, first_frame);
    EXPECT_FALSE(pkvm_side.host_access(w.pages, page0, Access::read).allowed());
    EXPECT_EQ(w.value(page0), 0xbe);
}

TEST(Pkvm, ARequestThatEl2HasNotSeenIsHonouredByTheConversion)
{
    World w { 1 };
    ASSERT_EQ(donate(w), 0);
    w.write(page0, 0xbe);
    record_request(*w.vm, range, false);
    pkvm_side.make_shared(w.pages, range);
    converted(w, Attribute::shared);
    EXPECT_EQ(w.page(page0).state, State::shared_by_guest);
    EXPECT_EQ(w.value(page0), 0xbe);
    EXPECT_FALSE(requested(*w.vm, range, false));
}

// Who dies in it leaves it to be done again by somebody who finds no request any more.
TEST(Pkvm, AnAnsweredRequestStaysAnsweredWhenItIsAnsweredAgain)
{
    auto w { with(PkvmUnsolicited::destructive) };
    w.write(page0, 0xbe);
    record_request(*w.vm, range, true);
    auto const asked { pkvm_side.solicited(w.pages, range, Attribute::private_) };
    EXPECT_EQ(asked, Solicited::yes);
    pkvm_side.converted(w.pages, range, Attribute::private_, asked);
    EXPECT_EQ(pkvm_side.solicited(w.pages, range, Attribute::private_), Solicited::no);
    pkvm_side.converted(w.pages, range, Attribute::private_, asked);
    EXPECT_EQ(w.value(page0), 0xbe);
}

TEST(Pkvm, NobodyAskedAndItIsAllowedThenTheGuestLosesThePage)
{
    auto w { with(PkvmUnsolicited::allowed) };
    EXPECT_EQ(veto(w, Attribute::shared), 0);
    ASSERT_EQ(donate(w), 0);
    w.write(page0, 0xbe);
    pkvm_side.make_shared(w.pages, range);
    EXPECT_EQ(w.value(page0), 0);
    EXPECT_TRUE(pkvm_side.host_access(w.pages, page0, Access::read).allowed());
    EXPECT_FALSE(pkvm_side.held(w.pages.record(page0)));
    EXPECT_EQ(pkvm_side.guest_access(w.pages, page0, first_frame, Side::private_, Access::read).what, GuestVerdict::What::vm_dead);
    EXPECT_EQ(donate(w), EHWPOISON);
    EXPECT_EQ(pkvm_side.guest_access(w.pages, page0, first_frame + 1, Side::private_, Access::read).what, GuestVerdict::What::retry);
}

TEST(Pkvm, NobodyAskedAndItIsRefused)
{
    auto w { with(PkvmUnsolicited::refused) };
    EXPECT_EQ(veto(w, Attribute::shared), EPERM);
    EXPECT_EQ(veto(w, Attribute::private_), EPERM);
    record_request(*w.vm, range, false);
    EXPECT_EQ(veto(w, Attribute::shared), 0);
    EXPECT_EQ(veto(w, Attribute::shared), 0); // looking changes nothing
    EXPECT_EQ(veto(w, Attribute::private_), EPERM);
    converted(w, Attribute::shared);
    EXPECT_EQ(veto(w, Attribute::shared), EPERM);
    auto const refused { pkvm_side.veto(w.pages, range, Attribute::shared, first_frame) };
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().why, Why::platform_refused);
}

TEST(Pkvm, NobodyAskedAndItIsDestructive)
{
    auto w { with(PkvmUnsolicited::destructive) };
    EXPECT_EQ(veto(w, Attribute::shared), 0);
    ASSERT_EQ(donate(w), 0);
    w.write(page0, 0xbe);
    pkvm_side.make_shared(w.pages, range);
    converted(w, Attribute::shared);
    EXPECT_EQ(w.value(page0), 0);
    EXPECT_EQ(w.pages.record(page0), Record {});
    EXPECT_EQ(donate(w), 0); // the guest may have it again

    // To private of a page that the guest shares: unshared by force, and wiped.
    ASSERT_EQ(apply(w.pages, page0, Call::guest_share_host, w.guest(page0)), 0);
    w.write(page0, 0xbe);
    converted(w, Attribute::private_);
    EXPECT_EQ(w.value(page0), 0);
    EXPECT_EQ(w.pages.record(page0), Record {});

    // A page of the range that is the guest's already is left alone; who is asked for keeps its bytes.
    ASSERT_EQ(donate(w), 0);
    w.write(page0, 0xbe);
    converted(w, Attribute::private_);
    EXPECT_TRUE(pkvm_side.held(w.pages.record(page0)));
    EXPECT_EQ(w.value(page0), 0xbe);
    record_request(*w.vm, range, false);
    pkvm_side.make_shared(w.pages, range);
    converted(w, Attribute::shared);
    EXPECT_EQ(w.value(page0), 0xbe);
}

TEST(Pkvm, AnAccessThatEl2DeniesIsThePoisonOfTheGuestOrThePanicOfTheHost)
{
    for (auto const a : { Access::read, Access::write }) {
        World w { 1 };
        EXPECT_TRUE(pkvm_side.host_access(w.pages, page0, a).allowed());
        ASSERT_EQ(donate(w), 0);
        auto const v { pkvm_side.host_access(w.pages, page0, a) };
        EXPECT_EQ(v.what, HostVerdict::What::fault);
        EXPECT_EQ(v.then, HostVerdict::Then::guest_poisoned);
        EXPECT_STREQ(v.name, "stage-2 abort (S1PTW)");
        w.vm->options.pkvm_bad_access = PkvmBadAccess::panic;
        EXPECT_EQ(pkvm_side.host_access(w.pages, page0, a).then, HostVerdict::Then::host_crash);
    }
}

// Pages that the host shares with EL2 or lends to a guest are still its own.
TEST(Pkvm, TheHostMayUseWhatItOwnsOrBorrows)
{
    for (std::size_t i { 0 }; i < states; ++i) {
        World w { 1 };
        w.put(page0, static_cast<State>(i));
        EXPECT_EQ(pkvm_side.host_access(w.pages, page0, Access::write).allowed(), static_cast<State>(i) != State::guest_owned) << i;
        EXPECT_EQ(pkvm_side.held(w.pages.record(page0)), static_cast<State>(i) == State::guest_owned) << i;
    }
}

TEST(Pkvm, TheGuestReachesItsOwnPagesAndFaultsOnTheOthers)
{
    using What = GuestVerdict::What;
    What const expected[states][2] { // shared, private
        { What::plain, What::retry }, { What::plain, What::retry }, { What::plain, What::plain }, { What::plain, What::plain },
        { What::plain, What::plain }, { What::vm_dead, What::vm_dead }, { What::vm_dead, What::vm_dead },
    };
    for (std::size_t i { 0 }; i < states; ++i)
        for (auto const side : { Side::shared, Side::private_ }) {
            World w { 1 };
            w.put(page0, static_cast<State>(i));
            EXPECT_EQ(pkvm_side.guest_access(w.pages, page0, first_frame, side, Access::read).what, expected[i][side == Side::private_]) << i;
        }
}

TEST(Pkvm, ReclaimWipesWhatWasPrivateAndLeavesNobody)
{
    for (std::size_t i { 0 }; i < states; ++i) {
        World w { 1 };
        w.put(page0, static_cast<State>(i));
        w.write(page0, 0x11);
        pkvm_side.reclaim(w.pages, range);
        auto const with_hyp { static_cast<State>(i) == State::shared_with_hyp || static_cast<State>(i) == State::poisoned_shared_with_hyp };
        EXPECT_EQ(w.page(page0).state, with_hyp ? State::shared_with_hyp : State::host_owned) << i;
        EXPECT_EQ(w.value(page0), static_cast<State>(i) == State::guest_owned ? 0 : 0x11) << i;
    }
}

TEST(Pkvm, AuditFindsWhatEl2CannotReach)
{
    auto const wrong { [](PageState const &s) {
        Record r {};
        store_record(r, s);
        return pkvm_side.audit(r) != nullptr;
    } };
    EXPECT_FALSE(wrong({}));
    EXPECT_TRUE(wrong({ State { 7 }, 0, 1, 0, 1 }));
    EXPECT_TRUE(wrong({ State::host_owned, 1, 0, 0, 0 }));
    EXPECT_TRUE(wrong({ State::guest_owned, 0, 0, 0, 1 }));
    EXPECT_TRUE(wrong({ State::host_owned, 0, 1, 0, 0 }));
    EXPECT_TRUE(wrong({ State::host_owned, 0, 0, 0, 1 }));
    EXPECT_TRUE(wrong({ State::guest_owned, 0, 1, 1, 1 }));
    EXPECT_TRUE(wrong({ State::lent_to_guest, 0, 1, 0, 1 }));
    EXPECT_TRUE(wrong({ State::guest_owned, 0, 1, 0, most_frames }));
}
