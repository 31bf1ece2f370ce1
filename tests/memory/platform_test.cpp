// What each platform does to the pages of a gmem, through the library: who reads what after which way. docs/platforms.md; platform-models.md 1.4, 2.2, 3.1, 4.3.

#include "tests/support/peer.hpp"

#include "crypto/openssl/openssl.hpp"
#include "platform/profile.hpp"

#include <array>
#include <cerrno>
#include <functional>
#include <string>

using namespace gmem;
using namespace gmem::test;

namespace {

using Page = std::array<unsigned char, page>;
constexpr Page filled_with(unsigned char c)
{
    Page p {};
    for (auto &b : p)
        b = c;
    return p;
}
constexpr auto empty { filled_with(0) };

// What a reader finds of what a writer left.
enum class Finds { kept, zeros, noise };

struct Row final {
    gmem_platform platform;
    char const *name, *options;
    bool asks;        // does the guest ask for its conversions, by its platform's call?
    Finds guest;      // the guest, of what the host had written, after to-private and acceptance
    Finds host;       // the host, of what the guest had written, after to-shared
    Finds round_trip; // the guest, of its own bytes, after to-shared and back without a write in between
    char const *initially, *owned; // names of the state
};
constexpr Row rows[] {
    { GMEM_SW_PROTECTED, "sw_protected", "", false, Finds::kept, Finds::kept, Finds::kept, "HOST", "HOST" },
    { GMEM_SNP, "snp", "", false, Finds::noise, Finds::noise, Finds::kept, "HYPERVISOR", "GUEST_VALID" },
    { GMEM_TDX, "tdx", "", false, Finds::zeros, Finds::zeros, Finds::zeros, "FREE", "MAPPED" },
    { GMEM_TDX, "tdx, noise", "tdx-removed=noise", false, Finds::zeros, Finds::noise, Finds::zeros, "FREE", "MAPPED" },
    { GMEM_PKVM, "pkvm", "", true, Finds::kept, Finds::kept, Finds::kept, "OWNED", "NOPAGE/OWNED" },
    { GMEM_PKVM, "pkvm, destructive", "pkvm-unsolicited=destructive", false, Finds::zeros, Finds::zeros, Finds::zeros, "OWNED", "NOPAGE/OWNED" },
    { GMEM_CCA, "cca", "", false, Finds::zeros, Finds::zeros, Finds::zeros, "UNDELEGATED", "DATA, ASSIGNED/RAM" },
    { GMEM_CCA, "cca, noise", "cca-wiped=noise", false, Finds::zeros, Finds::noise, Finds::zeros, "UNDELEGATED", "DATA, ASSIGNED/RAM" },
};

bool is(Finds what, Page const &found, Page const &left)
{
    switch (what) {
    case Finds::kept:  return found == left;
    case Finds::zeros: return found == empty;
    case Finds::noise: break;
    }
    unsigned counts[256] {}; // no 16 bytes in place, and no byte much more often than others
    unsigned most { 0 };
    for (std::size_t i { 0 }; i < page; i += 16)
        if (std::memcmp(found.data() + i, left.data() + i, 16) == 0)
            return false;
    for (auto const b : found)
        most = std::max(most, ++counts[b]);
    return most < 64;
}

class PlatformFile final {
public:
    PlatformFile(Row const &r, std::uint64_t pages) : row { r }, file { pages, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, r.platform, r.options } { gmem_finish_launch(g()); }

    gmem_file *g() const { return file.get(); }
    int convert(std::uint64_t first, std::uint64_t pages, gmem_attribute to, std::uint64_t flags = 0)
    {
        if (row.asks)
            EXPECT_EQ(gmem_guest_request(g(), first * page, pages * page, to), 0);
        return gmem_convert_with(g(), first * page, pages * page, to, flags, nullptr);
    }
    void host_writes(std::uint64_t p, Page const &bytes) { std::memcpy(file.at(p), bytes.data(), page); }
    Page host_reads(std::uint64_t p)
    {
        Page found;
        std::memcpy(found.data(), file.at(p), page);
        return found;
    }
    void guest_writes(std::uint64_t p, Page const &bytes) { EXPECT_EQ(gmem_guest_write(g(), p * page, bytes.data(), page), 0); }
    Page guest_reads(std::uint64_t p)
    {
        Page found {};
        EXPECT_EQ(gmem_guest_read(g(), p * page, found.data(), page), 0);
        return found;
    }
    std::string state(std::uint64_t p) { return gmem_page_state(g(), p * page); }

    Row const &row;
    File file;
};

class Platforms : public testing::TestWithParam<Row> {
protected:
    static void SetUpTestSuite() { crypto::install(crypto::openssl_primitives()); }
    static bool holds() { return GetParam().platform != GMEM_SW_PROTECTED; }
};

constexpr auto the_hosts { filled_with(0x48) }, the_guests { filled_with(0x67) };

} // namespace

TEST_P(Platforms, WhoReadsWhatAfterEachConversion)
{
    PlatformFile f { GetParam(), 16 };
    f.host_writes(3, the_hosts);
    EXPECT_EQ(f.state(3), f.row.initially);
    ASSERT_EQ(f.convert(3, 1, GMEM_PRIVATE), 0);
    EXPECT_TRUE(is(f.row.guest, f.guest_reads(3), the_hosts)) << "the guest would read what the host wrote before the page became its own";
    EXPECT_EQ(f.state(3), f.row.owned) << "the guest would work on a page that its platform does not count as its own: a host access to it would go unnoticed, or the guest would fault on it";
    f.guest_writes(3, the_guests);
    EXPECT_EQ(f.guest_reads(3), the_guests);
    EXPECT_FALSE(probe(f.file.at(3)).readable());
    ASSERT_EQ(f.convert(3, 1, GMEM_SHARED), 0);
    auto const host { f.host_reads(3) };
    EXPECT_TRUE(is(f.row.host, host, the_guests)) << "the host would read what the guest wrote while the page was private";
    EXPECT_NE(f.state(3), f.row.platform == GMEM_SW_PROTECTED ? "" : f.row.owned);
    EXPECT_EQ(gmem_host_access(f.g(), 3 * page, page, GMEM_WRITE, "the test"), 0);
    EXPECT_EQ(f.host_reads(3), host); // asking changes nothing
    ASSERT_EQ(f.convert(3, 1, GMEM_PRIVATE), 0);
    EXPECT_TRUE(is(f.row.round_trip, f.guest_reads(3), the_guests));
}

// Nobody's bytes change where the guest never was: the trusted side has not heard of the page.
TEST_P(Platforms, APageThatTheGuestNeverUsesKeepsTheHostsBytes)
{
    if (std::string { GetParam().options }.find("destructive") != std::string::npos)
        GTEST_SKIP() << "a conversion that nobody asked for wipes there";
    PlatformFile f { GetParam(), 1024 };
    f.host_writes(700, the_hosts);
    auto const allocated { f.file.stats().allocated };
    ASSERT_EQ(f.convert(0, 1024, GMEM_PRIVATE), 0);
    ASSERT_EQ(f.convert(0, 1024, GMEM_SHARED), 0);
    EXPECT_EQ(f.host_reads(700), the_hosts);
    EXPECT_EQ(f.state(700), f.row.initially);
    EXPECT_EQ(f.file.stats().allocated, allocated); // holes are holes
}

TEST_P(Platforms, TheSameTextOnTwoPagesIsTwoCiphertexts)
{
    PlatformFile f { GetParam(), 16 };
    ASSERT_EQ(f.convert(2, 2, GMEM_PRIVATE), 0);
    f.guest_writes(2, the_guests);
    f.guest_writes(3, the_guests);
    ASSERT_EQ(f.convert(2, 2, GMEM_SHARED), 0);
    EXPECT_EQ(f.host_reads(2) == f.host_reads(3), f.row.host != Finds::noise);
}

// Nothing of the guest's is left, whatever becomes of the page.
TEST_P(Platforms, APunchedPageIsANewOne)
{
    PlatformFile f { GetParam(), 16 };
    for (auto const to : { GMEM_SHARED, GMEM_PRIVATE }) {
        ASSERT_EQ(f.convert(4, 2, GMEM_PRIVATE), 0);
        f.guest_writes(4, the_guests);
        f.guest_writes(5, the_guests);
        ASSERT_EQ(gmem_punch(f.g(), 4 * page, page), 0);
        EXPECT_EQ(f.state(4).find(f.row.initially), 0u) << f.state(4) << ": the next owner of the page would meet a fault on memory that the platform still counts as the guest's"; // CCA: and the entry is DESTROYED
        EXPECT_EQ(f.state(5), f.row.owned);
        EXPECT_TRUE(f.file.is_private(4));
        f.file.audit();
        if (to == GMEM_SHARED) {
            ASSERT_EQ(f.convert(4, 1, GMEM_SHARED), 0);
            EXPECT_EQ(f.host_reads(4), empty);
        } else {
            EXPECT_TRUE(is(f.row.guest, f.guest_reads(4), empty));
        }
        EXPECT_EQ(f.guest_reads(5), the_guests);
        ASSERT_EQ(f.convert(4, 2, GMEM_SHARED), 0);
    }
}

TEST_P(Platforms, AConversionTakesWhatIsHeldOutOfAMixedRange)
{
    PlatformFile f { GetParam(), 64 };
    for (std::uint64_t p { 0 }; p < 64; ++p)
        f.host_writes(p, the_hosts);
    ASSERT_EQ(f.convert(8, 40, GMEM_PRIVATE), 0);
    for (std::uint64_t p { 8 }; p < 48; p += 3)
        f.guest_writes(p, the_guests);
    bool const wiped { std::string { f.row.options }.find("destructive") != std::string::npos };
    ASSERT_EQ(f.convert(0, 64, GMEM_SHARED), 0);
    for (std::uint64_t p { 0 }; p < 64; ++p) {
        bool const used { p >= 8 && p < 48 && (p - 8) % 3 == 0 };
        EXPECT_TRUE(is(used ? f.row.host : wiped ? Finds::zeros : Finds::kept, f.host_reads(p), used ? the_guests : the_hosts)) << "page " << p;
        EXPECT_EQ(gmem_host_access(f.g(), p * page, page, GMEM_WRITE, "the test"), 0) << "page " << p;
    }
}

// The key lies in memory that all processes of the file share.
TEST_P(Platforms, AnotherProcessConverts)
{
    PlatformFile f { GetParam(), 16 };
    Peer peer { [&f](char c, std::uint64_t n) { return c == 's' ? f.convert(n, 1, GMEM_SHARED) : serve_file(f.file, c, n); } };
    ASSERT_EQ(f.convert(3, 1, GMEM_PRIVATE), 0);
    f.guest_writes(3, the_guests);
    EXPECT_EQ(peer.ask('r', 3), -1);
    ASSERT_EQ(peer.ask('s', 3), 0);
    auto const host { f.host_reads(3) };
    EXPECT_TRUE(is(f.row.host, host, the_guests));
    EXPECT_EQ(peer.ask('r', 3), host[0]);
    ASSERT_EQ(peer.ask('p', 3), 0);
    if (f.row.platform != GMEM_PKVM) // who did not ask: docs/platforms.md
        EXPECT_TRUE(is(f.row.round_trip, f.guest_reads(3), the_guests));
    f.file.audit();
}

TEST_P(Platforms, AForkedChildIsAGuestAsWell)
{
    PlatformFile f { GetParam(), 16 };
    ASSERT_EQ(f.convert(3, 2, GMEM_PRIVATE), 0);
    f.guest_writes(3, the_guests);
    Peer child { [&f](char c, std::uint64_t n) {
        if (c == 'g')
            return f.guest_reads(n) == the_guests ? 1 : 0;
        if (c == 'G')
            f.guest_writes(n, the_guests);
        return c == 'h' ? probe(f.file.at(n)).readable() ? 1 : 0 : 0;
    } };
    EXPECT_EQ(child.ask('h', 3), 0);
    EXPECT_EQ(child.ask('g', 3), 1);
    EXPECT_EQ(child.ask('G', 4), 0);
    EXPECT_EQ(f.guest_reads(4), the_guests);
    f.file.audit();
}

// guest_memfd zeroes what the trusted side has given back: never earlier, or the line below would name the crash.
TEST_P(Platforms, ZeroesComeAfterTheTrustedSideHasLetGo)
{
    auto const before { platform::Profile::current() };
    platform::Profile::choose(platform::Profile::of(platform::Uapi::rfc_v5));
    {
        PlatformFile f { GetParam(), 16 };
        ASSERT_EQ(f.convert(3, 2, GMEM_PRIVATE), 0);
        f.guest_writes(3, the_guests);
        testing::internal::CaptureStderr();
        EXPECT_EQ(f.convert(2, 4, GMEM_SHARED, 1), 0);
        EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
        for (std::uint64_t p { 2 }; p < 6; ++p)
            EXPECT_EQ(f.host_reads(p), empty) << "page " << p;
    }
    platform::Profile::choose(before);
}

INSTANTIATE_TEST_SUITE_P(All, Platforms, testing::ValuesIn(rows), [](auto const &test) {
    std::string name { test.param.name };
    std::erase_if(name, [](char c) { return c == ' ' || c == ','; });
    return name;
});

namespace {

// A host's access to a page that the guest holds.
struct Mistake final {
    gmem_platform platform;
    char const *options;
    gmem_access access;
    int result;
    char const *consequence, *fault;
};
constexpr char const *crash { "the host kernel would have crashed" };
constexpr char const *goes_on { "the host would have gone on, and the guest has lost the page" };
constexpr char const *machine_check { "the host would have got a machine check" };
constexpr Mistake mistakes[] {
    { GMEM_SW_PROTECTED, "", GMEM_READ, 0, "", "" },
    { GMEM_SW_PROTECTED, "", GMEM_WRITE, 0, "", "" },
    { GMEM_SNP, "", GMEM_READ, 0, "", "" }, // ciphertext
    { GMEM_SNP, "", GMEM_WRITE, -EFAULT, crash, "#PF with the RMP bit" },
    { GMEM_TDX, "", GMEM_READ, 0, "", "" },
    { GMEM_TDX, "", GMEM_WRITE, -EHWPOISON, goes_on, "#MC in the TD" },
    { GMEM_TDX, "tdx-removed=poison", GMEM_READ, -EHWPOISON, machine_check, "#MC" },
    { GMEM_TDX, "tdx-cpu=erratum", GMEM_WRITE, -EHWPOISON, machine_check, "#MC later" },
    { GMEM_PKVM, "", GMEM_READ, -EHWPOISON, goes_on, "stage-2 abort" },
    { GMEM_PKVM, "", GMEM_WRITE, -EHWPOISON, goes_on, "stage-2 abort" },
    { GMEM_PKVM, "pkvm-bad-access=panic", GMEM_READ, -EFAULT, crash, "stage-2 abort" },
    { GMEM_CCA, "", GMEM_READ, -EFAULT, crash, "GPF" },
    { GMEM_CCA, "", GMEM_WRITE, -EFAULT, crash, "GPF" },
};

} // namespace

TEST(HostAccess, MeetsWhatThePlatformHasForIt)
{
    crypto::install(crypto::openssl_primitives());
    for (auto const &m : mistakes) {
        File f { 16, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, m.platform, m.options };
        gmem_finish_launch(f.get());
        ASSERT_EQ(f.to_private(5), 0);
        ASSERT_EQ(gmem_guest_accept(f.get(), 5 * page), 0);
        testing::internal::CaptureStderr();
        EXPECT_EQ(gmem_host_access(f.get(), 4 * page, page, m.access, "a driver"), 0);
        EXPECT_EQ(gmem_host_access(f.get(), 4 * page + 10, 2 * page, m.access, "a driver"), m.result) << m.platform << " " << m.options;
        auto const line { testing::internal::GetCapturedStderr() };
        if (m.result == 0) {
            EXPECT_EQ(line, "");
            continue;
        }
        for (auto const *part : { m.consequence, m.fault, " in a driver: ", " page 5 " , gmem_page_state(f.get(), 5 * page), m.access == GMEM_WRITE ? "write to" : "read of" })
            EXPECT_NE(line.find(part), std::string::npos) << line << " lacks " << part;
        EXPECT_EQ(gmem_host_access(f.get(), 15 * page, 2 * page, m.access, "a driver"), -EINVAL);
    }
}

// A zeroing conversion to private of pages that are the guest's already, as the mail of 1 May has it.
TEST(HostAccess, TheConversionsOwnZeroingIsReported)
{
    crypto::install(crypto::openssl_primitives());
    auto const before { platform::Profile::current() };
    platform::Profile::choose(platform::Profile::of(platform::Uapi::may1));
    for (auto const platform : { GMEM_SNP, GMEM_TDX, GMEM_PKVM, GMEM_CCA }) {
        File f { 16, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, platform };
        gmem_finish_launch(f.get());
        ASSERT_EQ(f.to_private(5), 0);
        unsigned char const mine { 0x67 };
        ASSERT_EQ(gmem_guest_write(f.get(), 5 * page, &mine, 1), 0);
        testing::internal::CaptureStderr();
        EXPECT_EQ(gmem_convert_with(f.get(), 4 * page, 2 * page, GMEM_PRIVATE, 1, nullptr), 0);
        auto const line { testing::internal::GetCapturedStderr() };
        EXPECT_NE(line.find("in a conversion to private: write to page 5 "), std::string::npos) << platform << line;
        EXPECT_EQ(f.guest(5), mine);
    }
    platform::Profile::choose(before);
}

TEST(HostAccess, APageThatTdxLeftPoisonedIsAMachineCheckUntilItIsWritten)
{
    crypto::install(crypto::openssl_primitives());
    File f { 16, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, GMEM_TDX, "tdx-removed=poison" };
    gmem_finish_launch(f.get());
    ASSERT_EQ(f.to_private(5), 0);
    ASSERT_EQ(gmem_guest_accept(f.get(), 5 * page), 0);
    ASSERT_EQ(f.to_shared(5), 0);
    testing::internal::CaptureStderr();
    EXPECT_EQ(gmem_host_access(f.get(), 5 * page, 1, GMEM_READ, "a driver"), -EHWPOISON);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("machine check"), std::string::npos);
    std::memset(f.at(5), 1, page);
    EXPECT_EQ(gmem_host_access(f.get(), 5 * page, 1, GMEM_READ, "a driver"), 0);
}

TEST(PlatformFiles, UnknownWordsAndPlatformsAreRefused)
{
    gmem_file *g { nullptr };
    EXPECT_EQ(gmem_create_trusted(page, 0, static_cast<gmem_platform>(5), nullptr, &g), -EINVAL);
    EXPECT_EQ(gmem_create_trusted(page, 0, GMEM_PKVM, "pkvm-unsolicited=perhaps", &g), -EINVAL);
    EXPECT_EQ(gmem_create_trusted(page, 0, GMEM_PKVM, "pkvm-unsolicited", &g), -EINVAL);
}

TEST(PlatformFiles, BeforeTheEndOfTheLaunchTdxGivesNoPage)
{
    crypto::install(crypto::openssl_primitives());
    File f { 16, GMEM_FLAG_MMAP, GMEM_TDX };
    EXPECT_EQ(gmem_guest_touch(f.get(), 3 * page), -EIO);
    unsigned char b { 0 };
    EXPECT_EQ(gmem_guest_read(f.get(), 3 * page, &b, 1), -EIO);
    gmem_finish_launch(f.get());
    EXPECT_EQ(gmem_guest_touch(f.get(), 3 * page), 0);
    EXPECT_STREQ(gmem_page_state(f.get(), 3 * page), "PENDING");
    EXPECT_EQ(gmem_guest_accept(f.get(), 3 * page), 0);
    EXPECT_STREQ(gmem_page_state(f.get(), 3 * page), "MAPPED");
    EXPECT_EQ(gmem_guest_touch(f.get(), 16 * page), -EINVAL);
    EXPECT_EQ(gmem_page_state(f.get(), 16 * page), nullptr);
}

// EL2 took it from the guest by force. The page that comes in its place when it is punched is another one.
TEST(PlatformFiles, APoisonedPageOfPkvmIsTheHostsAgainWhenItIsPunched)
{
    File f { 16, GMEM_FLAG_MMAP, GMEM_PKVM };
    unsigned char const mine { 0x67 };
    ASSERT_EQ(gmem_guest_write(f.get(), 3 * page, &mine, 1), 0);
    ASSERT_EQ(f.to_shared(3), 0); // nobody asked
    EXPECT_EQ(f.at(3)[0], 0);
    EXPECT_STREQ(gmem_page_state(f.get(), 3 * page), "OWNED/POISON");
    ASSERT_EQ(f.to_private(3), 0);
    EXPECT_EQ(gmem_guest_touch(f.get(), 3 * page), -EHWPOISON);
    ASSERT_EQ(gmem_punch(f.get(), 3 * page, page), 0);
    EXPECT_STREQ(gmem_page_state(f.get(), 3 * page), "OWNED") << "the guest would die of a page that is a new one: the poisoned one has left the file";
    EXPECT_EQ(gmem_guest_touch(f.get(), 3 * page), 0);
    EXPECT_EQ(f.guest(3), 0);
}

// Punching and looking at a file of 256 GiB makes no records. (ThreadSanitizer leaves a process no 1 TiB in one piece.)
TEST(PlatformFiles, WhatIsNotUsedHasNoRecords)
{
    crypto::install(crypto::openssl_primitives());
    constexpr std::uint64_t size { std::uint64_t { 1 } << 38 };
    gmem_file *g { nullptr };
    ASSERT_EQ(gmem_create_trusted(size, GMEM_FLAG_MMAP, GMEM_SNP, nullptr, &g), 0);
    gmem_finish_launch(g);
    ASSERT_EQ(gmem_guest_touch(g, 512 * page), 0);
    struct gmem_stats before, after;
    ASSERT_EQ(gmem_get_stats(g, &before), 0);
    EXPECT_EQ(before.allocated, page);
    ASSERT_EQ(gmem_punch(g, 0, size), 0);
    EXPECT_EQ(gmem_host_access(g, size / 2, 1 << 20, GMEM_WRITE, "a driver"), 0);
    EXPECT_STREQ(gmem_page_state(g, size / 4), "HYPERVISOR");
    ASSERT_EQ(gmem_convert(g, 0, size, GMEM_SHARED, nullptr), 0);
    ASSERT_EQ(gmem_get_stats(g, &after), 0);
    EXPECT_EQ(after.allocated, 0u);
    gmem_destroy(g);
}
