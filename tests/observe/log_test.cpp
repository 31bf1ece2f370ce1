// The log: what is appended is read, from any number of threads and processes; the ring forgets the oldest; nothing is lost without being counted.

#include "observe/log.hpp"
#include "observe/log_reader.hpp"

#include <csignal>
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace gmem::observe;

namespace {

class LogTest : public testing::Test {
protected:
    void make(Keep keep, std::uint64_t capacity)
    {
        size_ = bytes_of_log(capacity);
        begin_ = static_cast<std::byte *>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        ASSERT_NE(begin_, MAP_FAILED);
        Log::create(begin_, keep, capacity, 1000, 2000);
        Log::use(begin_);
    }
    ~LogTest() override
    {
        Log::use_nothing();
        munmap(begin_, size_);
    }
    LogReader reader() const { return gmem::observe::LogReader::open({ begin_, size_ }).value(); }

    // The `offset` of each event that is there, in order; `missing_` counts the rest.
    std::vector<std::uint64_t> offsets()
    {
        std::vector<std::uint64_t> found;
        missing_ = reader().for_each([&](EventNo, Event const &e) { found.push_back(e.offset); });
        return found;
    }

    std::byte *begin_ { nullptr };
    std::size_t size_ { 0 };
    std::uint64_t missing_ { 0 };
};

Event event(std::uint64_t offset)
{
    Event e;
    e.kind = Kind::convert;
    e.offset = offset;
    return e;
}

TEST_F(LogTest, WhatIsAppendedIsReadInOrder)
{
    make(Keep::all, 100);
    for (std::uint64_t i { 0 }; i < 100; ++i)
        EXPECT_EQ(Log::append(event(i)), EventNo { i });
    auto const found { offsets() };
    ASSERT_EQ(found.size(), 100u);
    for (std::uint64_t i { 0 }; i < 100; ++i)
        EXPECT_EQ(found[i], i);
    EXPECT_EQ(missing_, 0u);
}

TEST_F(LogTest, AFullLogCountsWhatFoundNoPlace)
{
    make(Keep::all, 3);
    for (std::uint64_t i { 0 }; i < 5; ++i)
        (void)Log::append(event(i));
    EXPECT_EQ(offsets(), (std::vector<std::uint64_t> { 0, 1, 2 }));
    EXPECT_EQ(Log::header()->dropped, 2u);
}

TEST_F(LogTest, ARingKeepsTheLatest)
{
    make(Keep::latest, 8);
    for (std::uint64_t i { 0 }; i < 21; ++i)
        (void)Log::append(event(i));
    EXPECT_EQ(offsets(), (std::vector<std::uint64_t> { 13, 14, 15, 16, 17, 18, 19, 20 }));
    EXPECT_FALSE(Log::keeps(EventNo { 12 }));
    EXPECT_TRUE(Log::keeps(EventNo { 13 }));
    EXPECT_EQ(Log::header()->dropped, 0u);
}

TEST_F(LogTest, BytesLieBehindTheirEvent)
{
    make(Keep::all, 100);
    std::string const name(300, 'n');
    Event e;
    e.kind = Kind::process;
    e.more[1] = name.size();
    (void)Log::append(event(1));
    auto const n { Log::append(e, { reinterpret_cast<std::byte const *>(name.data()), name.size() }) };
    (void)Log::append(event(2));
    std::string read(300, ' ');
    ASSERT_TRUE(reader().bytes_behind(n, *reader().at(n), { reinterpret_cast<std::byte *>(read.data()), read.size() }));
    EXPECT_EQ(read, name);
    EXPECT_EQ(offsets(), (std::vector<std::uint64_t> { 1, 0, 2 }));
    EXPECT_EQ(missing_, 0u);
}

// A ring may begin with bytes whose event is gone.
TEST_F(LogTest, BytesWithoutTheirEventAreNoEvents)
{
    make(Keep::latest, 4);
    Event e;
    e.kind = Kind::process;
    std::vector<std::byte> const bytes(240, std::byte { 5 }); // would be an event of a kind that there is
    e.more[1] = bytes.size();
    auto const n { Log::append(e, bytes) };
    (void)Log::append(event(7));
    (void)Log::append(event(8));
    EXPECT_EQ(offsets(), (std::vector<std::uint64_t> { 7, 8 }));
    EXPECT_EQ(missing_, 0u);
    EXPECT_FALSE(reader().at(n));
}

TEST_F(LogTest, ThreadsLoseNothing)
{
    make(Keep::all, 40000);
    std::vector<std::thread> threads;
    for (std::uint64_t t { 0 }; t < 4; ++t)
        threads.emplace_back([t] {
            for (std::uint64_t i { 0 }; i < 10000; ++i)
                (void)Log::append(event(t * 10000 + i));
        });
    for (auto &t : threads)
        t.join();
    auto const found { offsets() };
    EXPECT_EQ(std::set<std::uint64_t>(found.begin(), found.end()).size(), 40000u);
    EXPECT_EQ(missing_, 0u);
}

// Readers beside writers that overtake them never see half an event.
TEST_F(LogTest, WhatIsReadIsWhole)
{
    make(Keep::latest, 16);
    std::atomic<bool> stop { false };
    std::thread writer { [&] {
        for (std::uint64_t i { 1 }; !stop; ++i) {
            auto e { event(i) };
            e.more.fill(i);
            (void)Log::append(e);
        }
    } };
    std::uint64_t seen { 0 };
    while (seen < 50000)
        (void)reader().for_each([&](EventNo n, Event const &e) {
            ++seen;
            ASSERT_EQ(e.offset, raw(n) + 1);
            for (auto const word : e.more)
                ASSERT_EQ(word, e.offset);
        });
    stop = true;
    writer.join();
}

// kill -9 at any instant: what was begun and not ended is counted, all else is there.
TEST_F(LogTest, AKilledWriterCostsItsOwnEventOnly)
{
    make(Keep::all, 1 << 20);
    for (int round { 0 }; round < 20; ++round) {
        auto const before { Log::header()->head.load() };
        auto const child { fork() };
        if (child == 0)
            for (std::uint64_t i { 0 };; ++i)
                (void)Log::append(event(i));
        while (Log::header()->head.load() < before + 100)
            usleep(10);
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
    }
    auto const found { offsets() };
    auto const begun { std::min(Log::header()->head.load(), Log::header()->limit.load()) };
    EXPECT_LE(missing_, 20u);
    EXPECT_EQ(found.size() + missing_, begun);
}

TEST(LogReader, StrangeBytesAreNoLog)
{
    alignas(4096) static std::byte page[slots_at + 32 * sizeof(Slot)] {};
    EXPECT_FALSE(LogReader::open({ page, 100 }));
    EXPECT_FALSE(LogReader::open({ page, sizeof page }));
    Log::create(page, Keep::latest, 32, 0, 0);
    EXPECT_TRUE(LogReader::open({ page, sizeof page }));
    Log::create(page, Keep::latest, 33, 0, 0);
    EXPECT_FALSE(LogReader::open({ page, sizeof page })); // more than there is
    Log::create(page, Keep::all, 1000, 0, 0);
    auto const cut { LogReader::open({ page, sizeof page }) }; // a trace that was cut: what is left of it
    ASSERT_TRUE(cut);
    reinterpret_cast<LogHeader *>(page)->head = reinterpret_cast<LogHeader *>(page)->limit = 1000;
    EXPECT_EQ(cut.value().last(), EventNo { 32 });
}

} // namespace
