// Guest operations are untrusted bytes: what the gate lets through, and what the page state change list may hold.

#include "kvm/scripted/operation.hpp"
#include "kvm/scripted/page_state_change.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <vector>

using namespace gmem::kvm::scripted;

namespace {

gmem_guest_op op(std::uint32_t opcode, std::uint32_t flags, std::uint64_t gpa, std::uint64_t size, std::uint64_t value = 0, std::uint64_t extra = 0)
{
    return { .opcode = opcode, .flags = flags, .gpa = gpa, .size = size, .value = value, .extra = extra, .result = 0, .status = 0, .reserved = 0 };
}

bool accepted(gmem_guest_op const &o) { return Operation::decode(o).has_value(); }

gmem_guest_psc list(std::vector<std::uint64_t> const &entries)
{
    gmem_guest_psc l {};
    std::ranges::copy(entries, l.entries);
    l.end_entry = static_cast<std::uint16_t>(entries.size() - 1);
    return l;
}

constexpr std::uint64_t huge_page { 2 << 20 };

} // namespace

TEST(OperationGate, AccessesLieInOnePage)
{
    for (std::uint64_t size { 0 }; size <= 16; ++size)
        for (std::uint64_t gpa { 4080 }; gpa <= 4096; ++gpa)
            EXPECT_EQ(accepted(op(GMEM_GUEST_LOAD, 0, gpa, size)), (size == 1 || size == 2 || size == 4 || size == 8) && (gpa == 4096 || gpa + size <= 4096)) << gpa << "+" << size;
    EXPECT_TRUE(accepted(op(GMEM_GUEST_STORE, GMEM_GUEST_PRIVATE, (1ull << 52) - 8, 8, ~0ull)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_STORE, 0, 1ull << 52, 8)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_STORE, 0, ~0ull, 1)));
}

TEST(OperationGate, RangesAreOfWordsAndDoNotWrap)
{
    EXPECT_TRUE(accepted(op(GMEM_GUEST_FILL, 0, 8, 1ull << 40, 1)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_FILL, 0, 8, 0, 1)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_FILL, 0, 4, 8, 1)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_CHECK, 0, 8, 12, 1)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_CHECK, 0, (1ull << 52) - 8, 16, 1)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_CHECK, 0, 8, ~7ull, 1)));
}

TEST(OperationGate, NothingReservedIsSet)
{
    EXPECT_FALSE(accepted(op(GMEM_GUEST_LOAD, GMEM_GUEST_PRIVATE | GMEM_GUEST_EITHER, 0, 8)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_LOAD, 0, 0, 8, 1)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_STORE, 0, 0, 8, 1, 1)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_HALT, GMEM_GUEST_PRIVATE, 0, 0)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_JUMP, 0, 32, 0)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_IO_OUT, 0, 0x10000, 1)));
    EXPECT_FALSE(accepted(op(GMEM_GUEST_IO_IN, 0, 0x70, 8)));
    auto reserved { op(GMEM_GUEST_HALT, 0, 0, 0) };
    EXPECT_TRUE(accepted(reserved));
    reserved.reserved = 1;
    EXPECT_FALSE(accepted(reserved));
}

TEST(OperationGate, EveryOpcodeAndNoOther)
{
    using gmem::platform::Kind;
    std::map<std::uint32_t, std::optional<Kind>> const known {
        { 1, {} }, { 2, {} }, { 3, {} }, { 4, {} }, { 16, {} }, { 17, {} }, { 18, {} }, { 19, {} }, { 20, {} }, { 32, {} }, { 33, Kind::snp }, { 34, Kind::snp }, { 35, Kind::tdx },
        { 36, Kind::pkvm }, { 37, Kind::pkvm }, { 38, Kind::pkvm }, { 39, Kind::cca }, { 48, Kind::snp }, { 49, Kind::snp }, { 50, Kind::tdx },
    };
    for (std::uint32_t opcode { 0 }; opcode < 1000; ++opcode) {
        bool any { false };
        for (std::uint64_t const size : { 0u, 1u, 8u })
            if (auto const decoded { Operation::decode(op(opcode, 0, 0, size)) }) {
                any = true;
                EXPECT_EQ(decoded->platform(), known.at(opcode)) << opcode;
            }
        EXPECT_EQ(any, known.contains(opcode)) << opcode;
    }
}

TEST(PageStateChange, NeighboursAreOneRange)
{
    auto l { list({ GMEM_GUEST_PSC_ENTRY(0x10000, 1, 0), GMEM_GUEST_PSC_ENTRY(0x11000, 1, 0), GMEM_GUEST_PSC_ENTRY(0x12000, 2, 0), GMEM_GUEST_PSC_ENTRY(0x14000, 2, 0), GMEM_GUEST_PSC_ENTRY(huge_page, 2, 1),
        GMEM_GUEST_PSC_ENTRY(2 * huge_page, 2, 1), GMEM_GUEST_PSC_ENTRY(3 * huge_page, 2, 0) }) };
    struct { std::uint64_t gpa, pages; bool to_private, huge; } const wanted[] { { 0x10000, 2, true, false }, { 0x12000, 1, false, false }, { 0x14000, 1, false, false }, { huge_page, 1024, false, true }, { 3 * huge_page, 1, false, false } };
    for (auto const &w : wanted) {
        auto const step { next_step(l) };
        ASSERT_EQ(step.what, PageStateStep::What::ask);
        EXPECT_EQ(step.gpa, w.gpa);
        EXPECT_EQ(step.pages, w.pages) << w.gpa;
        EXPECT_EQ(step.to_private, w.to_private);
        EXPECT_EQ(step.huge, w.huge);
        mark_done(l, step.first, step.last);
    }
    EXPECT_EQ(next_step(l).what, PageStateStep::What::finished);
    EXPECT_EQ(next_step(l).status, 0u);
    EXPECT_EQ(l.cur_entry, 7);
    EXPECT_EQ(l.entries[0] & 0xfff, 1u);
    EXPECT_EQ(l.entries[4] & 0xfff, 512u);
}

TEST(PageStateChange, TheRestOfAHugePageGoesInSmallOnes)
{
    auto l { list({ GMEM_GUEST_PSC_ENTRY(huge_page, 1, 1) | 500, GMEM_GUEST_PSC_ENTRY(2 * huge_page, 1, 0), GMEM_GUEST_PSC_ENTRY(2 * huge_page + 4096, 1, 0) | 1 }) };
    auto const step { next_step(l) };
    EXPECT_EQ(step.gpa, huge_page + 500 * 4096);
    EXPECT_EQ(step.pages, 13u); // 12 of the huge page and the small one behind it; the third is done
    EXPECT_FALSE(step.huge);
    mark_done(l, step.first, step.last);
    EXPECT_EQ(l.cur_entry, 2);
    EXPECT_EQ(next_step(l).what, PageStateStep::What::finished);
    EXPECT_EQ(l.cur_entry, 3); // was done
}

TEST(PageStateChange, WhatIsRefused)
{
    auto const status { [](gmem_guest_psc l) { return next_step(l).status; } };
    auto l { list({ GMEM_GUEST_PSC_ENTRY(0x1000, 1, 0) }) };
    l.end_entry = 253;
    EXPECT_EQ(status(l), psc_invalid_header);
    l.end_entry = 252;
    EXPECT_EQ(next_step(l).what, PageStateStep::What::ask);
    EXPECT_EQ(status(list({ GMEM_GUEST_PSC_ENTRY(0x1000, 1, 1) })), psc_invalid_entry); // a huge page is aligned
    EXPECT_EQ(status(list({ GMEM_GUEST_PSC_ENTRY(0x1000, 1, 0) | 2 })), psc_invalid_entry); // more is done than there is
    EXPECT_EQ(status(list({ GMEM_GUEST_PSC_ENTRY(huge_page, 1, 1) | 513 })), psc_invalid_entry);
    EXPECT_EQ(status(list({ GMEM_GUEST_PSC_ENTRY(0x1000, 0, 0) })), psc_invalid_entry);
    EXPECT_EQ(status(list({ GMEM_GUEST_PSC_ENTRY(0x1000, 5, 0) })), psc_invalid_entry);
    l = list({ GMEM_GUEST_PSC_ENTRY(0x1000, 1, 0) });
    l.cur_entry = 65535;
    EXPECT_EQ(next_step(l).what, PageStateStep::What::finished); // nothing is left
}

TEST(PageStateChange, NobodyIsAskedAboutSmashing)
{
    auto l { list({ GMEM_GUEST_PSC_ENTRY(huge_page, 3, 1), GMEM_GUEST_PSC_ENTRY(2 * huge_page, 3, 1), GMEM_GUEST_PSC_ENTRY(0x5000, 4, 0), GMEM_GUEST_PSC_ENTRY(0x7000, 2, 0) }) };
    auto const step { next_step(l) };
    EXPECT_EQ(step.gpa, 0x7000u);
    EXPECT_EQ(l.cur_entry, 3);
    EXPECT_EQ(l.entries[1] & 0xfff, 512u);
}

// Against the dumbest model: page by page, each asked for exactly once, in order, in the direction of its entry.
TEST(PageStateChange, EachPageIsAskedForOnce)
{
    std::mt19937_64 random { 11 };
    for (int round { 0 }; round < 3000; ++round) {
        std::vector<std::uint64_t> entries;
        std::vector<std::pair<std::uint64_t, bool>> wanted, asked;
        std::uint64_t frame { random() % 4096 };
        for (auto count { 1 + random() % (round % 10 ? 12 : 253) }; count > 0; --count) {
            auto const operation { 1 + random() % 4 };
            bool const huge { random() % 4 == 0 };
            if (huge)
                frame = (frame + 511) & ~511ull;
            auto const pages { huge ? 512u : 1u };
            auto const done { random() % 8 ? 0 : random() % (pages + 1) };
            entries.push_back(GMEM_GUEST_PSC_ENTRY(frame << 12, operation, huge) | done);
            for (auto p { done }; p < pages && operation <= 2; ++p)
                wanted.emplace_back(frame + p, operation == 1);
            frame += pages + (random() % 3 ? 0 : random() % 100);
        }
        auto l { list(entries) };
        for (;;) {
            auto const step { next_step(l) };
            if (step.what == PageStateStep::What::finished) {
                EXPECT_EQ(step.status, 0u);
                break;
            }
            ASSERT_LE(step.last, l.end_entry);
            EXPECT_TRUE(!step.huge || (step.pages % 512 == 0 && step.gpa % huge_page == 0));
            for (std::uint64_t p { 0 }; p < step.pages; ++p)
                asked.emplace_back((step.gpa >> 12) + p, step.to_private);
            mark_done(l, step.first, step.last);
        }
        ASSERT_EQ(asked, wanted) << round;
    }
}

// Whatever the bytes are: it ends, and stays inside the list.
TEST(PageStateChange, AnyBytes)
{
    std::mt19937_64 random { 12 };
    for (int round { 0 }; round < 20000; ++round) {
        gmem_guest_psc l {};
        for (auto &e : l.entries)
            e = random() & random();
        l.cur_entry = static_cast<std::uint16_t>(random() % 300);
        l.end_entry = static_cast<std::uint16_t>(random() % 260);
        for (int steps { 0 };; ++steps) {
            ASSERT_LE(steps, GMEM_GUEST_PSC_ENTRIES);
            auto const step { next_step(l) };
            if (step.what == PageStateStep::What::finished)
                break;
            ASSERT_LT(step.last, GMEM_GUEST_PSC_ENTRIES);
            mark_done(l, step.first, step.last);
        }
    }
}
