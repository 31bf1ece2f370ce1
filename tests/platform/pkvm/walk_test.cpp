// A million random calls of hosts and guests, beside a model that knows rights instead of states: who may use a page, who has lost it, what is in it.

#include "platform/pkvm/hypercalls.hpp"
#include "platform/pkvm/pending.hpp"

#include "world.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <random>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::pkvm;

namespace {

constexpr std::uint64_t page_count { 48 };
Pkvm const side {};

// One page, as an observer without knowledge of EL2 would describe it.
struct Expected final {
    bool host { true }, guest { false }, hyp { false }; // may use it
    bool host_lends { false };                          // the guest has it from a host that keeps it
    bool poison { false };
    bool asked { false };     // the guest asked the VMM for to-shared, and nobody has answered
    int value { 0 };
    bool secret { false };    // the guest wrote it while nobody else could look

    bool exclusive() const { return host && !guest && !hyp && !poison; }
    bool private_() const { return guest && !host; }
    bool shared() const { return guest && host && !host_lends; }
    void wipe() { value = 0, secret = false; }
};

class Walk final {
public:
    Walk(std::uint64_t seed, Options o) : world_ { page_count, o }, random_ { seed } {}

    void step()
    {
        PageNo const p { random_() % page_count };
        auto &e { expected_[p.index()] };
        switch (random_() % 17) {
        case 0: return call(p, Call::host_share_hyp, e.host && !e.hyp && !e.guest ? 0 : EPERM, [&] { e.hyp = true; });
        case 1: return call(p, Call::host_unshare_hyp, e.hyp ? 0 : EPERM, [&] { e.hyp = false; });
        case 2: return call(p, Call::host_donate_guest, e.exclusive() ? 0 : EPERM, [&] { e.host = false, e.guest = true; });
        case 3: return call(p, Call::host_share_guest, e.exclusive() ? 0 : EPERM, [&] { e.guest = e.host_lends = true; });
        case 4: return call(p, Call::host_unshare_guest, e.host_lends ? 0 : EPERM, [&] { e.guest = e.host_lends = false; });
        case 5: return call(p, Call::guest_share_host, by_guest(e, e.private_()), [&] { e.host = true, e.secret = false; });
        case 6: return call(p, Call::guest_unshare_host, by_guest(e, e.shared()), [&] { e.host = false; });
        case 7: return call(p, Call::guest_relinquish, by_guest(e, e.private_()), [&] { e.wipe(), e.host = true, e.guest = false; });
        case 8: return call(p, Call::force_reclaim_page_guest, e.private_() ? 0 : EAGAIN, [&] { taken(e); });
        case 9: return reclaim(p, e);
        case 10: return to_shared(p, e);
        case 11: return use_private(p, e);
        case 12: return ask(p, e);
        case 13: return host_write(p, e);
        case 14: return guest_write(p, e);
        case 15: return accept(p, e);
        default: return wrong_guest(p);
        }
    }

    void check(PageNo p)
    {
        auto const &e { expected_[p.index()] };
        auto const &r { world_.pages.record(p) };
        ASSERT_EQ(side.audit(r), nullptr);
        ASSERT_EQ(side.host_access(world_.pages, p, Access::read).allowed(), e.host);
        ASSERT_EQ(side.held(r), e.private_());
        auto const guest { side.guest_access(world_.pages, p, World::frame_of(p), Side::private_, Access::write).what };
        ASSERT_EQ(guest, e.poison ? GuestVerdict::What::vm_dead : e.guest ? GuestVerdict::What::plain : GuestVerdict::What::retry);
        ASSERT_TRUE(e.host || e.guest) << "a page is lost";
        ASSERT_FALSE(e.secret && e.host) << "the host reads what the guest never shared";
        ASSERT_EQ(world_.value(p), e.value);
    }
    void check_all()
    {
        for (std::uint64_t i { 0 }; i < page_count; ++i)
            check(PageNo { i });
    }
    PageNo last() const { return last_; }

private:
    static int by_guest(Expected const &e, bool legal) { return e.poison ? EHWPOISON : !e.guest ? ENOENT : legal ? 0 : EPERM; }
    static void taken(Expected &e) { e.wipe(), e.host = true, e.guest = false, e.poison = true; }

    template <typename Then>
    void call(PageNo p, Call c, int error, Then &&then)
    {
        last_ = p;
        ASSERT_EQ(apply(world_.pages, p, c, world_.guest(p)), error) << "call " << static_cast<int>(c);
        if (error == 0)
            then();
    }
    void reclaim(PageNo p, Expected &e)
    {
        last_ = p;
        side.reclaim(world_.pages, PageRange::one(p));
        if (e.private_())
            e.wipe();
        e.host = true, e.guest = e.host_lends = e.poison = false;
    }
    void to_shared(PageNo p, Expected &e)
    {
        last_ = p;
        auto const asked { requested(*world_.vm, PageRange::one(p), false) };
        ASSERT_EQ(asked, e.asked);
        auto const unsolicited { world_.vm->options.pkvm_unsolicited };
        auto const allowed { static_cast<bool>(side.veto(world_.pages, PageRange::one(p), Attribute::shared, World::frame_of(p))) };
        ASSERT_EQ(allowed, asked || unsolicited != PkvmUnsolicited::refused);
        if (!allowed)
            return;
        auto const solicited { side.solicited(world_.pages, PageRange::one(p), Attribute::shared) };
        side.make_shared(world_.pages, PageRange::one(p));
        side.converted(world_.pages, PageRange::one(p), Attribute::shared, solicited);
        e.asked = false;
        if (asked) {
            if (e.private_())
                e.host = true, e.secret = false;
        } else if (unsolicited == PkvmUnsolicited::destructive) {
            e.wipe();
            if (!e.host_lends)
                e.host = true, e.guest = false;
        } else if (e.private_()) {
            taken(e);
        }
    }
    void use_private(PageNo p, Expected &e)
    {
        last_ = p;
        auto const s { side.make_private(world_.pages, p, World::frame_of(p)) };
        auto const error { s ? 0 : s.error().err };
        ASSERT_EQ(error, e.poison ? EHWPOISON : e.private_() || e.shared() || e.exclusive() ? 0 : EPERM);
        if (e.exclusive())
            e.host = false, e.guest = true;
        else if (e.shared() && world_.vm->options.pkvm_unshare == PkvmUnshare::after_conversion)
            e.host = false;
    }
    void ask(PageNo p, Expected &e)
    {
        last_ = p;
        // More than the table holds would be forgotten: that has a test of its own.
        if (!e.asked)
            record_request(*world_.vm, PageRange::one(p), false);
        e.asked = true;
    }
    void accept(PageNo p, Expected &e)
    {
        last_ = p;
        side.accept(world_.pages, p, World::frame_of(p));
        if (e.shared())
            e.host = false;
    }
    void host_write(PageNo p, Expected &e)
    {
        last_ = p;
        if (side.host_access(world_.pages, p, Access::write).allowed()) {
            e.value = static_cast<int>(1 + random_() % 127), e.secret = false;
            world_.write(p, static_cast<unsigned char>(e.value));
        }
    }
    void guest_write(PageNo p, Expected &e)
    {
        last_ = p;
        if (side.guest_access(world_.pages, p, World::frame_of(p), Side::private_, Access::write).what == GuestVerdict::What::plain) {
            e.value = static_cast<int>(128 + random_() % 128), e.secret = !e.host;
            world_.write(p, static_cast<unsigned char>(e.value));
        }
    }
    // Another VM, or another frame of this one: never succeeds.
    void wrong_guest(PageNo p)
    {
        last_ = p;
        auto caller { world_.guest(p) };
        caller.dying = true;
        if (random_() % 2)
            ++caller.handle;
        else
            caller.frame += page_count;
        for (auto const c : { Call::guest_share_host, Call::guest_unshare_host, Call::guest_relinquish, Call::host_reclaim_page_guest })
            if (expected_[p.index()].host_lends == false)
                ASSERT_NE(apply(world_.pages, p, c, caller), 0);
    }

    World world_;
    std::mt19937_64 random_;
    Expected expected_[page_count];
    PageNo last_ { 0 };
};

unsigned long steps()
{
    auto const *const s { std::getenv("GMEM_WALK_STEPS") };
    return s ? std::strtoul(s, nullptr, 10) : 1'000'000;
}

void walk(Options o)
{
    Walk w { 20260623, o };
    auto const n { steps() };
    for (unsigned long i { 0 }; i < n; ++i) {
        w.step();
        w.check(w.last());
        if (i % 4096 == 0)
            w.check_all();
        if (testing::Test::HasFatalFailure())
            FAIL() << "step " << i;
    }
    w.check_all();
}

}

TEST(Walk, UnsolicitedAllowed) { walk({}); }
TEST(Walk, UnsolicitedRefused) { walk({ .pkvm_unsolicited = PkvmUnsolicited::refused }); }
TEST(Walk, UnshareAfterConversion) { walk({ .pkvm_unshare = PkvmUnshare::after_conversion }); }
TEST(Walk, UnsolicitedDestructive) { walk({ .pkvm_unsolicited = PkvmUnsolicited::destructive }); }
