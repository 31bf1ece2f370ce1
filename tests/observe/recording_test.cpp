// What happens to a gmem stands in the log: each call once, with its result as the caller saw it, in the order in which the file saw it.

#include "tests/observe/session_log.hpp"
#include "tests/support/peer.hpp"

#include "kvm/guest_memfd.hpp"
#include "observe/recording.hpp"
#include "os/kill_points.hpp"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <thread>

using namespace gmem;
using namespace gmem::observe;
using namespace gmem::test;

namespace {

memory::GuestMemory &memory_of(File const &f) { return *reinterpret_cast<memory::GuestMemory *>(f.get()); }

std::string kinds_of(std::vector<Seen> const &events)
{
    std::string all;
    for (auto const &s : events)
        all += (all.empty() ? "" : " ") + std::string { words_of(s.event.kind).name };
    return all;
}

// Pages that are private when the events of a log are applied, one after the other, to a file that began shared.
std::vector<bool> replayed(SessionLog const &log, std::uint64_t pages)
{
    std::vector<bool> is_private(pages);
    for (auto const &e : log.of(Kind::convert))
        if (e.result == 0)
            for (auto p { e.offset / page }; p < (e.offset + e.size) / page; ++p)
                is_private[p] = e.detail != 0;
    return is_private;
}

} // namespace

TEST(Recording, EachCallIsOneEventInOrder)
{
    SessionLog const log;
    {
        File f { 16 };
        std::uint64_t where { 1 };
        EXPECT_EQ(gmem_pin(f.get(), 3 * page, page), 0);
        EXPECT_EQ(f.convert(2, 4, GMEM_PRIVATE, &where), -EAGAIN);
        EXPECT_EQ(gmem_unpin(f.get(), 3 * page, page), 0);
        EXPECT_EQ(gmem_unpin(f.get(), 3 * page, page), -EINVAL);
        EXPECT_EQ(f.to_private(2, 4), 0);
        EXPECT_EQ(gmem_pin(f.get(), 3 * page, page), -EFAULT);
        EXPECT_EQ(gmem_punch(f.get(), 0, page), 0);
    }
    auto const all { log.events() };
    ASSERT_EQ(kinds_of(all), "create map pin convert unpin unpin convert pin punch unmap release");
    auto const inode { all[0].event.file };
    EXPECT_NE(inode, 0u);
    for (auto const &s : all) {
        EXPECT_EQ(s.event.file, inode) << words_of(s.event.kind).name;
        EXPECT_EQ(s.event.process, static_cast<std::uint32_t>(getpid()));
        EXPECT_NE(s.event.time, 0u);
    }
    std::vector<int> results;
    for (auto const &s : all)
        results.push_back(s.event.result);
    EXPECT_EQ(results, (std::vector<int> { 0, 0, 0, -EAGAIN, 0, -EINVAL, 0, -EFAULT, 0, 0, 0 }));
    EXPECT_EQ(all[0].event.size, 16 * page);
    EXPECT_EQ(all[0].event.detail, 0); // began shared
    auto const &refused { all[3].event };
    EXPECT_EQ(refused.offset, 2 * page);
    EXPECT_EQ(refused.size, 4 * page);
    EXPECT_EQ(refused.detail, 1);
    EXPECT_EQ(refused.at, 3 * page);
    EXPECT_EQ(refused.more[3], static_cast<std::uint64_t>(Why::page_in_use));
    EXPECT_NE(refused.duration, 0u);
    EXPECT_EQ(all[1].event.more[0], all[9].event.more[0]); // mapped and unmapped at the same address
}

// The gate's refusals, with what the program gave, whole.
TEST(Recording, ARefusedConversionIsOneEventWithItsArguments)
{
    File f { 4 };
    SessionLog const log;
    kvm::uapi::MemoryAttributes2 request {};
    request.offset = 0x1234;
    request.size = 77;
    request.flags = 1ull << 63;
    request.attributes = 5;
    request.error_offset = 42;
    request.reserved[1] = 6;
    auto const argument { reinterpret_cast<std::uintptr_t>(&request) };
    EXPECT_EQ(kvm::guest_memfd_ioctl(memory_of(f), kvm::uapi::set_memory_attributes2, argument), -EINVAL);
    EXPECT_EQ(kvm::guest_memfd_ioctl(memory_of(f), kvm::uapi::set_memory_attributes2, 8), -EFAULT);
    EXPECT_EQ(kvm::guest_memfd_ioctl(memory_of(f), kvm::uapi::set_memory_attributes, argument), -ENOTTY); // another call
    auto const all { log.events() };
    ASSERT_EQ(kinds_of(all), "convert convert");
    auto const &e { all[0].event };
    EXPECT_EQ(e.result, -EINVAL);
    EXPECT_EQ(e.offset, 0x1234u);
    EXPECT_EQ(e.size, 77u);
    EXPECT_EQ(e.more[0], 1ull << 63);
    EXPECT_EQ(e.more[4], 5u);
    EXPECT_EQ(e.more[5], 6u);
    EXPECT_EQ(e.at, 42u);
    EXPECT_EQ(all[1].event.result, -EFAULT);
}

// The place goes back into the structure. Where that fails the program hears EFAULT, and so does the log, in the same event.
TEST(Recording, AConversionWhoseAnswerCannotBeGivenIsOneEvent)
{
    File f { 4 };
    EXPECT_EQ(gmem_pin(f.get(), page, page), 0);
    SessionLog const log;
    auto *const request { static_cast<kvm::uapi::MemoryAttributes2 *>(mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) };
    ASSERT_NE(request, MAP_FAILED);
    request->size = 4 * page;
    request->attributes = kvm::uapi::memory_attribute_private;
    ASSERT_EQ(mprotect(request, page, PROT_READ), 0);
    EXPECT_EQ(kvm::guest_memfd_ioctl(memory_of(f), kvm::uapi::set_memory_attributes2, reinterpret_cast<std::uintptr_t>(request)), -EFAULT);
    auto const all { log.events() };
    ASSERT_EQ(kinds_of(all), "convert");
    EXPECT_EQ(all[0].event.result, -EFAULT);
    EXPECT_EQ(all[0].event.at, page);
    EXPECT_EQ(gmem_unpin(f.get(), page, page), 0);
    munmap(request, page);
}

TEST(Recording, FallocateIsRecordedWithItsModeAlsoWhereItIsRefused)
{
    File f { 4 };
    SessionLog const log;
    EXPECT_EQ(kvm::guest_memfd_fallocate(memory_of(f), FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 5, page), -EINVAL);
    EXPECT_EQ(kvm::guest_memfd_fallocate(memory_of(f), 0, 0, page), -EOPNOTSUPP);
    EXPECT_EQ(kvm::guest_memfd_fallocate(memory_of(f), FALLOC_FL_KEEP_SIZE, 0, page), 0);
    auto const all { log.events() };
    ASSERT_EQ(kinds_of(all), "punch allocate allocate");
    EXPECT_EQ(all[0].event.result, -EINVAL);
    EXPECT_EQ(all[0].event.offset, 5u);
    EXPECT_EQ(all[0].event.more[0], 3u);
    EXPECT_EQ(all[1].event.result, -EOPNOTSUPP);
    EXPECT_EQ(all[2].event.result, 0);
    EXPECT_EQ(all[2].event.more[0], 1u);
}

// A page that may not be reached: the access is noted with the place, and whether it was a write; one that is allowed is none.
TEST(Recording, AnAccessToAPrivatePageIsNoted)
{
    File f { 4 };
    f.write(2, 1);
    EXPECT_EQ(f.to_private(2), 0);
    SessionLog const log;
    EXPECT_TRUE(probe(f.at(1)).readable());
    EXPECT_FALSE(probe(f.at(2) + 5).readable());
    auto const all { log.of(Kind::access) };
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].offset, 2 * page + 5);
    EXPECT_EQ(all[0].more[0], reinterpret_cast<std::uintptr_t>(f.at(2) + 5));
    EXPECT_EQ(all[0].detail, 0);
    EXPECT_EQ(all[0].value, 0); // private
    EXPECT_EQ(all[0].more[3], 1u); // the probe has a handler
    EXPECT_NE(all[0].more[2], 0u);
}

// Threads that convert each other's pages: the log's order is the file's.
TEST(Recording, TheLogHasTheOrderOfTheFile)
{
    constexpr std::uint64_t pages { 8 };
    for (int round { 0 }; round < 20; ++round) {
        SessionLog const log;
        File f { pages };
        std::vector<std::thread> threads;
        for (unsigned t { 0 }; t < 4; ++t)
            threads.emplace_back([&f, t] {
                for (unsigned i { 0 }; i < 200; ++i)
                    EXPECT_EQ(f.convert((t + i) % 5, 1 + i % 4, (t + i / 2) % 2 ? GMEM_PRIVATE : GMEM_SHARED), 0);
            });
        for (auto &t : threads)
            t.join();
        auto const expected { replayed(log, pages) };
        for (std::uint64_t p { 0 }; p < pages; ++p)
            ASSERT_EQ(f.is_private(p), expected[p]) << "page " << p;
        EXPECT_EQ(log.of(Kind::convert).size(), 800u);
    }
}

// While pins come and go, a refusal stands between a pin and its unpin, and a success does not.
TEST(Recording, PinsAndConversionsStandInTheOrderOfTheFile)
{
    SessionLog const log;
    File f { 4 };
    std::atomic<bool> stop { false };
    std::thread pinner { [&] {
        while (!stop) {
            if (gmem_pin(f.get(), page, page) == 0)
                EXPECT_EQ(gmem_unpin(f.get(), page, page), 0);
        }
    } };
    unsigned refused { 0 };
    for (unsigned i { 0 }; i < 3000; ++i) {
        refused += f.to_private(0, 4) == -EAGAIN;
        EXPECT_EQ(f.to_shared(0, 4), 0);
    }
    stop = true;
    pinner.join();
    int pinned { 0 };
    unsigned seen { 0 };
    for (auto const &s : log.events()) {
        auto const &e { s.event };
        if (e.kind == Kind::pin && e.result == 0)
            ++pinned;
        if (e.kind == Kind::unpin && e.result == 0)
            --pinned;
        if (e.kind == Kind::convert && e.detail == 1) {
            ASSERT_EQ(e.result, pinned ? -EAGAIN : 0) << "event " << raw(s.number);
            seen += e.result == -EAGAIN;
        }
    }
    EXPECT_EQ(seen, refused);
}

// kill -9 at each point of a conversion: whoever goes on finds a log that says what has become of the pages.
TEST(Recording, TheLogSaysWhatAKilledConversionHasDone)
{
    constexpr std::uint64_t pages { 1024 };
    struct Point final {
        char const *name;
        bool done;
    };
    for (auto const &point : { Point { "convert.staged", false }, Point { "convert.closed", false }, Point { "commit.begun", true }, Point { "convert.told", true }, Point { "bits.stored", true }, Point { "commit.done", true } }) {
        SessionLog const log;
        File f { pages };
        auto const pid { fork() };
        if (pid == 0) {
            os::kill_plan.point = point.name;
            _exit(f.to_private(3, 700) == 0 ? 0 : 1);
        }
        int status { 0 };
        ASSERT_EQ(waitpid(pid, &status, 0), pid);
        ASSERT_TRUE(WIFSIGNALED(status)) << point.name;
        f.audit(); // takes the lock over, and finishes what has to be
        auto const expected { replayed(log, pages) };
        for (std::uint64_t p { 0 }; p < pages; ++p)
            ASSERT_EQ(f.is_private(p), expected[p]) << point.name << " page " << p;
        EXPECT_EQ(f.is_private(5), point.done) << point.name;
    }
}

// In a process without a session.
TEST(Recording, WithoutALogNothingIsRecorded)
{
    Recording event { Kind::convert };
    EXPECT_FALSE(event);
    event.write(0);
    event.done(0);
    EXPECT_EQ(event.number(), EventNo::none);
    EXPECT_EQ(note(Kind::pin, {}), EventNo::none);
}

TEST(Recording, WhatWasWrittenIsAmendedOrWithdrawn)
{
    SessionLog const log;
    Recording first { Kind::convert };
    first->offset = 1;
    first.write(-EAGAIN);
    first.withdraw();
    first->offset = 2;
    first.write(0);
    EXPECT_EQ(log.events()[0].event.result, 0);
    first->at = 9;
    first.done(-EFAULT);
    std::uint64_t missing { 0 };
    auto const all { log.events(&missing) };
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(missing, 0u);
    EXPECT_EQ(all[0].event.offset, 2u);
    EXPECT_EQ(all[0].event.result, -EFAULT);
    EXPECT_EQ(all[0].event.at, 9u);
    EXPECT_GT(all[0].event.duration, 0u);
}

// A writer that was held up for a whole turn of the ring leaves the newer event alone.
TEST(Recording, AmendingALostEventChangesNothing)
{
    SessionLog const log { 4 };
    Recording late { Kind::convert };
    late.write(0);
    for (std::uint64_t i { 0 }; i < 4; ++i)
        (void)note(Kind::punch, { .offset = i });
    late->at = 7;
    late.done(-EIO);
    for (auto const &s : log.events()) {
        EXPECT_EQ(s.event.kind, Kind::punch);
        EXPECT_EQ(s.event.result, 0);
    }
    EXPECT_EQ(log.events().size(), 4u);
}
