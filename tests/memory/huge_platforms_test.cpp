// A platform and huge pages together (GMEM_HUGEPAGES=on): what is converted inside of 2 MiB, and as 2 MiB, is what changes, in place.

#include "tests/support/huge_pages.hpp"

#include "crypto/openssl/openssl.hpp"
#include "platform/kind.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

using namespace gmem;
using namespace gmem::test;

namespace {

enum class Finds { own, zeros, noise };
struct Row final {
    gmem_platform platform;
    Finds host, guest; // after to-shared, of the guest's; and after the way back, the guest of its own
};

using Bytes4K = std::array<unsigned char, page>;
constexpr unsigned char of_guest(std::uint64_t p) { return static_cast<unsigned char>(1 + p % 199); }
constexpr unsigned char of_host { 0xee };

bool is(Finds what, unsigned char const *at, unsigned char own)
{
    auto const all { [at](unsigned char c) { return std::all_of(at, at + page, [c](unsigned char b) { return b == c; }); } };
    return what == Finds::own ? all(own) : what == Finds::zeros ? all(0) : !all(own) && !all(0) && !all(of_host);
}

class HugePlatforms : public testing::TestWithParam<Row> {
protected:
    void SetUp() override
    {
        if (auto const *const wished { std::getenv("GMEM_HUGEPAGES") }; !wished || std::string_view { wished } != "on")
            GTEST_SKIP() << "without GMEM_HUGEPAGES=on there are none";
        NEEDS_HUGE_PAGES();
        crypto::install(crypto::openssl_primitives());
    }
    static void guest_fills(File &f, std::uint64_t first, std::uint64_t pages)
    {
        for (auto p { first }; p < first + pages; ++p) {
            Bytes4K bytes;
            bytes.fill(of_guest(p));
            ASSERT_EQ(gmem_guest_write(f.get(), p * page, bytes.data(), page), 0) << p;
        }
    }
    static bool guest_finds(File &f, std::uint64_t p, Finds what)
    {
        Bytes4K bytes {};
        return gmem_guest_read(f.get(), p * page, bytes.data(), page) == 0 && is(what, bytes.data(), of_guest(p));
    }
};

} // namespace

TEST_P(HugePlatforms, RoundTripsOfPagesAndOfWholeExtents)
{
    auto const [platform, host, back] { GetParam() };
    File f { 3 * extent, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, platform };
    gmem_finish_launch(f.get());
    for (std::uint64_t p { 0 }; p < 3 * extent; ++p)
        std::fill_n(f.at(p), page, of_host);
    ASSERT_EQ(f.stats().huge_bytes, 3 * extent_bytes);

    // The one in the middle is the guest's.
    ASSERT_EQ(f.to_private(extent, extent), 0);
    guest_fills(f, extent, extent);
    for (auto p { extent + 3 }; p < 2 * extent; p += 61) {
        ASSERT_EQ(f.to_shared(p), 0);
        EXPECT_TRUE(is(host, f.at(p), of_guest(p))) << "page " << p << ": the host would read what is the guest's";
        EXPECT_TRUE(guest_finds(f, p - 1, Finds::own) && guest_finds(f, p + 1, Finds::own)) << "beside page " << p;
        EXPECT_FALSE(probe(f.at(p + 1)).readable()) << p + 1;
        ASSERT_EQ(f.to_private(p), 0);
        EXPECT_TRUE(guest_finds(f, p, back)) << "page " << p;
        guest_fills(f, p, 1);
    }
    f.audit();

    // All of it, from a part of it: pages that are shared already stay as they are.
    ASSERT_EQ(f.to_shared(extent + 100, 7), 0);
    std::fill_n(f.at(extent + 103), page, of_host);
    ASSERT_EQ(f.to_shared(extent, extent), 0);
    for (auto p { extent }; p < 2 * extent; ++p)
        ASSERT_TRUE(p == extent + 103 ? is(Finds::own, f.at(p), of_host) : is(host, f.at(p), of_guest(p))) << "page " << p;
    ASSERT_EQ(f.to_private(extent, extent), 0);
    for (auto p { extent }; p < 2 * extent; ++p)
        if (p != extent + 103)
            ASSERT_TRUE(guest_finds(f, p, back)) << "page " << p;

    // Over the borders.
    guest_fills(f, extent, extent);
    ASSERT_EQ(f.to_private(extent - 9, 18), 0);
    guest_fills(f, extent - 9, 9);
    ASSERT_EQ(f.to_shared(extent - 5, 10), 0);
    for (auto p { extent - 5 }; p < extent + 5; ++p)
        EXPECT_TRUE(is(host, f.at(p), of_guest(p))) << "page " << p;
    for (auto const p : { extent - 9, extent - 6, extent + 5, 2 * extent - 1 })
        EXPECT_TRUE(guest_finds(f, p, Finds::own)) << "page " << p;

    // Nobody was here, and all of it is in one piece still.
    for (std::uint64_t p { 0 }; p < 3 * extent; ++p)
        if (p < extent - 9 || p >= 2 * extent)
            ASSERT_TRUE(is(Finds::own, f.at(p), of_host)) << "page " << p;
    EXPECT_EQ(f.stats().huge_bytes, 3 * extent_bytes);
    f.expect_gated();
}

// The records go with the pages, and with the last page of 2 MiB the memory does.
TEST_P(HugePlatforms, PunchedPagesAreTheHostsAgain)
{
    auto const platform { GetParam().platform };
    File f { 2 * extent, GMEM_FLAG_MMAP, platform };
    gmem_finish_launch(f.get());
    guest_fills(f, 0, extent);
    auto const *const owned { gmem_page_state(f.get(), 0) };
    ASSERT_EQ(gmem_punch(f.get(), 7 * page, 3 * page), 0);
    EXPECT_STRNE(gmem_page_state(f.get(), 8 * page), owned);
    EXPECT_STREQ(gmem_page_state(f.get(), 10 * page), owned);
    EXPECT_EQ(gmem_host_access(f.get(), 7 * page, 3 * page, GMEM_WRITE, "the next owner"), 0);
    EXPECT_TRUE(guest_finds(f, 6, Finds::own) && guest_finds(f, 10, Finds::own));
    ASSERT_EQ(gmem_punch(f.get(), 0, extent * page), 0);
    EXPECT_EQ(gmem_host_access(f.get(), 0, extent * page, GMEM_WRITE, "the next owner"), 0);
    EXPECT_EQ(f.stats().allocated, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, HugePlatforms, testing::Values(Row { GMEM_SNP, Finds::noise, Finds::own }, Row { GMEM_TDX, Finds::zeros, Finds::zeros }, Row { GMEM_CCA, Finds::zeros, Finds::zeros }),
    [](auto const &test) { return std::string { platform::name_of(static_cast<platform::Kind>(test.param.platform)) }; });
