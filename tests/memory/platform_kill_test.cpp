// kill -9 at the points where the trusted side is half told: the survivors find a state that audits clean, and nobody reads what is not theirs.

#include "tests/support/file.hpp"

#include "crypto/openssl/openssl.hpp"
#include "os/kill_points.hpp"

#include <cstring>
#include <functional>
#include <string>
#include <sys/wait.h>
#include <vector>

using namespace gmem;
using namespace gmem::test;

namespace {

constexpr unsigned char mine { 0x67 };
constexpr gmem_platform platforms[] { GMEM_SNP, GMEM_TDX, GMEM_PKVM, GMEM_CCA };

bool killed_at(char const *point, long passage, std::function<int()> const &body)
{
    auto const pid { fork() };
    if (pid == 0) {
        gmem::os::kill_plan.countdown = passage;
        gmem::os::kill_plan.point = point;
        _exit(body() == 0 ? 0 : 1);
    }
    int status { 0 };
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
    return WIFSIGNALED(status);
}

struct Guest final {
    explicit Guest(gmem_platform platform) : f { 64, GMEM_FLAG_MMAP, platform }
    {
        gmem_finish_launch(f.get());
        for (std::uint64_t p { 8 }; p < 24; ++p)
            fill(p);
    }
    int fill(std::uint64_t p)
    {
        std::vector<unsigned char> const bytes(page, mine);
        return gmem_guest_write(f.get(), p * page, bytes.data(), page);
    }
    bool shows_the_guests(std::uint64_t p) const { return std::memchr(f.at(p), mine, page) && std::memcmp(f.at(p), f.at(p) + 1, page - 1) == 0; }

    File f;
};

class PlatformKill : public testing::TestWithParam<gmem_platform> {
protected:
    static void SetUpTestSuite() { crypto::install(crypto::openssl_primitives()); }
};

} // namespace

TEST_P(PlatformKill, WhileAPageBecomesTheGuests)
{
    for (auto const *point : { "platform.made_private" }) {
        Guest g { GetParam() };
        ASSERT_TRUE(killed_at(point, 0, [&g] { return g.fill(40); })) << point;
        g.f.audit();
        ASSERT_EQ(g.fill(40), 0); // goes on
        ASSERT_EQ(g.f.to_shared(40), 0);
        EXPECT_EQ(gmem_host_access(g.f.get(), 40 * page, page, GMEM_WRITE, "the test"), 0); // found and given back
        EXPECT_FALSE(g.shows_the_guests(40)) << "the host would read what the guest wrote while the page was private";
    }
    Guest g { GetParam() };
    ASSERT_TRUE(killed_at("platform.made_private", 0, [&g] { return g.fill(40); }));
    ASSERT_EQ(g.f.to_shared(40), 0); // the first call after the death
    EXPECT_EQ(gmem_host_access(g.f.get(), 40 * page, page, GMEM_WRITE, "the test"), 0);
}

TEST_P(PlatformKill, WhileAConversionTakesThePagesBack)
{
    for (auto const *point : { "convert.staged", "convert.asked", "commit.begun", "platform.made_shared", "commit.done", "convert.committed" })
        for (long passage { 0 }; passage < 2; ++passage) {
            Guest g { GetParam() };
            for (std::uint64_t p { 30 }; p < 34; ++p)
                ASSERT_EQ(g.fill(p), 0); // a second run of held pages
            bool const killed { killed_at(point, passage, [&g] { return g.f.to_shared(4, 40); }) };
            EXPECT_TRUE(killed || passage > 0) << point;
            g.f.audit();
            ASSERT_EQ(g.f.to_shared(4, 40), 0);
            g.f.audit();
            for (std::uint64_t p { 4 }; p < 44; ++p) {
                EXPECT_FALSE(g.shows_the_guests(p)) << point << " page " << p << ": the host would read what the guest wrote while the page was private";
                EXPECT_EQ(gmem_host_access(g.f.get(), p * page, page, GMEM_WRITE, point), 0) << "page " << p;
            }
        }
}

TEST_P(PlatformKill, WhilePagesLeaveTheFile)
{
    Guest g { GetParam() };
    ASSERT_TRUE(killed_at("platform.reclaimed", 0, [&g] { return gmem_punch(g.f.get(), 8 * page, 4 * page); }));
    g.f.audit();
    EXPECT_EQ(gmem_host_access(g.f.get(), 8 * page, 4 * page, GMEM_WRITE, "the test"), 0);
    EXPECT_EQ(g.f.guest(12), mine);
    ASSERT_EQ(g.fill(8), 0);
    EXPECT_EQ(g.f.guest(8), mine);
}

// After the commit the platform hears of it: from the one who comes next, if need be. With pkvm-unsolicited=destructive that is a wipe.
TEST(PlatformKillPkvm, WhatTheDeadOwedThePlatformIsDone)
{
    constexpr unsigned char hosts { 0x48 };
    for (auto const *point : { "convert.staged", "commit.begun", "commit.done", "commit.unconcluded", "commit.answered" })
        for (bool const asked : { false, true }) {
            File f { 16, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, GMEM_PKVM, "pkvm-unsolicited=destructive" };
            std::memset(f.at(3), hosts, page);
            if (asked)
                ASSERT_EQ(gmem_guest_request(f.get(), 3 * page, page, GMEM_PRIVATE), 0);
            ASSERT_TRUE(killed_at(point, 0, [&f] { return f.to_private(3); })) << point;
            bool const never_happened { std::string { point } == "convert.staged" };
            EXPECT_EQ(gmem_attribute_at(f.get(), 3 * page), never_happened || std::string { point } == "commit.begun" ? GMEM_SHARED : GMEM_PRIVATE);
            EXPECT_EQ(f.guest(3), asked || never_happened ? hosts : 0)
                << point << (asked ? ": the guest would have lost the page that it asked for" : ": the guest would read what the host wrote before a conversion that nobody asked for");
            f.audit();
            if (never_happened)
                continue;
            // Answered once.
            ASSERT_EQ(f.to_shared(3), 0);
            std::memset(f.at(3), hosts, page);
            ASSERT_EQ(f.to_private(3), 0);
            EXPECT_EQ(f.guest(3), 0) << point << ": a request that was answered would count again";
            f.audit();
        }
}

INSTANTIATE_TEST_SUITE_P(All, PlatformKill, testing::ValuesIn(platforms));
