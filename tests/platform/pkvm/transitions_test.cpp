// Every call of EL2 in every state: what it returns, where it leads, what becomes of the bytes. The expectations are written from
// platform-models.md 3.1, as pairs of owners and not as the implementation's states.

#include "platform/pkvm/transitions.hpp"

#include "world.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <utility>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::pkvm;

namespace {

constexpr State all_states[] { State::host_owned, State::shared_with_hyp, State::guest_owned, State::shared_by_guest, State::lent_to_guest,
                               State::poisoned, State::poisoned_shared_with_hyp };
constexpr Call all_calls[] { Call::host_share_hyp, Call::host_unshare_hyp, Call::host_donate_guest, Call::host_share_guest, Call::host_unshare_guest,
                             Call::guest_share_host, Call::guest_unshare_host, Call::guest_relinquish, Call::host_reclaim_page_guest, Call::force_reclaim_page_guest };
static_assert(std::size(all_states) == states && std::size(all_calls) == calls);

struct Expected final {
    State next;
    bool wiped;
};
// The legal cells; everything else is refused.
std::map<std::pair<Call, State>, Expected> const legal {
    { { Call::host_share_hyp, State::host_owned }, { State::shared_with_hyp, false } },
    { { Call::host_share_hyp, State::poisoned }, { State::poisoned_shared_with_hyp, false } },
    { { Call::host_unshare_hyp, State::shared_with_hyp }, { State::host_owned, false } },
    { { Call::host_unshare_hyp, State::poisoned_shared_with_hyp }, { State::poisoned, false } },
    { { Call::host_donate_guest, State::host_owned }, { State::guest_owned, false } },
    { { Call::host_share_guest, State::host_owned }, { State::lent_to_guest, false } },
    { { Call::host_unshare_guest, State::lent_to_guest }, { State::host_owned, false } },
    { { Call::guest_share_host, State::guest_owned }, { State::shared_by_guest, false } },
    { { Call::guest_unshare_host, State::shared_by_guest }, { State::guest_owned, false } },
    { { Call::guest_relinquish, State::guest_owned }, { State::host_owned, true } },
    { { Call::host_reclaim_page_guest, State::guest_owned }, { State::host_owned, true } },
    { { Call::host_reclaim_page_guest, State::shared_by_guest }, { State::host_owned, false } },
    { { Call::host_reclaim_page_guest, State::poisoned }, { State::host_owned, false } },
    { { Call::host_reclaim_page_guest, State::poisoned_shared_with_hyp }, { State::shared_with_hyp, false } },
    { { Call::force_reclaim_page_guest, State::guest_owned }, { State::poisoned, true } },
};

int refusal(Call c, State s)
{
    auto const by_guest { c == Call::guest_share_host || c == Call::guest_unshare_host || c == Call::guest_relinquish };
    if (c == Call::force_reclaim_page_guest)
        return EAGAIN;
    if (by_guest && sides(s).guest == Owner::nopage)
        return ENOENT;
    if (by_guest && sides(s).guest == Owner::poison)
        return EHWPOISON;
    return EPERM;
}

Caller caller(PageNo p) { return { .handle = this_vm, .frame = World::frame_of(p), .dying = true }; }

}

TEST(Transitions, EveryCallInEveryState)
{
    for (auto const c : all_calls)
        for (auto const s : all_states) {
            SCOPED_TRACE(testing::Message() << "call " << static_cast<int>(c) << " in " << sides(s).name);
            World w { 1 };
            w.put(page0, s);
            w.write(page0, 0x5a);
            // A lent page is lent once more only to another frame; here it is the same.
            auto const before { w.page(page0) };
            auto const error { apply(w.pages, page0, c, caller(page0)) };
            if (auto const it { legal.find({ c, s }) }; it != legal.end()) {
                EXPECT_EQ(error, 0);
                EXPECT_EQ(w.page(page0).state, it->second.next);
                EXPECT_EQ(w.value(page0), it->second.wiped ? 0 : 0x5a);
            } else {
                EXPECT_EQ(error, refusal(c, s));
                EXPECT_EQ(w.page(page0), before);
                EXPECT_EQ(w.value(page0), 0x5a);
            }
            EXPECT_EQ(Pkvm {}.audit(w.pages.record(page0)), nullptr);
        }
}

TEST(Transitions, ADonatedPageIsAnnotatedWithItsGuest)
{
    World w { 1 };
    ASSERT_EQ(apply(w.pages, page0, Call::host_donate_guest, w.guest(page0)), 0);
    EXPECT_EQ(w.page(page0), (PageState { State::guest_owned, 0, this_vm, 0, first_frame }));
    ASSERT_EQ(apply(w.pages, page0, Call::host_reclaim_page_guest, caller(page0)), 0);
    EXPECT_EQ(w.pages.record(page0), Record {});
}

TEST(Transitions, OnlyTheGuestThatHasThePageMayNameIt)
{
    for (auto const c : { Call::guest_share_host, Call::guest_unshare_host, Call::guest_relinquish, Call::host_reclaim_page_guest })
        for (auto const s : { State::guest_owned, State::shared_by_guest }) {
            World w { 1 };
            w.put(page0, s);
            auto const before { w.page(page0) };
            auto const expected { c == Call::host_reclaim_page_guest ? EPERM : ENOENT };
            EXPECT_EQ(apply(w.pages, page0, c, { .handle = this_vm + 1, .frame = first_frame, .dying = true }), expected);
            EXPECT_EQ(apply(w.pages, page0, c, { .handle = this_vm, .frame = first_frame + 1, .dying = true }), expected);
            EXPECT_EQ(w.page(page0), before);
        }
}

TEST(Transitions, TeardownIsForVmsThatDie)
{
    for (auto const s : all_states) {
        World w { 1 };
        w.put(page0, s);
        EXPECT_EQ(apply(w.pages, page0, Call::host_reclaim_page_guest, w.guest(page0)), EPERM);
        EXPECT_EQ(w.page(page0).state, s);
    }
}

TEST(Transitions, WithoutMemcacheThereIsNoTable)
{
    for (auto const c : { Call::host_donate_guest, Call::host_share_guest }) {
        World w { 1 };
        auto without { w.guest(page0) };
        without.memcache = false;
        EXPECT_EQ(apply(w.pages, page0, c, without), ENOMEM);
        EXPECT_EQ(w.pages.record(page0), Record {});
        w.put(page0, State::guest_owned);
        EXPECT_EQ(apply(w.pages, page0, c, without), EPERM);
    }
}

TEST(Transitions, ABlockIsTooBigToShare)
{
    World w { 1 };
    auto block { w.guest(page0) };
    block.block_mapping = true;
    EXPECT_EQ(apply(w.pages, page0, Call::guest_share_host, block), ENOENT);
    w.put(page0, State::guest_owned);
    EXPECT_EQ(apply(w.pages, page0, Call::guest_share_host, block), E2BIG);
    w.put(page0, State::shared_by_guest);
    EXPECT_EQ(apply(w.pages, page0, Call::guest_unshare_host, block), E2BIG);
    EXPECT_EQ(w.page(page0).state, State::shared_by_guest);
}

TEST(Transitions, TheAnnotationHasRoomForFortyBits)
{
    World w { 1 };
    EXPECT_EQ(apply(w.pages, page0, Call::host_donate_guest, { .handle = this_vm, .frame = most_frames }), EINVAL);
    EXPECT_EQ(apply(w.pages, page0, Call::host_donate_guest, { .handle = 0, .frame = 0 }), EINVAL);
    EXPECT_EQ(apply(w.pages, page0, Call::host_donate_guest, { .handle = this_vm, .frame = most_frames - 1 }), 0);
}

TEST(Transitions, LendingIsCounted)
{
    World w { 1 };
    ASSERT_EQ(apply(w.pages, page0, Call::host_share_guest, w.guest(page0)), 0);
    EXPECT_EQ(apply(w.pages, page0, Call::host_share_guest, w.guest(page0)), EPERM); // that entry is taken
    EXPECT_EQ(apply(w.pages, page0, Call::host_share_guest, { .handle = this_vm + 1, .frame = 9 }), EPERM);
    ASSERT_EQ(apply(w.pages, page0, Call::host_share_guest, { .handle = this_vm, .frame = 9 }), 0);
    EXPECT_EQ(w.page(page0).shares, 2U);
    ASSERT_EQ(apply(w.pages, page0, Call::host_unshare_guest, { .handle = this_vm, .frame = 9 }), 0);
    EXPECT_EQ(w.page(page0).state, State::lent_to_guest);
    ASSERT_EQ(apply(w.pages, page0, Call::host_unshare_guest, w.guest(page0)), 0);
    EXPECT_EQ(w.pages.record(page0), Record {});
}
