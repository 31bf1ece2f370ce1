// NUMA policy through the C interface: by offset, with the kernel's errnos; what the file has none for, the task's policy decides.

#include "tests/support/file.hpp"

#include <cerrno>
#include <cstdio>
#include <sys/syscall.h>

using namespace gmem::test;

namespace {

constexpr int by_default { 0 }, bind_to { 2 }, interleave { 3 };
constexpr unsigned long node0 { 1 }, absent_node { 1ul << 63 };

int policy_at(File &f, std::uint64_t p)
{
    int mode { -1 };
    unsigned long nodes[16] {};
    EXPECT_EQ(gmem_get_mempolicy(f.get(), p * page, &mode, nodes, 1024), 0);
    return mode;
}

long mappings()
{
    auto *const maps { std::fopen("/proc/self/maps", "r") };
    long n { 0 };
    for (int c { 0 }; (c = std::fgetc(maps)) != EOF;)
        n += c == '\n';
    std::fclose(maps);
    return n;
}

} // namespace

TEST(Policy, IsSetAndAskedByOffsetAndCostsNoMapping)
{
    File f { 64 };
    ASSERT_EQ(f.to_private(8, 8), 0);
    auto const before { mappings() };
    for (std::uint64_t p { 0 }; p < 64; p += 2)
        ASSERT_EQ(gmem_mbind(f.get(), p * page, page, p % 4 ? bind_to : interleave, &node0, 64, 0), 0);
    EXPECT_EQ(mappings(), before);
    for (std::uint64_t p { 0 }; p < 64; ++p)
        EXPECT_EQ(policy_at(f, p), p % 2 ? by_default : p % 4 ? bind_to : interleave) << "page " << p;
    f.expect_gated();
    ASSERT_EQ(gmem_mbind(f.get(), 0, 64 * page, by_default, nullptr, 0, 0), 0);
    for (std::uint64_t p { 0 }; p < 64; ++p)
        EXPECT_EQ(policy_at(f, p), by_default);
}

TEST(Policy, WrongArgumentsAreEinvalAndChangeNothing)
{
    File f { 8 };
    ASSERT_EQ(gmem_mbind(f.get(), 0, 8 * page, bind_to, &node0, 64, 0), 0);
    auto *const g { f.get() };
    EXPECT_EQ(gmem_mbind(g, 0, page, 99, &node0, 64, 0), -EINVAL);
    EXPECT_EQ(gmem_mbind(g, 0, page, bind_to, nullptr, 0, 0), -EINVAL);
    EXPECT_EQ(gmem_mbind(g, 0, page, bind_to, &absent_node, 65, 0), -EINVAL);
    EXPECT_EQ(gmem_mbind(g, 0, page, by_default, &node0, 64, 0), -EINVAL);
    EXPECT_EQ(gmem_mbind(g, 0, page, bind_to, &node0, 64, 8), -EINVAL);
    EXPECT_EQ(gmem_mbind(g, 0, page, bind_to, reinterpret_cast<unsigned long const *>(8), 64, 0), -EFAULT);
    EXPECT_EQ(gmem_mbind(g, 1, page, bind_to, &node0, 64, 0), -EINVAL);
    EXPECT_EQ(gmem_mbind(g, 0, 9 * page, bind_to, &node0, 64, 0), -EINVAL);
    EXPECT_EQ(gmem_mbind(g, 0, 0, bind_to, &node0, 64, 0), 0);
    EXPECT_EQ(gmem_get_mempolicy(g, 8 * page, nullptr, nullptr, 0), -EINVAL);
    for (std::uint64_t p { 0 }; p < 8; ++p)
        EXPECT_EQ(policy_at(f, p), bind_to);
}

TEST(Policy, SurvivesConversionsAndHoles)
{
    File f { 16 };
    ASSERT_EQ(gmem_mbind(f.get(), 4 * page, 4 * page, interleave, &node0, 64, 0), 0);
    ASSERT_EQ(f.to_private(0, 16), 0);
    ASSERT_EQ(f.to_shared(0, 16), 0);
    ASSERT_EQ(gmem_punch(f.get(), 0, 16 * page), 0);
    f.write(5, 1);
    for (std::uint64_t p { 0 }; p < 16; ++p)
        EXPECT_EQ(policy_at(f, p), p >= 4 && p < 8 ? interleave : by_default);
}
