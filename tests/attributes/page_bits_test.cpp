// PageBits against the dumbest model: a vector of bool. After every operation all answers agree and the audit is clean.

#include "attributes/attribute_map.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <rapidcheck/gtest.h>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <vector>

using namespace gmem;

namespace {

// Memory that faults wherever it was not made resident: a set() that dirties an unstaged page dies on the spot.
class Guarded final {
public:
    explicit Guarded(PageNo pages) : layout_ { PageBits::layout(pages) }, base_ { static_cast<std::byte *>(mmap(nullptr, layout_.total_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) }
    {
        make_resident(0, layout_.eager_bytes);
    }
    ~Guarded() { munmap(base_, layout_.total_bytes); }
    Guarded(Guarded const &) = delete;

    bool make_resident(std::size_t offset, std::size_t length)
    {
        if (failures_left == 0)
            return false;
        --failures_left;
        ++calls;
        return mprotect(base_ + offset, length, PROT_READ | PROT_WRITE) == 0;
    }
    std::byte *base() const { return base_; }
    long failures_left { -1 }; // -1: never fails
    int calls { 0 };

private:
    PageBitsLayout layout_;
    std::byte *base_;
};

class World final {
public:
    explicit World(std::uint64_t pages) : memory_ { PageNo { pages } }, bits_ { memory_.base(), PageNo { pages } }, model_(pages) {}

    void set(std::uint64_t first, std::uint64_t last, bool value)
    {
        auto const r { *PageRange::make(PageNo { first }, PageNo { last }) };
        ASSERT_TRUE(bits_.stage(r, [this](std::size_t o, std::size_t n) { return memory_.make_resident(o, n); }));
        bits_.set(r, value);
        std::fill(model_.begin() + static_cast<long>(first), model_.begin() + static_cast<long>(last), value);
        ASSERT_EQ(bits_.audit(), nullptr) << bits_.audit();
    }
    // All of [from, to) and the questions about it.
    void compare(std::uint64_t from, std::uint64_t to) const
    {
        for (auto p { from }; p < to; ++p)
            ASSERT_EQ(bits_.test(PageNo { p }), model_[p]) << p;
        for (bool value : { false, true }) {
            auto const r { *PageRange::make(PageNo { from }, PageNo { to }) };
            auto const begin { model_.begin() + static_cast<long>(from) }, end { model_.begin() + static_cast<long>(to) };
            auto const first { std::find(begin, end, value) };
            auto const got { bits_.first_with(r, value) };
            ASSERT_EQ(got.has_value(), first != end);
            if (got) {
                ASSERT_EQ(got->index(), from + static_cast<std::uint64_t>(first - begin));
                auto const run { bits_.next_run(PageNo { from }, PageNo { to }, value) };
                ASSERT_EQ(run->first(), *got);
                ASSERT_EQ(run->last().index(), from + static_cast<std::uint64_t>(std::find(first, end, !value) - begin));
            }
            ASSERT_EQ(bits_.count(r, value), static_cast<std::uint64_t>(std::count(begin, end, value)));
        }
    }
    std::uint64_t pages() const { return model_.size(); }
    PageBits &bits() { return bits_; }
    Guarded &memory() { return memory_; }

private:
    Guarded memory_;
    PageBits bits_;
    std::vector<bool> model_;
};

} // namespace

RC_GTEST_PROP(PageBits, AgreesWithTheModelOnSmallFiles, ())
{
    World w { *rc::gen::inRange<std::uint64_t>(1, 3000) };
    auto const rounds { *rc::gen::inRange(1, 30) };
    for (int i { 0 }; i < rounds; ++i) {
        auto const first { *rc::gen::inRange<std::uint64_t>(0, w.pages()) };
        auto const last { *rc::gen::inRange<std::uint64_t>(first + 1, w.pages() + 1) };
        w.set(first, last, *rc::gen::arbitrary<bool>());
        if (::testing::Test::HasFatalFailure())
            RC_FAIL("audit");
    }
    w.compare(0, w.pages());
    RC_ASSERT(!::testing::Test::HasFatalFailure());
}

RC_GTEST_PROP(PageBits, AgreesWithTheModelAroundGigabytes, ())
{
    World w { 2 * pages_per_giga + 700 };
    auto const near { [&] {
        std::uint64_t const edges[] { 0, pages_per_mega, pages_per_giga, pages_per_giga + pages_per_mega, 2 * pages_per_giga, w.pages() };
        auto const edge { edges[*rc::gen::inRange(0, 6)] };
        auto const shift { *rc::gen::inRange<std::int64_t>(-70, 71) };
        auto const at { static_cast<std::int64_t>(edge) + shift };
        return static_cast<std::uint64_t>(std::clamp<std::int64_t>(at, 0, static_cast<std::int64_t>(w.pages())));
    } };
    for (int i { 0 }; i < 12; ++i) {
        auto const a { near() }, b { near() };
        if (a != b)
            w.set(std::min(a, b), std::max(a, b), *rc::gen::arbitrary<bool>());
    }
    w.compare(0, 1200);
    w.compare(pages_per_giga - 1200, pages_per_giga + 1200);
    w.compare(2 * pages_per_giga - 600, w.pages());
    RC_ASSERT(!::testing::Test::HasFatalFailure());
}

TEST(PageBits, EverySmallWorld)
{
    // All pairs of ranges around the end of a word, for each pair of values.
    for (std::uint64_t a { 60 }; a < 68; ++a)
        for (std::uint64_t b { a + 1 }; b < 69; ++b)
            for (std::uint64_t c { 60 }; c < 68; ++c)
                for (std::uint64_t d { c + 1 }; d < 69; ++d)
                    for (int values { 0 }; values < 4; ++values) {
                        World w { 70 };
                        w.set(a, b, values & 1);
                        w.set(c, d, values & 2);
                        w.compare(0, 70);
                        ASSERT_FALSE(HasFatalFailure());
                    }
}

TEST(PageBits, FoldsBackToOneEntry)
{
    World w { pages_per_giga };
    w.set(5, 6, true);
    w.set(5, 6, false);
    char text[64];
    Text out { text };
    w.bits().dump(out, 'S', 'P');
    EXPECT_STREQ(text, "0-262144:S");
    for (std::uint64_t p { 0 }; p < pages_per_giga; p += 1024)
        w.set(p, p + 1024, true);
    EXPECT_EQ(w.bits().count(*PageRange::make(PageNo { 0 }, PageNo { pages_per_giga }), true), pages_per_giga);
}

TEST(PageBits, StagingAsksOnlyOnceAndOnlyForTheEnds)
{
    World w { 64 * pages_per_giga };
    auto const calls { [&] { return w.memory().calls; } };
    auto const at_start { calls() };
    w.set(0, 32 * pages_per_giga, true); // whole gigabytes: nothing below
    EXPECT_EQ(calls(), at_start);
    w.set(100, 101, false);
    EXPECT_EQ(calls(), at_start + 2);
    w.set(101, 102, false);
    EXPECT_EQ(calls(), at_start + 2);
}

TEST(PageBits, AFailedStageChangesNothing)
{
    for (int n { 0 }; n < 3; ++n) { // bits of the first end, megas of both, bits of the last
        World w { 3 * pages_per_giga };
        w.memory().failures_left = n;
        auto const r { *PageRange::make(PageNo { 100 }, PageNo { 2 * pages_per_giga + 100 }) };
        EXPECT_FALSE(w.bits().stage(r, [&](std::size_t o, std::size_t l) { return w.memory().make_resident(o, l); }));
        EXPECT_FALSE(w.bits().first_with(*PageRange::make(PageNo { 0 }, PageNo { 3 * pages_per_giga }), true));
        w.memory().failures_left = -1;
        w.set(100, 2 * pages_per_giga + 100, true);
        w.compare(0, 200);
    }
}

TEST(AttributeMap, LiteralCases)
{
    Guarded memory { PageNo { 8 } };
    AttributeMap m { memory.base(), PageNo { 8 } };
    m.initialise(Attribute::shared);
    auto const r { *PageRange::make(PageNo { 3 }, PageNo { 5 }) };
    ASSERT_TRUE(m.stage(r, [&](std::size_t o, std::size_t n) { return memory.make_resident(o, n); }));
    m.commit(r, Attribute::private_);
    char text[64];
    Text out { text };
    m.dump(out);
    EXPECT_STREQ(text, "0-3:S 3-5:P 5-8:S");
    auto const all { *PageRange::make(PageNo { 0 }, PageNo { 8 }) };
    EXPECT_EQ(m.first_differing(all, Attribute::shared), PageNo { 3 });
    EXPECT_EQ(m.first_differing(*PageRange::make(PageNo { 4 }, PageNo { 8 }), Attribute::shared), PageNo { 4 });
    EXPECT_EQ(m.first_differing(r, Attribute::private_), std::nullopt);
    EXPECT_EQ(m.count(Attribute::private_), 2u);
}

TEST(PageBits, OneWriterManyReaders)
{
    // Page 7 never changes; page 8 changes together with a page of the far end, through every era of the summaries.
    World w { pages_per_giga + 8 };
    w.set(7, 8, true);
    std::atomic<bool> stop { false };
    std::thread reader { [&] {
        while (!stop)
            ASSERT_TRUE(w.bits().test(PageNo { 7 }));
    } };
    for (int i { 0 }; i < 3000; ++i) {
        w.set(8, pages_per_giga + 8, i % 2);
        w.set(0, 7, i % 2);
        w.set(8, 9, i % 3);
    }
    stop = true;
    reader.join();
}

TEST(PageBits, TheLargestLayoutDoesNotOverflow)
{
    constexpr PageNo most { (std::uint64_t { 64 } << 40) >> page_bits };
    auto const l { PageBits::layout(most) };
    EXPECT_LT(l.eager_bytes, 256u * 1024);
    EXPECT_GT(l.total_bytes, l.bits_at);
}
