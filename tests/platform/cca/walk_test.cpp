// A million random commands of the host, requests of the guest and hooks of KVM, beside a model that knows a page as the two sides see it: whose it is,
// whether it is mapped, what the guest was promised, what is in it.

#include "platform/cca/rec.hpp"

#include "world.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <random>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::cca;

namespace {

constexpr std::uint64_t page_count { 48 };
constexpr AddressSpace widest { 52 };
constexpr int noise { -2 }; // a value that is not known
Cca const side {};

struct Expected final {
    enum class Promise : std::uint8_t { nothing, memory, lost };

    bool delegated { false }, busy { false }; // busy: the RMM uses the granule for itself
    bool mapped { false }, alias { false };
    Promise promise { Promise::nothing };
    int value { 0 };
    bool secret { false }; // the guest wrote it

    bool free() const { return delegated && !busy && !mapped; }
    void unmap()
    {
        mapped = false;
        if (promise == Promise::memory)
            promise = Promise::lost;
    }
};

class Walk final {
public:
    Walk(std::uint64_t seed, Options o) : world_ { page_count, o }, random_ { seed } {}

    void step()
    {
        PageNo const p { random_() % page_count };
        last_ = p;
        auto &e { expected_[p.index()] };
        auto const frame { World::frame_of(p) };
        auto &pages { world_.pages };
        switch (random_() % 18) {
        case 0: return input(command(pages, p, GranuleCommand::delegate), !e.delegated, [&] { e.delegated = true; });
        case 1: return input(command(pages, p, GranuleCommand::undelegate), e.free(), [&] { given_back(e); });
        case 2: return input(command(pages, p, GranuleCommand::rtt_create), e.free(), [&] { e.busy = rtt_[p.index()] = true; });
        case 3: return input(command(pages, p, GranuleCommand::rtt_destroy), e.busy && rtt_[p.index()], [&] { e.busy = rtt_[p.index()] = false; });
        case 4: return input(command(pages, p, GranuleCommand::rec_create), e.free(), [&] { e.busy = true; });
        case 5: return input(command(pages, p, GranuleCommand::rec_destroy), e.busy && !rtt_[p.index()], [&] { e.busy = false; });
        case 6: return input(data_create_unknown(pages, p, frame, widest), e.free(), [&] { mapped(e); });
        case 7: return rtt(data_destroy(pages, p, frame, widest), e.mapped, [&] { e.unmap(); });
        case 8: return rtt(map_unprotected(pages, p, widest.alias_of(frame), widest), !e.alias, [&] { e.alias = true; });
        case 9: return rtt(unmap_unprotected(pages, p, widest.alias_of(frame), widest), e.alias, [&] { e.alias = false; });
        case 10: return change_ripas(p, e);
        case 11: return use_private(p, e);
        case 12: return convert(p, e);
        case 13: return memslot_goes(p, e);
        case 14: return reclaim(p, e);
        case 15: return host_write(p, e);
        case 16: return guest_write(p, e);
        default: return elsewhere(p, e);
        }
    }

    void check(PageNo p)
    {
        using What = GuestVerdict::What;
        auto const &e { expected_[p.index()] };
        auto const &r { world_.pages.record(p) };
        ASSERT_EQ(side.audit(r), nullptr);
        ASSERT_EQ(side.held(r), e.delegated);
        ASSERT_EQ(side.host_access(world_.pages, p, Access::read).allowed(), !e.delegated);
        auto const guest { side.guest_access(world_.pages, p, World::frame_of(p), Side::private_, Access::write).what };
        ASSERT_EQ(guest, e.promise == Expected::Promise::nothing ? What::guest_exception : e.promise == Expected::Promise::lost ? What::memory_fault
                : e.mapped                                       ? What::plain
                                                                 : What::retry);
        ASSERT_EQ(side.guest_access(world_.pages, p, World::frame_of(p), Side::shared, Access::write).what, e.delegated ? What::memory_fault : What::plain);
        ASSERT_FALSE(guest == What::plain && !e.delegated) << "two may use the page";
        ASSERT_FALSE(e.secret && !e.delegated) << "the host reads what the realm wrote";
        if (e.value != noise)
            ASSERT_EQ(world_.value(p), e.value);
        else
            ASSERT_EQ(world_.value(p), -1) << "noise that looks like something";
    }
    void check_all()
    {
        for (std::uint64_t i { 0 }; i < page_count; ++i)
            check(PageNo { i });
    }
    PageNo last() const { return last_; }

private:
    template <typename Then>
    static void input(RmiResult got, bool legal, Then &&then)
    {
        ASSERT_EQ(got, legal ? rmi_success : rmi_error_input);
        if (legal)
            then();
    }
    template <typename Then>
    static void rtt(RmiResult got, bool legal, Then &&then)
    {
        ASSERT_EQ(got, legal ? rmi_success : rmi_error_rtt);
        if (legal)
            then();
    }
    static void mapped(Expected &e) { e.mapped = true, e.value = 0, e.secret = false; }
    void given_back(Expected &e)
    {
        e.delegated = e.secret = false;
        e.value = world_.vm->options.cca_wiped == CcaWiped::zeros ? 0 : noise;
    }
    // KVM takes the page back, whatever it is.
    void taken(PageNo p, Expected &e)
    {
        if (e.busy) { // leaked
            e = {};
            rtt_[p.index()] = false;
        } else if (e.delegated) {
            if (e.mapped)
                e.unmap();
            given_back(e);
        }
    }

    void change_ripas(PageNo p, Expected &e)
    {
        using Promise = Expected::Promise;
        Rec rec { widest };
        auto const frame { World::frame_of(p) };
        auto const ram { random_() % 2 == 0 };
        auto const destroyed_too { random_() % 2 == 0 };
        ASSERT_EQ(rec.ipa_state_set({ frame, frame + 1, ram ? Ripas::ram : Ripas::empty, destroyed_too }), Rsi::success);
        auto const agrees { random_() % 4 != 0 };
        auto const possible { e.promise != Promise::lost || destroyed_too };
        if (agrees)
            rtt(rec.set_ripas(world_.pages, p, frame, frame + 1), possible, [&] { e.promise = ram ? Promise::memory : Promise::nothing; });
        auto const answer { rec.enter(!agrees) };
        ASSERT_EQ(answer.progress, frame + (agrees && possible));
        ASSERT_EQ(answer.rejected, !agrees && ram);
    }
    void use_private(PageNo p, Expected &e)
    {
        auto const s { side.make_private(world_.pages, p, World::frame_of(p)) };
        ASSERT_EQ(s ? 0 : s.error().err, e.busy ? ENXIO : 0);
        if (!e.busy && !e.mapped)
            e.delegated = true, mapped(e);
        if (random_() % 2) {
            side.accept(world_.pages, p, World::frame_of(p));
            e.promise = Expected::Promise::memory;
        }
    }
    void convert(PageNo p, Expected &e)
    {
        side.make_shared(world_.pages, PageRange::one(p));
        taken(p, e);
    }
    void memslot_goes(PageNo p, Expected &e)
    {
        side.unmap(world_.pages, p, World::frame_of(p));
        e.alias = false;
        if (e.mapped)
            taken(p, e);
    }
    void reclaim(PageNo p, Expected &e)
    {
        side.reclaim(world_.pages, PageRange::one(p));
        taken(p, e);
    }
    void host_write(PageNo p, Expected &e)
    {
        if (!side.host_access(world_.pages, p, Access::write).allowed())
            return;
        e.value = static_cast<int>(1 + random_() % 127);
        world_.write(p, static_cast<unsigned char>(e.value));
    }
    void guest_write(PageNo p, Expected &e)
    {
        if (side.guest_access(world_.pages, p, World::frame_of(p), Side::private_, Access::write).what != GuestVerdict::What::plain)
            return;
        e.value = static_cast<int>(128 + random_() % 128), e.secret = true;
        world_.write(p, static_cast<unsigned char>(e.value));
    }
    // A mapped page is nowhere else, and no command takes it there.
    void elsewhere(PageNo p, Expected &e)
    {
        if (!e.mapped)
            return;
        auto const other { World::frame_of(p) + page_count };
        auto const s { side.make_private(world_.pages, p, other) };
        ASSERT_EQ(s ? 0 : s.error().err, ENXIO);
        side.accept(world_.pages, p, other);
        side.unmap(world_.pages, p, other);
        ASSERT_EQ(data_destroy(world_.pages, p, other, widest), rmi_error_rtt);
        ASSERT_EQ(map_unprotected(world_.pages, p, widest.alias_of(other), widest), rmi_error_rtt);
    }

    World world_;
    std::mt19937_64 random_;
    Expected expected_[page_count];
    bool rtt_[page_count] {}; // of busy granules: a table, not a REC
    PageNo last_ { 0 };
};

unsigned long steps()
{
    auto const *const s { std::getenv("GMEM_WALK_STEPS") };
    return s ? std::strtoul(s, nullptr, 10) : 1'000'000;
}

void walk(Options o)
{
    Walk w { 20260624, o };
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

TEST(Walk, WipedToZeros) { walk({}); }
TEST(Walk, WipedToNoise) { walk({ .cca_wiped = CcaWiped::noise }); }
