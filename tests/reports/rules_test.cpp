// What is told of which events, where no program is needed to make them: events are written to a log by hand, and read as gmem run reads them.

#include "cli/reports/follower.hpp"
#include "cli/reports/rules.hpp"
#include "cli/reports/suppressions.hpp"
#include "observe/log.hpp"

#include <cerrno>
#include <gtest/gtest.h>

namespace gmem::cli::reports {
namespace {

using observe::Event;

constexpr std::uint64_t file { 41 }, page { 4096 };

class RulesTest : public testing::Test {
protected:
    RulesTest() : memory_(observe::bytes_of_log(slots) / sizeof(std::uint64_t))
    {
        auto *const begin { reinterpret_cast<std::byte *>(memory_.data()) };
        observe::Log::create(begin, observe::Keep::latest, slots, 0, 0);
        observe::Log::use(begin);
    }
    ~RulesTest() override { observe::Log::use_nothing(); }

    observe::EventNo happens(Event e)
    {
        e.time = ++time_;
        e.process = e.thread = 7;
        e.file = e.kind == observe::Kind::process ? 0 : file;
        return observe::Log::append(e);
    }
    void created(std::uint64_t flags = 1, std::uint64_t tracker = 0) { happens({ .kind = observe::Kind::create, .more = { flags, 0, 1, 0, 0, tracker } }); }
    void converted(std::uint64_t first, bool to_private, int error = 0, std::uint64_t why = 0)
    {
        happens({ .kind = observe::Kind::convert, .detail = to_private, .result = -error, .offset = first * page, .size = page, .at = error ? first * page : 0, .more = { 0, 0, 0, why } });
    }
    void mapped(std::uint64_t hva, std::uint64_t offset, observe::Kind k = observe::Kind::map) { happens({ .kind = k, .offset = offset, .size = 16 * page, .more = { hva } }); }
    void bound(std::uint64_t hva, std::uint64_t offset) { happens({ .kind = observe::Kind::bind, .offset = offset, .size = 4 * page, .more = { 1, 0, 0x100000, 0, hva } }); }
    observe::EventNo touched(std::uint64_t offset, std::uint16_t place = 0, bool handled = false)
    {
        return happens({ .kind = observe::Kind::access, .value = place, .offset = offset, .size = 1, .more = { 0x1000, 0, 0, handled } });
    }

    std::vector<Report> read(bool handled = false, std::function<void()> const &meanwhile = [] {})
    {
        std::vector<Report> told;
        auto const log { std::move(observe::LogReader::open({ reinterpret_cast<std::byte const *>(memory_.data()), memory_.size() * sizeof(std::uint64_t) })).take() };
        Processes processes;
        Rules rules { { handled }, processes, [&told](Report const &r) { told.push_back(r); return told.size() - 1; }, [](std::size_t) {} };
        Follower follower { log };
        follower.catch_up([&](observe::EventNo n, Event const &e, std::vector<std::byte> const &behind) {
            processes.see(n, e, behind);
            rules.see(n, e);
        });
        meanwhile();
        rules.settle(log);
        return told;
    }

    static constexpr std::uint64_t slots { 1024 };
    std::vector<std::uint64_t> memory_;
    std::uint64_t time_ { 0 };
};

std::uint64_t fact(Report const &r, std::string_view name)
{
    for (auto const &f : r.facts)
        if (f.name == name)
            return f.value;
    return ~std::uint64_t { 0 };
}

TEST_F(RulesTest, AnAccessIsToldWithThePastOfItsPage)
{
    created();
    bound(0, 0);
    converted(1, true);
    converted(2, true);
    touched(page + 8);
    auto const told { read() };
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].kind, Kind::private_access);
    EXPECT_EQ(fact(told[0], "offset"), page + 8);
    EXPECT_EQ(fact(told[0], "gpa"), 0x100000 + page + 8);
    EXPECT_EQ(fact(told[0], "private_for_nanoseconds"), 2u);
    EXPECT_TRUE(told[0].headline.ends_with(" read a private page")) << told[0].headline; // its instruction is not to be had
    EXPECT_EQ(fact(told[0], "access_size"), ~std::uint64_t { 0 });
    EXPECT_EQ(told[0].history.size(), 3u); // bound, converted, touched: not the other page's
    ASSERT_EQ(told[0].stacks.size(), 2u);
    EXPECT_NE(told[0].stacks[1].title.find("[0x1000, 0x2000)"), std::string::npos);
}

// What came after it was read with it.
TEST_F(RulesTest, AnAccessIsToldAsThingsStoodThen)
{
    created();
    bound(0, 0);
    converted(1, true);
    touched(page + 8);
    converted(1, false);
    happens({ .kind = observe::Kind::unbind, .offset = 0, .size = 4 * page, .more = { 1, 0, 0x100000, 0 } });
    auto const told { read() };
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(fact(told[0], "gpa"), 0x100000 + page + 8);
    EXPECT_EQ(told[0].history.size(), 3u); // bound, converted, touched
    ASSERT_EQ(told[0].stacks.size(), 2u);
    EXPECT_NE(told[0].stacks[1].title.find("made private"), std::string::npos);
}

TEST_F(RulesTest, WhatIsPastTheEndOrHandledOrTakenBackIsNotTold)
{
    created();
    touched(0, 1);
    touched(0, 2);
    touched(0, 0, true);
    observe::LogHeader &h { *observe::Log::header() };
    auto const n { raw(touched(0)) };
    auto &state { reinterpret_cast<observe::Slot *>(reinterpret_cast<std::byte *>(&h) + observe::slots_at)[n].state };
    state.store(observe::state_of(n, observe::Content::bytes));
    EXPECT_TRUE(read().empty());
    EXPECT_EQ(read(true).size(), 1u);
    state.store(observe::state_of(n, observe::Content::event));
    EXPECT_EQ(read().size(), 1u);
    EXPECT_TRUE(read(false, [&] { state.store(observe::state_of(n, observe::Content::bytes)); }).empty()); // after it was read
}

// Pages of a step that stopped in the middle are in the launch all the same; those that the firmware fills in are nobody's to write.
TEST_F(RulesTest, UnwrittenPagesOfALaunchAreToldAlsoWhereAStepFailed)
{
    using Step = observe::LaunchStep;
    auto const launched { [this](Step step, std::uint64_t page_type, std::uint64_t untouched, int error) {
        happens({ .kind = observe::Kind::launch, .detail = static_cast<std::uint8_t>(step), .result = -error, .size = 3 * page, .more = { 0, 0, page_type, 1, untouched } });
        return read().size();
    } };
    created();
    EXPECT_EQ(launched(Step::tdx_init_mem_region, 0, 0, 0), 0u);
    EXPECT_EQ(launched(Step::tdx_init_mem_region, 0, 2, EINVAL), 1u);
    EXPECT_EQ(launched(Step::snp_update, 3, 2, 0), 1u); // zero pages
    EXPECT_EQ(launched(Step::snp_update, 1, 2, 0), 2u);
    EXPECT_EQ(launched(Step::realm_populate, 0, 1, 0), 3u);
    EXPECT_EQ(launched(Step::other, 1, 1, 0), 3u);
}

TEST_F(RulesTest, TheLaterConversionOfAPartIsThePartsOrigin)
{
    created();
    happens({ .kind = observe::Kind::convert, .detail = 1, .offset = 0, .size = 8 * page });
    converted(3, false);
    converted(3, true);
    touched(3 * page);
    touched(4 * page);
    touched(2 * page);
    auto const told { read() };
    ASSERT_EQ(told.size(), 3u);
    EXPECT_NE(told[0].stacks[1].title.find("[0x3000, 0x4000)"), std::string::npos);
    EXPECT_NE(told[1].stacks[1].title.find("[0x0, 0x8000)"), std::string::npos);
    EXPECT_NE(told[2].stacks[1].title.find("[0x0, 0x8000)"), std::string::npos);
}

TEST_F(RulesTest, AConversionThatReachesIntoAnOlderOneLeavesTheRestToIt)
{
    created();
    happens({ .kind = observe::Kind::convert, .detail = 1, .offset = 2 * page, .size = 4 * page });
    happens({ .kind = observe::Kind::convert, .detail = 1, .offset = 0, .size = 4 * page });
    touched(3 * page);
    touched(5 * page);
    touched(6 * page); // nobody converted it
    auto const told { read() };
    ASSERT_EQ(told.size(), 3u);
    EXPECT_NE(told[0].stacks[1].title.find("[0x0, 0x4000)"), std::string::npos);
    EXPECT_NE(told[1].stacks[1].title.find("[0x2000, 0x6000)"), std::string::npos);
    EXPECT_NE(told[2].stacks[1].title.find("not known"), std::string::npos);
}

TEST_F(RulesTest, OnlyAPinThatIsHeldAndOnThatPageIsToldOf)
{
    created();
    constexpr auto in_use { static_cast<std::uint64_t>(Why::page_in_use) };
    happens({ .kind = observe::Kind::pin, .detail = 4, .offset = page, .size = page, .more = { 9 } });
    converted(2, true, EAGAIN, in_use); // a process that does not answer
    EXPECT_TRUE(read().empty());
    converted(1, true, EAGAIN, in_use);
    ASSERT_EQ(read().size(), 1u);
    EXPECT_EQ(read()[0].kind, Kind::pinned_conversion);
    happens({ .kind = observe::Kind::unpin, .detail = 4, .offset = page, .size = page, .more = { 9 } });
    converted(1, true, EAGAIN, in_use);
    EXPECT_EQ(read().size(), 1u);
}

TEST_F(RulesTest, WhatThePlatformWouldNotSurviveIsTold)
{
    created();
    happens({ .kind = observe::Kind::host_access, .detail = 1, .value = 3, .result = -EFAULT, .offset = 3 * page, .size = page });
    auto const told { read() };
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].kind, Kind::host_kernel_access);
    EXPECT_NE(told[0].headline.find("the host kernel would have crashed: the host writes to page 3"), std::string::npos);
}

TEST_F(RulesTest, AUserspaceAddrMustShowTheSameBytes)
{
    created();
    mapped(0x10000, 0);
    bound(0x10000, 0);
    bound(0x12000, 2 * page);
    bound(0, page);
    EXPECT_TRUE(read().empty());
    bound(0x12000, page);
    EXPECT_EQ(read().size(), 1u);
    mapped(0x10000, 0, observe::Kind::unmap);
    bound(0x10000, 0);
    EXPECT_EQ(read().size(), 2u);
}

TEST_F(RulesTest, TwoSourcesOfMemoryAreNotForeign)
{
    created(0);
    bound(0x10000, 0);
    created(1, 1);
    bound(0x10000, 0);
    EXPECT_TRUE(read().empty());
}

TEST_F(RulesTest, PingPongIsOftenInAShortTime)
{
    created();
    for (unsigned i { 0 }; i < ping_pong_changes - 1; ++i)
        converted(1, i % 2 == 0);
    EXPECT_TRUE(read().empty());
    time_ += ping_pong_nanoseconds;
    converted(1, false);
    EXPECT_TRUE(read().empty());
    for (unsigned i { 0 }; i < ping_pong_changes - 1; ++i)
        converted(1, i % 2 == 0);
    ASSERT_EQ(read().size(), 1u);
    EXPECT_EQ(read()[0].kind, Kind::ping_pong);
}

TEST(Suppressions, MatchANameAndAFrame)
{
    Suppressions s;
    std::string complaint;
    ASSERT_TRUE(s.add_line("# nothing", complaint) && s.add_line("", complaint) && s.add_line("private-* function=load* file=*/a.c", complaint));
    EXPECT_FALSE(s.add_line("private-nothing", complaint) || s.add_line("ping-pong line=3", complaint) || s.add_line("ping-pong file=", complaint));
    Report r;
    r.stacks.push_back({ .frames = { { .function = "load_it", .file = "/src/b.c" }, { .function = "main", .file = "/src/a.c" } } });
    EXPECT_FALSE(s.apply_to(r)); // no one frame is both
    r.stacks[0].frames[0].file = "/src/a.c";
    EXPECT_TRUE(s.apply_to(r));
    r.kind = Kind::ping_pong;
    EXPECT_FALSE(s.apply_to(r));
}

} // namespace
} // namespace gmem::cli::reports
