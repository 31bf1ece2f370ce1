// The CPUID page: each kind of rule, and what is corrected.

#include "platform/snp/cpuid_page.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace gmem::platform::snp {
namespace {

struct Page final {
    alignas(8) std::byte bytes[4096] {};

    CpuidPage table() const
    {
        CpuidPage t;
        std::memcpy(&t, bytes, sizeof t);
        return t;
    }
    void set(CpuidPage const &t) { std::memcpy(bytes, &t, sizeof t); }
};

CpuidEntry entry(std::uint32_t leaf, std::uint32_t subleaf = 0) { return { leaf, subleaf, 1, 2, { 0, 0, 0, 0 }, 0 }; }
CpuidEntry with_all_bits(std::uint32_t leaf, std::uint32_t subleaf)
{
    auto e { entry(leaf, subleaf) };
    for (auto &r : e.registers)
        r = ~std::uint32_t { 0 };
    return e;
}

TEST(CpuidRules, EachRegisterOfEachRowIsJudgedByItsRule)
{
    unsigned seen[5] {};
    for (auto const &row : cpuid_rules::table) {
        auto const subleaf { row.subleaf == CpuidRow::any_subleaf ? 77 : row.subleaf };
        auto const ones { judged(with_all_bits(row.leaf, subleaf)) }, zeros { judged(entry(row.leaf, subleaf)) };
        for (unsigned i { 0 }; i < 4; ++i) {
            auto const [rule, processor] { row.registers[i] };
            ++seen[static_cast<unsigned>(rule)];
            auto const all { ~std::uint32_t { 0 } };
            EXPECT_EQ(ones.registers[i], rule == CpuidRule::unchecked ? all : rule == CpuidRule::zero ? 0 : processor) << std::hex << row.leaf << " " << i;
            EXPECT_EQ(zeros.registers[i], rule == CpuidRule::exact ? processor : 0) << std::hex << row.leaf << " " << i;
        }
        EXPECT_EQ(ones.eax_in, row.leaf);
        EXPECT_EQ(ones.xss_in, 2u);
    }
    for (auto const n : seen)
        EXPECT_GT(n, 0u); // the table has every kind of rule
}

TEST(CpuidRules, MaskKeepsWhatTheProcessorHasAndLessThanWhatIsSmaller)
{
    auto e { entry(7, 0) };
    e.registers[0] = 5; // at most 1
    e.registers[1] = 0x3;
    auto const after { judged(e) };
    EXPECT_EQ(after.registers[0], 1u);
    EXPECT_EQ(after.registers[1], 0x1u);
    e.registers[0] = 0;
    EXPECT_EQ(judged(e).registers[0], 0u);
}

TEST(CpuidRules, ASubleafOfItsOwnComesFirst)
{
    auto const own { judged(with_all_bits(0xd, 1)) }, other { judged(with_all_bits(0xd, 2)) };
    EXPECT_EQ(own.registers[0], 0xfu);
    EXPECT_EQ(other.registers[0], ~0u);
}

TEST(CpuidRules, AnUnlistedLeafIsZeroAndTheHypervisorsIsNotJudged)
{
    for (std::uint32_t const leaf : { 0x3u, 0xffffu, 0x80000009u, 0x8000ffffu })
        for (auto const r : judged(with_all_bits(leaf, 0)).registers)
            EXPECT_EQ(r, 0u) << std::hex << leaf;
    for (auto const r : judged(with_all_bits(7, 2)).registers) // a subleaf that is not listed
        EXPECT_EQ(r, 0u);
    for (std::uint32_t const leaf : { 0x10000u, 0x40000000u, 0x7fffffffu, 0x80010000u, 0xffffffffu })
        for (auto const r : judged(with_all_bits(leaf, 0)).registers)
            EXPECT_EQ(r, ~0u) << std::hex << leaf;
}

TEST(CpuidPageCheck, AcceptsWithoutTouching)
{
    Page p;
    std::memset(p.bytes + sizeof(CpuidPage), 0x5a, 4096 - sizeof(CpuidPage)); // behind the table
    CpuidPage t { p.table() };
    t.count = 2;
    t.entries[0] = judged(with_all_bits(1, 0));
    t.entries[1] = entry(0x40000000);
    t.entries[2] = with_all_bits(7, 0); // behind the count: not looked at
    p.set(t);
    auto const before { p };
    EXPECT_EQ(judge_cpuid_page(p.bytes), CpuidVerdict::accepted);
    EXPECT_EQ(std::memcmp(p.bytes, before.bytes, 4096), 0);
}

TEST(CpuidPageCheck, CorrectsInPlaceAndThenAccepts)
{
    Page p;
    std::memset(p.bytes + sizeof(CpuidPage), 0x5a, 4096 - sizeof(CpuidPage));
    CpuidPage t { p.table() };
    t.count = CpuidPage::most;
    for (auto &e : t.entries)
        e = with_all_bits(7, 0);
    t.entries[63].reserved = 1;
    t.entries[5] = judged(t.entries[5]);
    p.set(t);
    EXPECT_EQ(judge_cpuid_page(p.bytes), CpuidVerdict::corrected);
    auto const after { p.table() };
    for (unsigned i { 0 }; i < 64; ++i)
        EXPECT_EQ(after.entries[i].registers[1], 0xf1bf97a9u) << i;
    EXPECT_EQ(after.entries[63].reserved, 0u);
    EXPECT_EQ(p.bytes[4095], std::byte { 0x5a });
    EXPECT_EQ(judge_cpuid_page(p.bytes), CpuidVerdict::accepted);
}

TEST(CpuidPageCheck, OnlyAReservedFieldOfAnEntryIsCorrectedToo)
{
    Page p;
    CpuidPage t {};
    t.count = 1;
    t.entries[0] = entry(0x40000000);
    t.entries[0].reserved = 1;
    p.set(t);
    EXPECT_EQ(judge_cpuid_page(p.bytes), CpuidVerdict::corrected);
    EXPECT_EQ(judge_cpuid_page(p.bytes), CpuidVerdict::accepted);
}

TEST(CpuidPageCheck, AMalformedTableIsLeftAsItIs)
{
    auto const malformed { [](auto const &change) {
        Page p;
        CpuidPage t {};
        t.count = 1;
        t.entries[0] = with_all_bits(7, 0);
        change(t);
        p.set(t);
        auto const before { p };
        auto const verdict { judge_cpuid_page(p.bytes) };
        EXPECT_EQ(std::memcmp(p.bytes, before.bytes, 4096), 0);
        return verdict == CpuidVerdict::malformed;
    } };
    EXPECT_TRUE(malformed([](auto &t) { t.count = 65; }));
    EXPECT_TRUE(malformed([](auto &t) { t.count = ~0u; }));
    EXPECT_TRUE(malformed([](auto &t) { t.reserved = 1; }));
    EXPECT_TRUE(malformed([](auto &t) { t.reserved2 = std::uint64_t { 1 } << 63; }));
}

} // namespace
} // namespace gmem::platform::snp
