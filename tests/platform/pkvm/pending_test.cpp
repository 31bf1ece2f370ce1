// What guests have asked for: found, answered in parts, forgotten when there is too much of it.

#include "platform/pkvm/pending.hpp"

#include <gtest/gtest.h>

#include <memory>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::pkvm;

namespace {

PageRange range(std::uint64_t first, std::uint64_t last) { return *PageRange::make(PageNo { first }, PageNo { last }); }

struct Requests final {
    std::unique_ptr<VmState> vm { std::make_unique<VmState>() };

    void record(std::uint64_t first, std::uint64_t last, bool to_private = false) { record_request(*vm, range(first, last), to_private); }
    bool has(std::uint64_t first, std::uint64_t last, bool to_private = false) const { return requested(*vm, range(first, last), to_private); }
    void consume(std::uint64_t first, std::uint64_t last, bool to_private = false) { consume_request(*vm, range(first, last), to_private); }
};

}

TEST(Pending, ARequestAnswersItsPartsAndItsDirectionOnly)
{
    Requests r;
    EXPECT_FALSE(r.has(16, 17));
    r.record(16, 32);
    EXPECT_TRUE(r.has(16, 32));
    EXPECT_TRUE(r.has(20, 21));
    EXPECT_FALSE(r.has(15, 32));
    EXPECT_FALSE(r.has(16, 33));
    EXPECT_FALSE(r.has(16, 32, true));
}

TEST(Pending, TwoRequestsDoNotAddUp)
{
    Requests r;
    r.record(0, 8);
    r.record(8, 16);
    EXPECT_FALSE(r.has(4, 12));
}

TEST(Pending, WhatIsAnsweredIsNoLongerAskedFor)
{
    Requests r;
    r.record(0, 16);
    r.consume(0, 4);
    EXPECT_FALSE(r.has(0, 1));
    EXPECT_TRUE(r.has(4, 16));
    r.consume(12, 16);
    r.consume(6, 8);
    EXPECT_TRUE(r.has(4, 6));
    EXPECT_FALSE(r.has(6, 7));
    EXPECT_TRUE(r.has(8, 12));
    EXPECT_EQ(r.vm->next_pending, 2U);
    r.consume(4, 6);
    r.consume(8, 12);
    EXPECT_EQ(r.vm->next_pending, 0U);
    EXPECT_EQ(r.vm->pending[0].last_frame, 0U);
    r.consume(8, 12);
    EXPECT_EQ(r.vm->next_pending, 0U);
}

TEST(Pending, AskingTwiceIsAskingOnce)
{
    Requests r;
    r.record(3, 5);
    r.record(3, 5);
    EXPECT_EQ(r.vm->next_pending, 1U);
}

TEST(Pending, WithoutRoomTheOldestIsForgotten)
{
    Requests r;
    for (std::uint64_t i { 0 }; i < VmState::most_pending; ++i)
        r.record(10 * i, 10 * i + 2);
    EXPECT_TRUE(r.has(0, 2));
    r.record(5000, 5001);
    EXPECT_FALSE(r.has(0, 2));
    EXPECT_TRUE(r.has(10, 12));
    EXPECT_TRUE(r.has(5000, 5001));
    EXPECT_EQ(r.vm->next_pending, VmState::most_pending);
}
