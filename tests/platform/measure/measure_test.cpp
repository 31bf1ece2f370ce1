// The launch digests against platform-models.md, section 8, and against their definitions put together by hand.

#include "crypto/openssl/openssl.hpp"
#include "platform/measure/cca_digest.hpp"
#include "platform/measure/snp_digest.hpp"
#include "platform/measure/tdx_digest.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace gmem::platform::measure {
namespace {

auto const &table { crypto::openssl_primitives() };
using crypto::Hash;
using Page = std::vector<std::byte>;

// Page p of section 8, and q: the same plus one.
Page pattern(unsigned seed)
{
    Page page(page_size);
    for (unsigned i { 0 }; i < page_size; ++i)
        page[i] = static_cast<std::byte>(i * 7 + seed + (i >> 8));
    return page;
}
Page const p { pattern(0) }, q { pattern(1) };

std::string to_hex(Measurement const &m)
{
    constexpr char digits[] { "0123456789abcdef" };
    std::string text;
    for (std::size_t i { 0 }; i < m.size; ++i)
        (text += digits[std::to_integer<unsigned>(m.bytes[i]) >> 4]) += digits[std::to_integer<unsigned>(m.bytes[i]) & 15];
    return text;
}

// A table that has no memory from the n-th hash on.
int hashes_left { 0 };
crypto::Primitives const forgetful { [] {
    auto t { table };
    t.hash = [](Hash h, std::byte const *data, std::size_t size, std::byte *out) noexcept { return hashes_left-- > 0 && table.hash(h, data, size, out); };
    t.make_digest = [](Hash) noexcept -> crypto::Digest * { return nullptr; };
    return t;
}() };

SnpDigest mixed(SnpDigest d)
{
    EXPECT_TRUE(d.add(SnpPage::normal, 0x100000, p.data()) && d.add(SnpPage::normal, 0x101000, q.data()) && d.add(SnpPage::zero, 0x102000, nullptr)
        && d.add(SnpPage::unmeasured, 0x103000, nullptr) && d.add(SnpPage::secrets, 0x104000, nullptr) && d.add(SnpPage::cpuid, 0x105000, nullptr)
        && d.add(SnpPage::vmsa, SnpDigest::usual_vmsa_gpa, p.data()));
    return d;
}

TEST(Snp, BeginsWithZeros) { EXPECT_EQ(to_hex(SnpDigest { table }.value()), std::string(96, '0')); }

TEST(Snp, Vectors)
{
    SnpDigest zero { table }, normal { table };
    EXPECT_TRUE(zero.add(SnpPage::zero, 0x1000, nullptr));
    EXPECT_EQ(to_hex(zero.value()), "4bd4147976a1e7554c1c778a781affc1c672f1965a727ba16084989b7e356044a28bbe585a2f75dac9356fa5ab78f061");
    EXPECT_TRUE(normal.add(SnpPage::normal, 0x100000, p.data()));
    EXPECT_EQ(to_hex(normal.value()), "49f87a04b5a1324ba5c5161b8fb0b6a71279206756517fe199e6087744734ae231f02599de02de0ebad581c99e3e05fa");
    EXPECT_EQ(to_hex(mixed(SnpDigest { table }).value()), "c4ef2f00bfe98409a0ba74586a5a78e36ab37089d210ca75d4d030ce9c746069cc9bcd1938cb4732c6a6f22b9d810654");
}

// Everything that PAGE_INFO names is in the digest.
TEST(Snp, EachFieldCounts)
{
    auto const of { [](SnpPage type, std::uint64_t gpa, Page const &page, SnpPermissions permissions) {
        SnpDigest d { table };
        EXPECT_TRUE(d.add(type, gpa, page.data(), permissions));
        return to_hex(d.value());
    } };
    std::vector<std::string> const all {
        of(SnpPage::normal, 0x1000, p, {}), of(SnpPage::normal, 0x2000, p, {}), of(SnpPage::normal, 0x1000, q, {}), of(SnpPage::vmsa, 0x1000, p, {}),
        of(SnpPage::zero, 0x1000, p, {}), of(SnpPage::unmeasured, 0x1000, p, {}), of(SnpPage::secrets, 0x1000, p, {}), of(SnpPage::cpuid, 0x1000, p, {}),
        of(SnpPage::normal, 0x1000, p, { .vmpl1 = 1 }), of(SnpPage::normal, 0x1000, p, { .vmpl2 = 1 }), of(SnpPage::normal, 0x1000, p, { .vmpl3 = 1 }),
    };
    for (std::size_t i { 0 }; i < all.size(); ++i)
        for (std::size_t j { 0 }; j < i; ++j)
            EXPECT_NE(all[i], all[j]) << i << " " << j;
    for (auto const type : { SnpPage::zero, SnpPage::unmeasured, SnpPage::secrets, SnpPage::cpuid })
        EXPECT_EQ(of(type, 0x1000, p, {}), of(type, 0x1000, q, {}));
}

// PAGE_INFO by hand, with every field set.
TEST(Snp, ThePageInfoIsTheFirmwares)
{
    SnpDigest d { table };
    EXPECT_TRUE(d.add(SnpPage::normal, 0x123456789000, p.data(), { .vmpl1 = 1, .vmpl2 = 3, .vmpl3 = 7 }));
    std::byte info[0x70] {};
    ASSERT_TRUE(table.hash(Hash::sha384, p.data(), page_size, info + 48));
    unsigned char const rest[16] { 0x70, 0, 1, 0, 0, 1, 3, 7, 0x00, 0x90, 0x78, 0x56, 0x34, 0x12, 0, 0 };
    std::memcpy(info + 0x60, rest, sizeof rest);
    Measurement expected { .size = 48 };
    ASSERT_TRUE(table.hash(Hash::sha384, info, sizeof info, expected.bytes));
    EXPECT_EQ(d.value(), expected);
}

TEST(Snp, TheTscOfAVmsaMayBeReadAsZeros)
{
    auto without { p };
    std::memset(without.data() + 0x2F0, 0, 16);
    SnpDigest given { table, SnpVmsaTsc::zeros }, cleared { table };
    EXPECT_TRUE(given.add(SnpPage::normal, 0x1000, p.data()) && given.add(SnpPage::vmsa, 0x2000, p.data()));
    EXPECT_TRUE(cleared.add(SnpPage::normal, 0x1000, p.data()) && cleared.add(SnpPage::vmsa, 0x2000, without.data()));
    EXPECT_EQ(given.value(), cleared.value());
    EXPECT_EQ(p, pattern(0));
}

TEST(Snp, WithoutMemoryTheChainIsAsBefore)
{
    for (hashes_left = 0; hashes_left < 2;) {
        auto const allowed { hashes_left };
        SnpDigest d { forgetful };
        EXPECT_FALSE(d.add(SnpPage::normal, 0x1000, p.data())) << allowed;
        EXPECT_EQ(d.value(), SnpDigest { table }.value());
        hashes_left = allowed + 1;
    }
}

TEST(Tdx, Vectors)
{
    TdxDigest empty { table }, added { table }, one { table }, two { table };
    EXPECT_EQ(to_hex(empty.value()), "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b");
    added.add(0x100000);
    EXPECT_EQ(to_hex(added.value()), "30739fc015b6f3734f7684e90531f2d634cff74b38357fd6094b6d8a5c5789241d55fcfc6410d564e659255bc2d89805");
    one.add_measured(0x100000, p.data());
    EXPECT_EQ(to_hex(one.value()), "811f63a97185f22b54934868e8b901013402b40986d766dfc14c2a7048c55203e0bcc38ae3700a126feb805d3d74b594");
    two.add_measured(0x100000, p.data());
    EXPECT_EQ(two.value(), one.value()); // asking in between changes nothing
    two.add_measured(0x101000, q.data());
    EXPECT_EQ(to_hex(two.value()), "ea51d55748900a453582ec37f175420b5ec91825d7a3cf445fd03e244905215c75ee9b768574321021128ea1fcb3d4a1");
}

// A VMM may add all pages first and extend afterwards, or extend parts only: another order is another measurement.
TEST(Tdx, TheOrderOfTheCallsCounts)
{
    TdxDigest interleaved { table }, apart { table };
    interleaved.add_measured(0x1000, p.data());
    interleaved.add_measured(0x2000, q.data());
    apart.add(0x1000);
    apart.add(0x2000);
    for (unsigned at { 0 }; at < page_size; at += 256)
        apart.extend(0x1000 + at, p.data() + at);
    for (unsigned at { 0 }; at < page_size; at += 256)
        apart.extend(0x2000 + at, q.data() + at);
    EXPECT_NE(interleaved.value(), apart.value());
}

TEST(Tdx, WithoutMemoryThereIsNone) { EXPECT_FALSE(TdxDigest { forgetful }); }

TEST(Cca, Vectors)
{
    CcaDigest small { table, Hash::sha256 }, large { table, Hash::sha512 }, ripas { table, Hash::sha256 };
    EXPECT_TRUE(small.add(0x100000, p.data()));
    EXPECT_EQ(to_hex(small.value()), "5dd23fad7f508e534120b876fee0cb5e3767f405c966295b7431ee5c6d7b004d");
    EXPECT_TRUE(small.add_unmeasured(0x101000));
    EXPECT_EQ(to_hex(small.value()), "e73cc0bca66b35b1f7a96926f1dd758889598503f0f570b8eff31ff5b92259af");
    EXPECT_TRUE(large.add(0x100000, p.data()));
    EXPECT_EQ(to_hex(large.value()), "bdf2adb162d4e55e0718feeab28edb147f51cde84c66f32eb12249c02591274ba1a2bc438889847c5d90196559492a5353ed89aa23e1b7c8b486494cc1f8cdab");
    EXPECT_TRUE(ripas.init_ripas(0, 0x200000));
    EXPECT_EQ(to_hex(ripas.value()), "1a2872c50dd32f736e40aed6d1846124ab801287045ed3be2f8889b4372921c3");
}

// RmiRealmParams by hand: nothing but the measured fields is in it.
TEST(Cca, TheRealmsParametersBeginTheChain)
{
    for (auto const h : { Hash::sha256, Hash::sha512 }) {
        CcaDigest d { table, h };
        EXPECT_TRUE(d.begin({ .flags = 0x0102, .s2sz = 40, .sve_vl = 3, .num_bps = 5, .num_wps = 6, .pmu_num_ctrs = 7 }));
        std::byte parameters[4096] {};
        unsigned char const fields[][2] { { 0, 2 }, { 1, 1 }, { 8, 40 }, { 0x10, 3 }, { 0x18, 5 }, { 0x20, 6 }, { 0x28, 7 }, { 0x30, h == Hash::sha512 } };
        for (auto const &[at, value] : fields)
            parameters[at] = std::byte { value };
        Measurement expected { .size = crypto::size_of(h) };
        ASSERT_TRUE(table.hash(h, parameters, sizeof parameters, expected.bytes));
        EXPECT_EQ(d.value(), expected);
    }
}

TEST(Cca, RecsCountWhenTheyAreRunnable)
{
    CcaDigest d { table, Hash::sha256 };
    EXPECT_TRUE(d.add_rec({ .flags = 0, .pc = 0x1000 }));
    EXPECT_EQ(d.value(), (CcaDigest { table, Hash::sha256 }.value()));

    EXPECT_TRUE(d.add_rec({ .pc = 0x80001000, .gprs = { 0x11, 0, 0, 0, 0, 0, 0, 0x88 } }));
    std::byte parameters[4096] {}, descriptor[0x100] {};
    parameters[0] = std::byte { 1 };
    parameters[0x201] = std::byte { 0x10 };
    parameters[0x203] = std::byte { 0x80 };
    parameters[0x300] = std::byte { 0x11 };
    parameters[0x338] = std::byte { 0x88 };
    descriptor[0] = descriptor[9] = std::byte { 1 };
    ASSERT_TRUE(table.hash(Hash::sha256, parameters, sizeof parameters, descriptor + 0x50));
    Measurement expected { .size = 32 };
    ASSERT_TRUE(table.hash(Hash::sha256, descriptor, sizeof descriptor, expected.bytes));
    EXPECT_EQ(d.value(), expected);
}

TEST(Cca, WithoutMemoryTheChainIsAsBefore)
{
    for (int allowed { 0 }; allowed < 2; ++allowed) {
        CcaDigest d { forgetful, Hash::sha512 };
        hashes_left = allowed;
        EXPECT_FALSE(d.add(0x1000, p.data()));
        EXPECT_EQ(d.value(), (CcaDigest { table, Hash::sha512 }.value()));
        hashes_left = allowed;
        EXPECT_FALSE(d.add_rec({}));
        EXPECT_EQ(d.value(), (CcaDigest { table, Hash::sha512 }.value()));
    }
}

} // namespace
} // namespace gmem::platform::measure
