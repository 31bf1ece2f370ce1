// A random walk over entries of both sizes. One step in fifty of GMEM_WALK_STEPS: pages of 2 MiB are 512 times the work.

#include "world.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::tdx;

namespace {

constexpr std::uint64_t regions { 2 };
constexpr std::uint64_t base_frame { 512 * 40 };

struct Leaf {
    bool there { false }, accepted { false }, blocked { false };
    std::uint64_t blocked_at { 0 };
    void block(std::uint64_t epoch) { blocked = true, blocked_at = epoch; }
    void unblock() { blocked = false, blocked_at = 0; }
};

// Either a large leaf, or, where `table`, 512 small ones.
struct Region {
    bool table { false };
    Leaf large; // as table: there, perhaps blocked
    std::array<Leaf, 512> small {};
};

class Walk {
public:
    explicit Walk(std::uint64_t seed) : random_ { seed } { world_.run(); }

    void step()
    {
        region_ = pick(regions);
        page_ = region_ * 512 + (pick(2) ? pick(3) : pick(512));
        switch (pick(12)) {
        case 0: return small_or_large(page_aug, [](Leaf &l, auto) { return l.there ? Seam::ept_entry_state_incorrect : (l = { true, false }, Seam::success); });
        case 1: return accept();
        case 2:
        case 3: return small_or_large(range_block, [](Leaf &l, auto epoch) {
            return !l.there ? Seam::ept_entry_state_incorrect : l.blocked ? Seam::gpa_range_already_blocked : (l.block(epoch), Seam::success);
        });
        case 4: return small_or_large(range_unblock, [](Leaf &l, auto) {
            return !l.there ? Seam::ept_entry_state_incorrect : !l.blocked ? Seam::gpa_range_not_blocked : (l.unblock(), Seam::success);
        });
        case 5: return track();
        case 6: return remove();
        case 7: return demote();
        case 8: return promote();
        case 9: return table();
        case 10: return fill_table();
        case 11: return clear();
        }
    }

    void check()
    {
        for (std::uint64_t r { 0 }; r < regions; ++r) {
            auto const &o { oracle_[r] };
            ASSERT_EQ(upper_[r].entry, o.table ? (o.large.blocked ? Entry::nl_blocked : Entry::nl_mapped) : entry_of(o.large)) << r;
            for (std::uint64_t i { 0 }; i < 512; ++i) {
                auto const record { world_.record(r * 512 + i) };
                auto const &leaf { o.table ? o.small[i] : o.large };
                ASSERT_EQ(audit_of(record), nullptr);
                ASSERT_EQ(record.entry, entry_of(leaf)) << r << ": " << i;
                if (leaf.there) {
                    ASSERT_EQ(record.frame, base_frame + r * 512 + i);
                    ASSERT_EQ(record.level, o.table ? Level::small : Level::large);
                }
            }
        }
    }

    std::array<std::uint64_t, seam_count> seen {};

private:
    std::uint64_t pick(std::uint64_t n) { return random_() % n; }
    Region &region() { return oracle_[region_]; }
    Leaf &leaf() { return region().small[page_ % 512]; }
    Place large_place() { return { PageNo { region_ * 512 }, base_frame + region_ * 512, Level::large, &upper_[region_] }; }
    Place small_place() { return { PageNo { page_ }, base_frame + page_, Level::small, &upper_[region_] }; }
    bool clean(Leaf const &l) { return world_.vm.epoch > l.blocked_at; }

    static Entry entry_of(Leaf const &l)
    {
        return !l.there ? Entry::free : l.accepted ? (l.blocked ? Entry::blocked : Entry::mapped) : l.blocked ? Entry::pending_blocked : Entry::pending;
    }

    void same(Seam got, Seam expected)
    {
        ASSERT_STREQ(name_of(got), name_of(expected));
        ++seen[static_cast<std::size_t>(got)];
    }

    template <typename Call, typename Expect>
    void small_or_large(Call call, Expect expect)
    {
        if (pick(2))
            return same(call(world_.td(), world_.pages, large_place()), expect(region().large, world_.vm.epoch));
        auto const reached { region().table && !region().large.blocked };
        same(call(world_.td(), world_.pages, small_place()), reached ? expect(leaf(), world_.vm.epoch) : Seam::ept_walk_failed);
    }

    static Seam accepted(Leaf &l)
    {
        return !l.there || l.blocked ? Seam::ept_violation : l.accepted ? Seam::page_already_accepted : (l.accepted = true, Seam::success);
    }

    void accept()
    {
        auto &r { region() };
        if (pick(2)) {
            auto const expected { !r.table ? accepted(r.large) : r.large.blocked ? Seam::ept_violation : Seam::page_size_mismatch };
            return same(page_accept(world_.td(), world_.pages, large_place()), expected);
        }
        auto const expected { !r.table ? (r.large.there ? Seam::page_size_mismatch : Seam::ept_violation) : r.large.blocked ? Seam::ept_violation : accepted(leaf()) };
        same(page_accept(world_.td(), world_.pages, small_place()), expected);
    }

    void track()
    {
        auto td { world_.td() };
        same(mem_track(td), Seam::success);
    }

    Seam removed(Leaf &l)
    {
        if (!l.there)
            return Seam::ept_entry_state_incorrect;
        return !l.blocked ? Seam::gpa_range_not_blocked : !clean(l) ? Seam::tlb_tracking_not_done : (l = {}, Seam::success);
    }

    void remove()
    {
        auto &r { region() };
        if (pick(2)) {
            auto const got { page_remove(world_.td(), world_.pages, large_place()) };
            return same(got, r.table ? Seam::ept_entry_state_incorrect : removed(r.large));
        }
        auto const got { page_remove(world_.td(), world_.pages, small_place()) };
        same(got, r.table && !r.large.blocked ? removed(leaf()) : Seam::ept_walk_failed);
    }

    void demote()
    {
        auto &r { region() };
        auto const got { page_demote(world_.td(), world_.pages, large_place()) };
        if (r.table || !r.large.there)
            return same(got, Seam::ept_entry_state_incorrect);
        if (r.large.blocked && !clean(r.large))
            return same(got, Seam::tlb_tracking_not_done);
        same(got, Seam::success);
        r.table = true;
        r.small.fill({ true, r.large.accepted });
        r.large = { true };
    }

    void promote()
    {
        auto &r { region() };
        auto const got { page_promote(world_.td(), world_.pages, large_place()) };
        if (!r.table)
            return same(got, Seam::ept_entry_state_incorrect);
        if (r.large.blocked && !clean(r.large))
            return same(got, Seam::tlb_tracking_not_done);
        for (auto const &l : r.small)
            if (!l.there || l.blocked || l.accepted != r.small[0].accepted)
                return same(got, Seam::ept_invalid_promote_conditions);
        same(got, Seam::success);
        r.table = false;
        r.large = { true, r.small[0].accepted };
        r.small.fill({});
    }

    void table()
    {
        auto &r { region() };
        auto const got { sept_add(world_.td(), upper_[region_]) };
        if (r.table || r.large.there)
            return same(got, Seam::ept_entry_state_incorrect);
        same(got, Seam::success);
        r.table = true;
        r.large = { true };
    }

    // All 512, so that they can be joined.
    void fill_table()
    {
        auto &r { region() };
        if (!r.table || r.large.blocked)
            return;
        auto const accepts { pick(2) == 0 };
        for (std::uint64_t i { 0 }; i < 512; ++i) {
            auto &l { r.small[i] };
            page_ = region_ * 512 + i;
            if (!l.there) {
                same(page_aug(world_.td(), world_.pages, small_place()), Seam::success);
                l = { true };
            }
            if (l.blocked) {
                same(range_unblock(world_.td(), world_.pages, small_place()), Seam::success);
                l.unblock();
            }
            if (accepts && !l.accepted) {
                same(page_accept(world_.td(), world_.pages, small_place()), Seam::success);
                l.accepted = true;
            }
        }
    }

    // By KVM's hook, as where a memslot goes: whatever is there is the host's afterwards, and the Secure-EPT page goes too.
    void clear()
    {
        if (pick(4))
            return;
        auto &r { region() };
        auto const first { PageNo { region_ * 512 } };
        world_.platform.make_shared(world_.pages, *PageRange::make(first, first.plus(512)));
        upper_[region_] = {}; // KVM has no such entries; ours ends here
        r = {};
        for (std::uint64_t i { 0 }; i < 512; ++i)
            ASSERT_EQ(world_.records[first.index() + i], Record {});
    }

    World world_ { regions * 512 };
    std::array<Upper, regions> upper_ {};
    std::array<Region, regions> oracle_ {};
    std::uint64_t region_ { 0 }, page_ { 0 };
    std::mt19937_64 random_;
};

}

TEST(SizesWalk, EntriesOfBothSizesStayTogether)
{
    auto const *const text { std::getenv("GMEM_WALK_STEPS") };
    auto const steps { (text ? std::strtoull(text, nullptr, 10) : 1'000'000) / 50 };
    Walk walk { 815 };
    for (std::uint64_t i { 0 }; i < steps; ++i) {
        walk.step();
        walk.check();
        if (::testing::Test::HasFailure())
            FAIL() << "at step " << i;
    }
    if (steps < 20'000)
        return;
    for (auto const s : { Seam::success, Seam::ept_entry_state_incorrect, Seam::gpa_range_already_blocked, Seam::gpa_range_not_blocked, Seam::tlb_tracking_not_done,
             Seam::page_already_accepted, Seam::page_size_mismatch, Seam::ept_violation, Seam::ept_walk_failed, Seam::ept_invalid_promote_conditions })
        EXPECT_GT(walk.seen[static_cast<std::size_t>(s)], 50u) << name_of(s);
}
