// --inject below the command line: which calls a rule strikes, at which page, and that the words which are printed at the end say the same rules again.

#include "cli/inject_words.hpp"
#include "observe/inject.hpp"
#include "tests/observe/session_log.hpp"

#include <atomic>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace gmem;
using namespace gmem::observe;
using namespace gmem::test;

namespace {

constexpr std::uint64_t page { 4096 };

// A session with these words of --inject.
class Injected final {
public:
    explicit Injected(std::vector<std::string> const &words)
    {
        EXPECT_EQ(cli::read_injections(words, faults()), "");
        Inject::use(*Log::header());
    }
    ~Injected() { Inject::use_nothing(); }
    Injected(Injected const &) = delete;

    Faults &faults() const { return faults_of(*Log::header()); }
    SessionLog const &log() const { return log_; }

    // Of `calls` calls alike, the numbers of those that were struck.
    std::vector<unsigned> strikes(unsigned calls, Fault f = Fault::eagain, Target t = { Call::convert, 1, 0, 16 * page })
    {
        std::vector<unsigned> struck;
        for (unsigned n { 1 }; n <= calls; ++n)
            if (Inject::at(f, t))
                struck.push_back(n);
        return struck;
    }

private:
    SessionLog log_;
};

using Numbers = std::vector<unsigned>;

Numbers struck_by(std::vector<std::string> const &words, unsigned calls) { return Injected { words }.strikes(calls); }

} // namespace

TEST(Faults, NthEveryAndTimes)
{
    EXPECT_EQ(struck_by({ "eagain:nth=3" }, 9), (Numbers { 3 }));
    EXPECT_EQ(struck_by({ "eagain:every=3" }, 9), (Numbers { 3, 6, 9 }));
    EXPECT_EQ(struck_by({ "eagain:every=3,times=2" }, 20), (Numbers { 3, 6 }));
    EXPECT_EQ(struck_by({ "eagain:times=2" }, 5), (Numbers { 1, 2 }));
    EXPECT_EQ(struck_by({ "eagain" }, 3), (Numbers { 1, 2, 3 }));
    EXPECT_EQ(struck_by({ "enomem" }, 3), Numbers {}); // another fault's rule
    EXPECT_EQ(struck_by({}, 3), Numbers {});
}

// Each rule counts all calls, also those that a rule before it strikes; one call is struck once.
TEST(Faults, RulesCountForThemselves)
{
    Injected session { { "eagain:nth=2", "eagain:nth=3", "eagain:nth=2", "enomem:nth=2" } };
    EXPECT_EQ(session.strikes(5), (Numbers { 2, 3 }));
    for (std::uint64_t rule { 0 }; rule < 3; ++rule) {
        EXPECT_EQ(session.faults().rules[rule].seen, 5u);
        EXPECT_EQ(session.faults().rules[rule].struck, rule < 2 ? 1u : 0u);
    }
    EXPECT_EQ(session.faults().rules[3].seen, 0u);
    EXPECT_EQ(session.strikes(4, Fault::enomem), (Numbers { 2 }));
}

TEST(Faults, AShareStrikesAboutThatShare)
{
    for (unsigned const percent : { 1u, 10u, 50u, 90u }) {
        auto const n { struck_by({ "seed=1", "eagain:share=" + std::to_string(percent) + "%" }, 20000).size() };
        EXPECT_NEAR(static_cast<double>(n), percent * 200.0, 300.0) << percent; // more than four standard deviations
    }
    EXPECT_EQ(struck_by({ "seed=1", "eagain:share=100%" }, 1000).size(), 1000u);
}

TEST(Faults, ASeedRepeatsExactlyAndAnotherDoesNot)
{
    auto const pages { [](char const *seed) {
        Injected session { { seed, "eagain:share=30%", "poison:share=0.3" } };
        std::vector<std::uint64_t> all;
        for (unsigned i { 0 }; i < 300; ++i)
            for (auto const f : { Fault::eagain, Fault::poison })
                if (auto const struck { Inject::at(f, { Call::convert, 1, 0, 64 * page }) })
                    all.push_back(i << 16 | struck->page / page);
        return all;
    } };
    auto const once { pages("seed=7") };
    EXPECT_GT(once.size(), 100u);
    EXPECT_EQ(once, pages("seed=7"));
    EXPECT_NE(once, pages("seed=8"));
}

// Two rules with the same seed are not struck by the same calls.
TEST(Faults, RulesHaveChancesOfTheirOwn)
{
    Injected session { { "seed=5", "eagain:share=50%", "enomem:share=50%" } };
    EXPECT_NE(session.strikes(64), session.strikes(64, Fault::enomem));
}

TEST(Faults, AnotherCallOrFileRangeIsNotCounted)
{
    Injected session { { "enomem:nth=1,call=allocate", "eagain:nth=2,range=0x4000:0x2000" } };
    EXPECT_EQ(session.strikes(3, Fault::enomem), Numbers {});
    EXPECT_EQ(session.strikes(3, Fault::enomem, { Call::allocate, 1, 0, page }), (Numbers { 1 }));
    EXPECT_EQ(session.strikes(3, Fault::eagain, { Call::convert, 1, 0x0, 0x4000 }), Numbers {}); // ends where the range begins
    EXPECT_EQ(session.strikes(3, Fault::eagain, { Call::convert, 1, 0x6000, 0x4000 }), Numbers {});
    EXPECT_EQ(session.faults().rules[1].seen, 0u);
    EXPECT_EQ(session.strikes(3, Fault::eagain, { Call::convert, 1, 0x5000, 0x4000 }), (Numbers { 2 }));
}

// What the program hears of as error_offset: a page of the call that the rule names too, whatever the two have in common.
TEST(Faults, APageIsOneOfTheCallAndOfTheRange)
{
    struct Range final {
        char const *words;
        std::uint64_t begin, end;
    };
    for (auto const &range : { Range { "", 0, 1 << 20 }, Range { ",range=0x4000:0x3000", 0x4000, 0x7000 }, Range { ",range=0x4800:0x100", 0x4800, 0x4900 },
             Range { ",range=0x4800:0x1000", 0x4800, 0x5800 }, Range { ",range=0x4800:0x2900", 0x4800, 0x7100 }, Range { ",range=0x0:0x4001", 0, 0x4001 } }) {
        Injected session { { "seed=3", std::string { "eagain:times=100000" } + range.words } };
        std::set<std::uint64_t> chosen;
        for (std::uint64_t first { 0 }; first < 8; ++first)
            for (std::uint64_t pages { 1 }; pages <= 8; ++pages)
                for (unsigned again { 0 }; again < 40; ++again) {
                    auto const begin { first * page }, end { (first + pages) * page };
                    auto const struck { Inject::at(Fault::eagain, { Call::convert, 1, begin, pages * page }) };
                    ASSERT_EQ(struck.has_value(), begin < range.end && range.begin < end) << range.words;
                    if (!struck)
                        continue;
                    auto const at { struck->page };
                    ASSERT_EQ(at % page, 0u) << range.words;
                    ASSERT_TRUE(begin <= at && at < end) << range.words << " " << at << " of " << begin << " to " << end;
                    ASSERT_TRUE(at < range.end && range.begin < at + page) << range.words << " " << at;
                    chosen.insert(at);
                    // Who goes on from there is never sent back.
                    if (auto const next { Inject::at(Fault::eagain, { Call::convert, 1, at, end - at }) }) {
                        ASSERT_TRUE(next->page >= at && next->page < end) << range.words;
                    }
                }
        std::set<std::uint64_t> all;
        for (std::uint64_t at { 0 }; at < 16 * page; at += page)
            if (at < range.end && range.begin < at + page && at < 15 * page)
                all.insert(at);
        EXPECT_EQ(chosen, all) << range.words; // each page of both can be it
    }
}

// Where not every page can be struck: the chosen one can, and a call that has none is not met.
TEST(Faults, APageIsOneOfThoseThatCanBeStruck)
{
    // Of each eight pages the last two.
    auto const first { [](void const *, std::uint64_t begin, std::uint64_t end) noexcept {
        while (begin < end && begin % 8 < 6)
            ++begin;
        return begin;
    } };
    Injected session { { "seed=9", "eagain" } };
    std::set<std::uint64_t> chosen;
    for (unsigned i { 0 }; i < 200; ++i) {
        auto const struck { Inject::at(Fault::eagain, { Call::convert, 1, page, 19 * page, first, nullptr }) }; // pages 1 to 19
        ASSERT_TRUE(struck.has_value());
        chosen.insert(struck->page / page);
    }
    EXPECT_EQ(chosen, (std::set<std::uint64_t> { 6, 7, 14, 15 }));
    EXPECT_FALSE(Inject::at(Fault::eagain, { Call::convert, 1, 8 * page, 6 * page, first, nullptr }));
    EXPECT_EQ(session.faults().rules[0].seen, 200u);
}

TEST(Faults, EachStrikeIsAnEventThatSaysWhich)
{
    Injected session { { "eagain:nth=2,range=0x3000:0x1000" } };
    (void)session.strikes(3, Fault::eagain, { Call::convert, 77, 0x2000, 0x4000 });
    auto const all { session.log().of(Kind::injected) };
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].file, 77u);
    EXPECT_EQ(all[0].offset, 0x2000u);
    EXPECT_EQ(all[0].size, 0x4000u);
    EXPECT_EQ(all[0].at, 0x3000u);
    EXPECT_EQ(all[0].detail, static_cast<std::uint8_t>(Fault::eagain));
    EXPECT_EQ(all[0].more[0], 2u);
}

// Threads and processes count together: whoever comes, the same numbers are struck, and no more than `times`.
TEST(Faults, AllWhoCallCountTogether)
{
    constexpr unsigned each { 2000 }, callers { 4 };
    auto const alone { struck_by({ "seed=11", "eagain:share=20%" }, each * callers).size() };
    for (char const *const words : { "eagain:share=20%", "eagain:share=20%,times=100", "eagain:nth=5000" }) {
        Injected session { { "seed=11", words } };
        std::vector<pid_t> children;
        for (unsigned i { 0 }; i < callers / 2; ++i)
            if (children.push_back(fork()); children.back() == 0) {
                std::thread other { [&] { (void)session.strikes(each); } };
                (void)session.strikes(each);
                other.join();
                _exit(0);
            }
        for (auto const child : children) {
            int status { 0 };
            ASSERT_EQ(waitpid(child, &status, 0), child);
            ASSERT_EQ(status, 0);
        }
        auto const &rule { session.faults().rules[0] };
        EXPECT_EQ(rule.seen, each * callers);
        EXPECT_EQ(rule.struck, rule.nth ? 1u : rule.times ? rule.times : alone) << words;
        std::set<std::uint64_t> numbers;
        for (auto const &e : session.log().of(Kind::injected))
            EXPECT_TRUE(numbers.insert(e.more[0]).second) << "call " << e.more[0] << " was struck twice";
        EXPECT_EQ(numbers.size(), rule.struck) << words;
    }
}

// The words that are printed, read again, are the same rules: to the last bit of a share, and of a seed that was made up.
TEST(Faults, WhatIsPrintedRepeatsTheRules)
{
    for (std::vector<std::string> const &words : {
             std::vector<std::string> { "eagain" },
             { "eagain:share=33.3333333333333%", "eagain:share=0.6666666666666", "poison:share=0.00000003%", "eagain:share=99.99999999%", "eagain:share=12.5%" },
             { "seed=0xffffffffffffffff", "enomem:nth=18446744073709551615,range=0xfffffffffffff000:0xfff", "enomem:call=launch", "enomem:call=allocate,every=7,times=9" },
             { "eintr:nth=2", "cpuid:times=1", "kill:every=2", "delay:ms=60000,range=64K:2M" },
             { "firmware:error=BUSY", "firmware:error=OVERLAP,nth=1", "firmware:error=INVALID_PAGE_STATE", "firmware:error=INVALID_PARAM" },
             { "request", "request:to=shared", "request:to=private,exit=hypercall,share=1%", "request:exit=hypercall,range=0x1000000:0x10000" },
         }) {
        Faults first {}, second {};
        ASSERT_EQ(cli::read_injections(words, first), "");
        auto const lines { cli::told_injections(first) };
        ASSERT_EQ(lines.size(), 1 + first.count);
        std::string_view const begin { "the same again: gmem run " };
        ASSERT_TRUE(std::string_view { lines[0] }.starts_with(begin));
        std::istringstream text { lines[0].substr(begin.size()) };
        std::vector<std::string> again;
        for (std::string option, word; text >> option >> word;) {
            EXPECT_EQ(option, "--inject");
            again.push_back(word);
        }
        ASSERT_EQ(cli::read_injections(again, second), "") << lines[0];
        EXPECT_EQ(first.seed, second.seed) << lines[0];
        ASSERT_EQ(first.count, second.count) << lines[0];
        for (std::uint64_t i { 0 }; i < first.count; ++i) {
            auto const &a { first.rules[i] }, &b { second.rules[i] };
            EXPECT_EQ(a.fault, b.fault) << lines[0];
            EXPECT_EQ(a.call, b.call) << lines[0];
            EXPECT_EQ(a.nth, b.nth) << lines[0];
            EXPECT_EQ(a.every, b.every) << lines[0];
            EXPECT_EQ(a.share, b.share) << lines[0];
            EXPECT_EQ(a.times, b.times) << lines[0];
            EXPECT_EQ(a.offset, b.offset) << lines[0];
            EXPECT_EQ(a.size, b.size) << lines[0];
            EXPECT_EQ(a.choice, b.choice) << lines[0];
        }
    }
}

TEST(Faults, MemoryFailuresAreFoundUntilTheyAreForgotten)
{
    Injected session { { "poison" } };
    EXPECT_FALSE(Inject::any_poisoned());
    for (std::uint64_t const p : { 9u, 4u, 6u })
        EXPECT_TRUE(Inject::poison(1, p));
    EXPECT_TRUE(Inject::poison(2, 0));
    EXPECT_EQ(Inject::first_poisoned(1, 0, 16), 4u);
    EXPECT_EQ(Inject::first_poisoned(1, 5, 16), 6u);
    EXPECT_EQ(Inject::first_poisoned(1, 5, 6), std::nullopt);
    EXPECT_EQ(Inject::first_poisoned(1, 10, 16), std::nullopt);
    Inject::forget_poisoned(1, 4, 9);
    EXPECT_EQ(Inject::first_poisoned(1, 0, 16), 9u);
    EXPECT_EQ(Inject::first_poisoned(2, 0, 16), 0u);
    for (unsigned i { 4 }; i < Faults::most_poisoned; ++i)
        EXPECT_TRUE(Inject::poison(3, i));
    EXPECT_FALSE(Inject::poison(3, 1000));
    EXPECT_EQ(Inject::first_poisoned(3, 1000, 1001), std::nullopt);
    EXPECT_EQ(session.faults().poisoned_count, Faults::most_poisoned);
}
