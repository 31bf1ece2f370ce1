// MEM_SHARE, MEM_UNSHARE and MEM_RELINQUISH as a guest sees them.

#include "platform/pkvm/hypercalls.hpp"

#include "world.hpp"

#include <gtest/gtest.h>

#include <cerrno>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::pkvm;

namespace {

constexpr std::uint64_t address { first_frame << page_bits };

Answer ask(World &w, Function f, std::uint64_t at = address) { return hypercall(w.pages, page0, this_vm, { f, at, 0, 0 }); }

}

TEST(Hypercalls, SharingInPlaceKeepsTheBytesBothWays)
{
    World w { 1 };
    w.put(page0, State::guest_owned);
    w.write(page0, 0xbe);
    auto const shared { ask(w, Function::mem_share) };
    EXPECT_EQ(shared.then, Answer::Then::exits);
    EXPECT_EQ(shared.result, Smccc::success);
    EXPECT_EQ(w.page(page0).state, State::shared_by_guest);
    auto const again { ask(w, Function::mem_unshare) };
    EXPECT_EQ(again.then, Answer::Then::exits);
    EXPECT_EQ(w.page(page0).state, State::guest_owned);
    EXPECT_EQ(w.value(page0), 0xbe);
}

TEST(Hypercalls, BeforeJuneThePageIsTheGuestsAfterTheConversion)
{
    World w { 1, { .pkvm_unshare = PkvmUnshare::after_conversion } };
    auto const &model { platform_of(Kind::pkvm) };
    ASSERT_TRUE(model.make_private(w.pages, page0, w.frame_of(page0)));
    auto const share { hypercall(w.pages, page0, this_vm, { Function::mem_share, w.frame_of(page0) << page_bits, 0, 0 }) };
    ASSERT_EQ(share.then, Answer::Then::exits);
    ASSERT_EQ(w.page(page0).state, State::shared_by_guest);
    for (int again { 0 }; again < 2; ++again) {
        auto const unshare { hypercall(w.pages, page0, this_vm, { Function::mem_unshare, w.frame_of(page0) << page_bits, 0, 0 }) };
        EXPECT_EQ(unshare.then, Answer::Then::exits);
        EXPECT_EQ(w.page(page0).state, State::shared_by_guest);
        EXPECT_TRUE(model.host_access(w.pages, page0, Access::write).allowed()); // a conversion may zero it
    }
    ASSERT_TRUE(model.make_private(w.pages, page0, w.frame_of(page0)));
    EXPECT_EQ(w.page(page0).state, State::guest_owned);
    EXPECT_EQ(hypercall(w.pages, page0, this_vm, { Function::mem_unshare, w.frame_of(page0) << page_bits, 0, 0 }).result, Smccc::invalid_parameter);
}

TEST(Hypercalls, ArgumentsTwoAndThreeMustBeZero)
{
    for (auto const f : { Function::mem_share, Function::mem_unshare })
        for (auto const &h : { Hypercall { f, address, 1, 0 }, Hypercall { f, address, 0, 1 }, Hypercall { f, address + 8, 0, 0 } }) {
            World w { 1 };
            w.put(page0, f == Function::mem_share ? State::guest_owned : State::shared_by_guest);
            auto const before { w.page(page0) };
            auto const a { hypercall(w.pages, page0, this_vm, h) };
            EXPECT_EQ(a.result, Smccc::invalid_parameter);
            EXPECT_EQ(a.then, Answer::Then::resumes);
            EXPECT_EQ(w.page(page0), before);
        }
}

TEST(Hypercalls, WhereNothingIsTheHostMapsAndTheGuestRepeats)
{
    World w { 1 };
    auto const a { ask(w, Function::mem_share) };
    EXPECT_EQ(a.then, Answer::Then::host_maps);
    EXPECT_EQ(a.error, ENOENT);
    ASSERT_TRUE(Pkvm {}.make_private(w.pages, page0, first_frame));
    EXPECT_EQ(ask(w, Function::mem_share).then, Answer::Then::exits);
}

TEST(Hypercalls, WhatEl2RefusesIsAnInvalidParameter)
{
    World w { 1 };
    w.put(page0, State::shared_by_guest);
    EXPECT_EQ(ask(w, Function::mem_share).result, Smccc::invalid_parameter);
    EXPECT_EQ(ask(w, Function::mem_share).error, EPERM);
    w.put(page0, State::poisoned);
    EXPECT_EQ(ask(w, Function::mem_share).error, EHWPOISON);
    w.put(page0, State::guest_owned);
    EXPECT_EQ(hypercall(w.pages, page0, this_vm, { Function::mem_share, address, 0, 0 }, true).error, E2BIG);
}

TEST(Hypercalls, ARelinquishedPageIsWipedAndNobodyIsTold)
{
    World w { 1 };
    w.put(page0, State::guest_owned);
    w.write(page0, 0x77);
    auto const a { ask(w, Function::mem_relinquish) };
    EXPECT_EQ(a.then, Answer::Then::resumes);
    EXPECT_EQ(a.result, Smccc::success);
    EXPECT_EQ(w.pages.record(page0), Record {});
    EXPECT_EQ(w.value(page0), 0);
}
