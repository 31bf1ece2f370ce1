// A million steps of a host and a guest that do whatever comes to their mind. GMEM_WALK_STEPS: how many.

#include "oracle.hpp"
#include "world.hpp"

#include "platform/tdx/td.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::tdx;

namespace {

constexpr std::uint64_t page_count { 32 };
constexpr std::uint64_t base_frame { 0x1000 };
// How often each answer was given and each state was looked at: a walk that goes nowhere proves nothing.
struct Seen {
    std::array<std::uint64_t, seam_count> answers {};
    std::array<std::uint64_t, 5> states {};
    std::uint64_t noise { 0 };
};

constexpr std::uint64_t poison { 0xbad0'0bad'dead'7d80 };

// One life of a TD: launch, a run, and the end.
class Walk {
public:
    Walk(Options options, std::uint64_t seed, Seen &seen) : seen_ { seen }, world_ { page_count, options }, random_ { seed }
    {
        EXPECT_EQ(td_.key_config(), Seam::success);
        for (unsigned i { 0 }; i < tdcs_pages; ++i)
            EXPECT_EQ(td_.add_tdcx(), Seam::success);
        EXPECT_EQ(td_.init(), Seam::success);
        for (unsigned i { 0 }; i < vcpus; ++i)
            EXPECT_EQ(td_.create_vcpu(), Seam::success);
    }

    void step()
    {
        auto const p { pick(pick(2) ? page_count : 4) };
        auto const frame { pick(8) ? base_frame + p : base_frame + pick(page_count) };
        auto const what { pick(32) };
        if (what < 2)
            add(p, frame);
        else if (what < 4)
            same(page_aug(state(), pages(), { PageNo { p }, frame }), oracle_.aug(p, frame));
        else if (what < 7)
            same(page_accept(state(), pages(), { PageNo { p }, frame }), oracle_.accept(p, frame));
        else if (what < 11)
            same(range_block(state(), pages(), { PageNo { p }, frame }), oracle_.block(p, frame));
        else if (what < 12)
            same(range_unblock(state(), pages(), { PageNo { p }, frame }), oracle_.unblock(p, frame));
        else if (what < 14)
            same(td_.track(world_.vm), oracle_.track());
        else if (what < 18)
            remove(p, frame);
        else if (what < 21)
            fault(p, frame);
        else if (what < 22)
            make_shared(p, 1 + pick(4));
        else if (what < 23)
            pick(2) ? unmap(p, frame) : reclaim(p);
        else if (what < 27)
            enter_or_leave();
        else if (what < 28)
            host_writes(p);
        else if (what < 31)
            guest_writes(p);
        else
            finalize();
    }

    // Everything that is promised of one page, and of what each may see of it.
    void check(std::uint64_t p)
    {
        auto const &o { oracle_.page[p] };
        auto const &record { world_.records[p] };
        auto const r { world_.record(p) };
        ASSERT_EQ(world_.platform.audit(record), nullptr);
        ASSERT_EQ(world_.platform.held(record), o.in_td());
        constexpr char const *names[] { "FREE", "PENDING", "MAPPED", "PENDING_BLOCKED", "BLOCKED" };
        ASSERT_STREQ(world_.platform.state_name(record), names[o.state]);
        if (o.in_td()) {
            ASSERT_EQ(r.frame, o.frame);
            ASSERT_EQ(r.owner, World::id);
        } else {
            ASSERT_EQ(record, Record {});
        }
        ++seen_.states[o.state];
        seen_.noise += !o.known;
        check_bytes(p);
        check_host(p);
        check_guest(p);
    }

    void check_all()
    {
        for (std::uint64_t p { 0 }; p < page_count; ++p)
            check(p);
        std::uint64_t in_td { 0 };
        for (auto const &o : oracle_.page)
            in_td += o.in_td();
        ASSERT_EQ(pages_left(pages(), World::id), in_td); // none is lost, none is there twice
        ASSERT_EQ(world_.vm.epoch, oracle_.epoch);
    }

    // All goes back, by the two ways that there are.
    void end()
    {
        world_.platform.make_shared(pages(), *PageRange::make(PageNo { 0 }, PageNo { page_count / 2 }));
        while (inside_.size())
            enter_or_leave(true);
        for (unsigned i { 0 }; i < vcpus; ++i)
            EXPECT_EQ(td_.flush_vcpu(), Seam::success);
        EXPECT_EQ(td_.vpflushdone(), Seam::success);
        EXPECT_EQ(td_.cache_writeback(), Seam::success);
        EXPECT_EQ(td_.key_freeid(), Seam::success);
        for (std::uint64_t p { page_count / 2 }; p < page_count; ++p)
            EXPECT_EQ(page_reclaim(state(), pages(), PageNo { p }), oracle_.page[p].in_td() ? Seam::success : Seam::page_metadata_incorrect);
        EXPECT_EQ(world_.records, std::vector<Record>(page_count));
    }

private:
    static constexpr unsigned vcpus { 3 };

    std::uint64_t pick(std::uint64_t n) { return random_() % n; }
    Pages &pages() { return world_.pages; }
    TdState state() { return td_.state(world_.vm); }
    std::uint64_t new_word() { return random_() | 1; } // never the zeros of an accept
    void same(Seam got, Seam expected)
    {
        ASSERT_STREQ(name_of(got), name_of(expected));
        ++seen_.answers[static_cast<std::size_t>(got)];
    }

    void add(std::uint64_t p, std::uint64_t frame)
    {
        auto const got { td_.page_add(pages(), { PageNo { p }, frame }, nullptr) };
        same(got, oracle_.add(p, frame));
    }

    // The raw call. The bytes are still there: now the host does with them what the hooks do, or they would leak.
    void remove(std::uint64_t p, std::uint64_t frame)
    {
        auto const secret { oracle_.page[p].secret() };
        auto const got { page_remove(state(), pages(), { PageNo { p }, frame }) };
        same(got, oracle_.remove(p, frame));
        if (got == Seam::success && secret)
            host_fills(p);
    }

    void fault(std::uint64_t p, std::uint64_t frame)
    {
        auto const &o { oracle_.page[p] };
        auto const there { oracle_.is_at(p, frame) };
        auto const works { oracle_.finalized && (there ? !o.blocked() : !o.in_td()) };
        auto const s { world_.platform.make_private(pages(), PageNo { p }, frame) };
        ASSERT_EQ(static_cast<bool>(s), works);
        if (!works)
            ASSERT_EQ(s.error().err, EIO);
        if (works && !there)
            ASSERT_EQ(oracle_.aug(p, frame), Seam::success);
        if (pick(2)) {
            world_.platform.accept(pages(), PageNo { p }, frame);
            oracle_.accept(p, frame);
        }
    }

    // A TD's page has come to the host by a hook.
    void came_out(std::uint64_t p)
    {
        auto &o { oracle_.page[p] };
        auto const options { world_.vm.options };
        if (options.tdx_cpu == TdxCpu::partial_write_erratum)
            o.word = 0, o.known = true;
        else if (o.secret() && options.tdx_removed == TdxRemoved::zeros)
            o.word = 0, o.known = true;
        else if (o.secret() && options.tdx_removed == TdxRemoved::poison)
            o.word = poison, o.known = true;
        else if (o.secret())
            o.known = false;
        o.state = OraclePage::host;
    }

    // The hooks kick every vCPU, so no count of those inside matters to them; each page that was in the TD costs an epoch.
    void taken_by_hook(std::uint64_t p)
    {
        if (oracle_.finalized)
            ++oracle_.epoch;
        came_out(p);
    }

    void kick()
    {
        while (inside_.size())
            enter_or_leave(true);
    }

    void make_shared(std::uint64_t p, std::uint64_t n)
    {
        kick();
        auto const last { p + n < page_count ? p + n : page_count };
        for (auto i { p }; i < last; ++i)
            if (oracle_.page[i].in_td())
                taken_by_hook(i);
        world_.platform.make_shared(pages(), *PageRange::make(PageNo { p }, PageNo { last }));
    }

    void unmap(std::uint64_t p, std::uint64_t frame)
    {
        kick();
        if (oracle_.is_at(p, frame))
            taken_by_hook(p);
        world_.platform.unmap(pages(), PageNo { p }, frame);
    }

    void reclaim(std::uint64_t p)
    {
        kick();
        world_.platform.reclaim(pages(), PageRange::one(PageNo { p }));
        oracle_.page[p].state = OraclePage::host;
        fill(world_.bytes(p), 0); // the file gives the page back, and a new one comes
        oracle_.page[p].word = 0;
        oracle_.page[p].known = true;
    }

    void enter_or_leave(bool leave = false)
    {
        if (leave || (inside_.size() && pick(2))) {
            auto const i { pick(inside_.size()) };
            auto const entered { inside_[i] };
            inside_.erase(inside_.begin() + static_cast<long>(i));
            td_.leave(world_.vm, entered);
            --(entered == oracle_.epoch ? oracle_.inside_now : oracle_.inside_before);
            return;
        }
        auto const got { td_.enter() };
        same(got, !oracle_.finalized ? Seam::op_state_incorrect : inside_.size() == vcpus ? Seam::operand_busy : Seam::success);
        if (got == Seam::success) {
            inside_.push_back(world_.vm.epoch);
            ++oracle_.inside_now;
        }
    }

    void host_fills(std::uint64_t p)
    {
        auto &o { oracle_.page[p] };
        o.word = new_word();
        o.known = true;
        fill(world_.bytes(p), o.word);
    }

    void host_writes(std::uint64_t p)
    {
        if (!oracle_.page[p].in_td())
            host_fills(p);
    }

    void guest_writes(std::uint64_t p)
    {
        auto &o { oracle_.page[p] };
        if (!oracle_.finalized || o.state != OraclePage::mapped)
            return;
        ASSERT_EQ(world_.platform.guest_access(pages(), PageNo { p }, o.frame, Side::private_, Access::write).what, GuestVerdict::What::plain);
        o.word = new_word();
        o.known = true;
        fill(world_.bytes(p), o.word);
    }

    void finalize()
    {
        if (!oracle_.finalized && pick(16))
            return;
        same(td_.finalize(), oracle_.finalized ? Seam::op_state_incorrect : Seam::success);
        oracle_.finalized = true;
        world_.run();
    }

    void check_bytes(std::uint64_t p)
    {
        auto const &o { oracle_.page[p] };
        auto const *const bytes { world_.bytes(p) };
        if (o.known) {
            for (auto const i : { std::uint64_t { 0 }, pick(512), std::uint64_t { 511 } })
                ASSERT_EQ(word_at(bytes, i), o.word);
        } else {
            ASSERT_FALSE(any_word(bytes, o.word)) << "plaintext of the TD in the ciphertext";
        }
    }

    void check_host(std::uint64_t p)
    {
        auto const &o { oracle_.page[p] };
        auto const verdict { world_.platform.host_access(pages(), PageNo { p }, Access::read) };
        if (!o.secret()) {
            auto const is_poison { o.known && o.word == poison };
            ASSERT_EQ(verdict.what, is_poison ? HostVerdict::What::fault : HostVerdict::What::plain);
            return;
        }
        ASSERT_NE(verdict.what, HostVerdict::What::plain) << "the host may read a TD's page";
        std::byte shown[page_size];
        world_.platform.read_ciphertext(pages(), PageNo { p }, shown);
        if (!o.known || o.word != 0)
            if (o.word != poison)
                ASSERT_FALSE(any_word(shown, o.word));
        ASSERT_NE(world_.platform.host_access(pages(), PageNo { p }, Access::write).then, HostVerdict::Then::goes_on);
    }

    void check_guest(std::uint64_t p)
    {
        using What = GuestVerdict::What;
        auto const &o { oracle_.page[p] };
        auto const pending { world_.vm.options.tdx_pending == TdxPending::exit ? What::vm_dead : What::guest_exception };
        auto expected { What::retry };
        if (!oracle_.finalized)
            expected = What::vm_dead;
        else if (o.state == OraclePage::mapped)
            expected = What::plain;
        else if (o.state == OraclePage::pending)
            expected = pending;
        ASSERT_EQ(world_.platform.guest_access(pages(), PageNo { p }, o.frame, Side::private_, Access::read).what, expected);
        ASSERT_EQ(world_.platform.guest_access(pages(), PageNo { p }, o.frame + 1, Side::private_, Access::read).what, oracle_.finalized ? What::retry : What::vm_dead);
        if (o.secret())
            ASSERT_NE(world_.platform.guest_access(pages(), PageNo { p }, o.frame, Side::shared, Access::read).what, What::plain);
    }

    Seen &seen_;
    World world_;
    Td td_ { World::id };
    Oracle oracle_ { page_count };
    std::vector<std::uint64_t> inside_; // the epochs in which they entered
    std::mt19937_64 random_;
};

std::uint64_t steps()
{
    auto const *const text { std::getenv("GMEM_WALK_STEPS") };
    return text ? std::strtoull(text, nullptr, 10) : 1'000'000;
}

}

TEST(Walk, NeverReachesAnUndefinedStateAndNeverShowsASecret)
{
    constexpr std::uint64_t life { 5'000 };
    auto const all { steps() };
    std::mt19937_64 random { 4711 };
    Seen seen;
    for (std::uint64_t done { 0 }, lives { 0 }; done < all; ++lives) {
        Options options;
        options.tdx_removed = static_cast<TdxRemoved>(lives % 3);
        options.tdx_pending = static_cast<TdxPending>(lives % 2);
        options.tdx_cpu = static_cast<TdxCpu>(lives % 4 == 3);
        auto const seed { random() };
        SCOPED_TRACE("life " + std::to_string(lives) + ", seed " + std::to_string(seed));
        Walk walk { options, seed, seen };
        for (std::uint64_t i { 0 }; i < life && done < all; ++i, ++done) {
            walk.step();
            walk.check(random() % page_count);
            if (i % 512 == 0)
                walk.check_all();
            if (::testing::Test::HasFailure())
                FAIL() << "at step " << i;
        }
        walk.check_all();
        walk.end();
        if (::testing::Test::HasFailure())
            FAIL() << "at the end of the life";
    }
    if (all < 20'000)
        return; // too short to have been everywhere
    for (auto const s : { Seam::success, Seam::page_metadata_incorrect, Seam::op_state_incorrect, Seam::operand_busy, Seam::ept_entry_state_incorrect,
             Seam::gpa_range_already_blocked, Seam::gpa_range_not_blocked, Seam::tlb_tracking_not_done, Seam::previous_tlb_epoch_busy,
             Seam::page_already_accepted, Seam::ept_violation })
        EXPECT_GT(seen.answers[static_cast<std::size_t>(s)], all / 2000) << name_of(s);
    for (auto const n : seen.states)
        EXPECT_GT(n, all / 100);
    EXPECT_GT(seen.noise, all / 1000);
}
