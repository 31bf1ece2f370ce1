// ExtentMap against the dumbest model: a state for each extent, a bool for each page.

#include "attributes/extent_map.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <sys/mman.h>
#include <vector>

using namespace gmem;
using State = ExtentMap::State;

namespace {

// Memory that faults wherever it was not made resident.
struct World final {
    explicit World(std::uint64_t n) : pages { n }, size { ExtentMap::total_bytes(PageNo { n }) }, base { static_cast<std::byte *>(mmap(nullptr, size + page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) }, map { base, PageNo { n } }, states(n / 512), held(n)
    {
        EXPECT_TRUE(ExtentMap::reserve_eager(PageNo { n }, [this](std::size_t o, std::size_t l) { return resident(o, l); }));
    }
    ~World() { munmap(base, size + page_size); }
    World(World const &) = delete;

    bool resident(std::size_t offset, std::size_t length) { return length == 0 || mprotect(base + offset, length, PROT_READ | PROT_WRITE) == 0; }
    void stage(PageRange r) { ASSERT_TRUE(map.stage(r, [this](std::size_t o, std::size_t l) { return resident(o, l); })); }
    State state(std::uint64_t p) const { return p / 512 < states.size() ? states[p / 512] : State::small; }

    void compare() const
    {
        ASSERT_EQ(map.audit(), nullptr) << map.audit();
        std::uint64_t held_pages { 0 }, huge { 0 };
        for (std::uint64_t p { 0 }; p < pages; ++p) {
            ASSERT_EQ(map.at(PageNo { p }), state(p)) << p;
            ASSERT_EQ(map.held(PageNo { p }), held[p]) << p;
            held_pages += held[p];
        }
        for (auto const s : states)
            huge += s == State::huge;
        ASSERT_EQ(map.held_pages(), held_pages);
        ASSERT_EQ(map.huge_extents(), huge);
    }
    // The run that begins at or after `from`, by walking.
    template <typename Is>
    std::optional<PageRange> walk(std::uint64_t from, std::uint64_t limit, Is &&is) const
    {
        while (from < limit && !is(from))
            ++from;
        auto end { from };
        while (end < limit && is(end))
            ++end;
        return PageRange::make(PageNo { from }, PageNo { end });
    }

    std::uint64_t pages;
    std::size_t size;
    std::byte *base;
    ExtentMap map;
    std::vector<State> states;
    std::vector<bool> held;
};

} // namespace

TEST(ExtentMap, AgreesWithTheModel)
{
    for (std::uint64_t pages : { 1ul, 511ul, 512ul, 5 * 512ul, 7 * 512 + 100ul }) {
        World w { pages };
        std::mt19937 random { 20261121 };
        auto const below { [&random](std::uint64_t n) { return random() % n; } };
        for (int step { 0 }; step < 300; ++step) {
            auto const from { below(pages) }, limit { from + 1 + below(pages - from) };
            EXPECT_EQ(w.map.next_settled(PageNo { from }, PageNo { limit }, true), w.walk(from, limit, [&](auto p) { return w.state(p) != State::unsettled; }));
            EXPECT_EQ(w.map.next_settled(PageNo { from }, PageNo { limit }, false), w.walk(from, limit, [&](auto p) { return w.state(p) == State::unsettled; }));
            EXPECT_EQ(w.map.next_huge(PageNo { from }, PageNo { limit }), w.walk(from, limit, [&](auto p) { return p / 512 < w.states.size() && w.state(p) == State::huge; }));
            if (w.states.empty())
                continue;
            auto const n { below(w.states.size()) };
            ExtentNo const e { n };
            auto const all { ExtentMap::pages_of(e) };
            switch (w.states[n]) {
            case State::unsettled:
                w.stage(all);
                w.states[n] = below(3) ? State::huge : State::small;
                w.map.settle(e, w.states[n]);
                break;
            case State::huge: {
                auto const first { below(512) }, last { first + 1 + below(512 - first) };
                auto const part { *PageRange::make(PageNo { n * 512 + first }, PageNo { n * 512 + last }) };
                w.stage(part);
                bool const hold { below(2) == 0 };
                hold ? w.map.hold(part) : w.map.release(part);
                std::fill(w.held.begin() + static_cast<long>(part.first().index()), w.held.begin() + static_cast<long>(part.last().index()), hold);
                bool const whole { std::find(w.held.begin() + static_cast<long>(n * 512), w.held.begin() + static_cast<long>(n * 512 + 512), false) == w.held.begin() + static_cast<long>(n * 512 + 512) };
                EXPECT_EQ(w.map.all_held(e), whole);
                if (below(4))
                    break;
                [[fallthrough]];
            }
            case State::small:
                w.map.unsettle(e);
                w.states[n] = State::unsettled;
                std::fill(w.held.begin() + static_cast<long>(n * 512), w.held.begin() + static_cast<long>(n * 512 + 512), false);
                break;
            }
            w.compare();
        }
    }
}

TEST(ExtentMap, AuditNamesTheBrokenInvariant)
{
    World w { 2 * 512 };
    w.stage(*PageRange::make(PageNo { 3 }, PageNo { 5 }));
    w.map.hold(*PageRange::make(PageNo { 3 }, PageNo { 5 })); // in an extent that is not huge
    ASSERT_NE(w.map.audit(), nullptr);
    EXPECT_EQ(w.map.audit()[1], '2');
}
