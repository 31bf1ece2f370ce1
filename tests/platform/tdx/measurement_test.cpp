// MRTD and KVM_TDX_INIT_MEM_REGION. The digests come from an independent computation (platform-models.md section 8).

#include "world.hpp"

#include "platform/tdx/populate.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::tdx;

namespace {

constexpr char const *mrtd_empty { "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b" };
constexpr char const *mrtd_added { "30739fc015b6f3734f7684e90531f2d634cff74b38357fd6094b6d8a5c5789241d55fcfc6410d564e659255bc2d89805" };
constexpr char const *mrtd_p { "811f63a97185f22b54934868e8b901013402b40986d766dfc14c2a7048c55203e0bcc38ae3700a126feb805d3d74b594" };
constexpr char const *mrtd_p_q { "ea51d55748900a453582ec37f175420b5ec91825d7a3cf445fd03e244905215c75ee9b768574321021128ea1fcb3d4a1" };

std::string text_of(Mrtd const &m)
{
    std::byte digest[mrtd_bytes];
    m.read(digest);
    std::string text;
    for (auto const b : digest) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", std::to_integer<unsigned>(b));
        text += two;
    }
    return text;
}

void pattern(std::byte *page, unsigned seed)
{
    for (unsigned i { 0 }; i < page_size; ++i)
        page[i] = static_cast<std::byte>((7 * i + seed + (i >> 8)) & 0xff);
}

struct Launch : World {
    Launch() : World { 8 }
    {
        EXPECT_EQ(td.key_config(), Seam::success);
        for (unsigned i { 0 }; i < tdcs_pages; ++i)
            EXPECT_EQ(td.add_tdcx(), Seam::success);
        EXPECT_EQ(td.init(), Seam::success);
        EXPECT_EQ(td.create_vcpu(), Seam::success);
    }
    // At gpa 1 MiB + the page, private, written before.
    LaunchPage page(std::uint64_t p, Measure m = Measure::yes) { return { PageNo { p }, 0x100 + p, Attribute::private_, nullptr, m, true }; }

    Td td { id };
};

}

TEST(Measurement, IsThatOfTheVectors)
{
    Launch l;
    EXPECT_EQ(text_of(l.td.mrtd()), mrtd_empty);
    pattern(l.bytes(0), 0);
    pattern(l.bytes(1), 1);
    ASSERT_TRUE(populate(l.td, l.pages, l.page(0)));
    EXPECT_EQ(text_of(l.td.mrtd()), mrtd_p);
    ASSERT_TRUE(populate(l.td, l.pages, l.page(1)));
    EXPECT_EQ(text_of(l.td.mrtd()), mrtd_p_q);
    ASSERT_EQ(l.td.finalize(), Seam::success);
    EXPECT_EQ(text_of(l.td.mrtd()), mrtd_p_q);
}

TEST(Measurement, WithoutMeasureOnlyTheAddressCounts)
{
    Launch l;
    pattern(l.bytes(0), 99);
    ASSERT_TRUE(populate(l.td, l.pages, l.page(0, Measure::no)));
    EXPECT_EQ(text_of(l.td.mrtd()), mrtd_added);
}

TEST(Measurement, ASourceIsCopiedAndMeasured)
{
    Launch l;
    std::byte source[page_size];
    pattern(source, 0);
    fill(l.bytes(0), 0xdead);
    auto what { l.page(0) };
    what.source = source;
    ASSERT_TRUE(populate(l.td, l.pages, what));
    EXPECT_EQ(std::memcmp(l.bytes(0), source, page_size), 0);
    EXPECT_EQ(text_of(l.td.mrtd()), mrtd_p);
}

TEST(Measurement, ExtendTakesChunksOfMappedPages)
{
    Launch l;
    Place const at { PageNo { 0 }, 0x100 };
    EXPECT_EQ(l.td.extend(l.pages, at, 0), Seam::ept_entry_state_incorrect);
    ASSERT_EQ(l.td.page_add(l.pages, at, nullptr), Seam::success);
    auto const before { text_of(l.td.mrtd()) };
    EXPECT_EQ(before, mrtd_added);
    EXPECT_EQ(l.td.extend(l.pages, at, 100), Seam::operand_invalid);
    EXPECT_EQ(l.td.extend(l.pages, at, page_size), Seam::operand_invalid);
    EXPECT_EQ(text_of(l.td.mrtd()), before);
    EXPECT_EQ(l.td.extend(l.pages, at, page_size - 256), Seam::success);
    EXPECT_NE(text_of(l.td.mrtd()), before);

    ASSERT_EQ(page_aug(l.td.state(l.vm), l.pages, { PageNo { 1 }, 0x101 }), Seam::success);
    EXPECT_EQ(l.td.extend(l.pages, { PageNo { 1 }, 0x101 }, 0), Seam::ept_entry_state_incorrect); // pending
}

TEST(Populate, TellsOfAPageThatNobodyEverWrote)
{
    Launch l;
    auto what { l.page(0) };
    what.existed = false;
    EXPECT_TRUE(populate(l.td, l.pages, what).value().never_written);
    EXPECT_FALSE(populate(l.td, l.pages, l.page(1)).value().never_written);
    std::byte source[page_size] {};
    what = l.page(2);
    what.existed = false;
    what.source = source;
    EXPECT_FALSE(populate(l.td, l.pages, what).value().never_written);
}

TEST(Populate, RefusesAndMeasuresNothing)
{
    Launch l;
    ASSERT_TRUE(populate(l.td, l.pages, l.page(0)));
    auto const before { text_of(l.td.mrtd()) };
    auto const records { l.records };
    auto const err { [&](LaunchPage const &p) {
        auto const r { populate(l.td, l.pages, p) };
        return r ? 0 : r.error().err;
    } };
    EXPECT_EQ(err(l.page(0)), EIO); // in the Secure-EPT already
    auto shared { l.page(1) };
    shared.attribute = Attribute::shared;
    EXPECT_EQ(err(shared), EINVAL);
    EXPECT_EQ(err(l.page(8)), EINVAL); // beyond the file
    auto elsewhere { l.page(0) };
    elsewhere.frame = 0x900;
    EXPECT_EQ(err(elsewhere), EIO); // one page, two addresses
    ASSERT_EQ(l.td.finalize(), Seam::success);
    EXPECT_EQ(err(l.page(1)), EINVAL);
    EXPECT_EQ(text_of(l.td.mrtd()), before);
    EXPECT_EQ(l.records, records);
}

TEST(Populate, WantsATdWithAVcpu)
{
    World w { 1 };
    Td td { World::id };
    LaunchPage const what { PageNo { 0 }, 1, Attribute::private_, nullptr, Measure::yes, true };
    EXPECT_EQ(populate(td, w.pages, what).error().err, EINVAL);
    ASSERT_EQ(td.key_config(), Seam::success);
    for (unsigned i { 0 }; i < tdcs_pages; ++i)
        ASSERT_EQ(td.add_tdcx(), Seam::success);
    ASSERT_EQ(td.init(), Seam::success);
    EXPECT_EQ(populate(td, w.pages, what).error().err, EINVAL);
    ASSERT_EQ(td.create_vcpu(), Seam::success);
    EXPECT_TRUE(populate(td, w.pages, what));
}
