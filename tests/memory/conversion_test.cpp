// Specification 2.2 to 2.6 and 4.1, through the C interface.

#include "tests/support/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

using namespace gmem::test;

TEST(Conversion, HostAccessToAPrivatePageIsSigbusAdrerrAtItsAddress)
{
    File f { 16 };
    f.write(3, 42);
    ASSERT_EQ(f.to_private(3), 0);
    auto const read { probe(f.at(3) + 17) };
    ASSERT_FALSE(read.readable());
    EXPECT_EQ(read.fault_code, BUS_ADRERR);
    EXPECT_EQ(read.fault_address, reinterpret_cast<std::uintptr_t>(f.at(3) + 17));
    EXPECT_FALSE(probe(f.at(3), Access::write).readable());
    EXPECT_TRUE(probe(f.at(2)).readable());
    EXPECT_TRUE(probe(f.at(4)).readable());
}

TEST(Conversion, BytesSurviveBothDirectionsAndTheGuestSeesThemAllTheTime)
{
    File f { 16 };
    for (std::uint64_t p { 0 }; p < 16; ++p)
        f.write(p, static_cast<unsigned char>(p + 1));
    ASSERT_EQ(f.to_private(0, 16), 0);
    for (std::uint64_t p { 0 }; p < 16; ++p)
        EXPECT_EQ(f.guest(p), p + 1);
    unsigned char const answer { 99 };
    ASSERT_EQ(gmem_guest_write(f.get(), 5 * page, &answer, 1), 0);
    ASSERT_EQ(f.to_shared(0, 16), 0);
    EXPECT_EQ(probe(f.at(5)).value, 99);
    EXPECT_EQ(probe(f.at(6)).value, 7);
}

TEST(Conversion, SystemCallsOnPrivatePagesAreEfault)
{
    File f { 4 };
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    f.write(1, 'x');
    ASSERT_EQ(f.to_private(1), 0);
    EXPECT_EQ(write(pipes[1], f.at(1), 1), -1);
    EXPECT_EQ(errno, EFAULT);
    ASSERT_EQ(write(pipes[1], f.at(0), 1), 1);
    EXPECT_EQ(read(pipes[0], f.at(1), 1), -1);
    EXPECT_EQ(errno, EFAULT);
    close(pipes[0]);
    close(pipes[1]);
}

TEST(Conversion, EveryThreadIsShutOutWhenTheCallReturns)
{
    File f { 2 };
    for (int round { 0 }; round < 200; ++round) {
        f.write(0, 1);
        std::atomic<int> readable { -1 };
        std::thread other { [&] { readable = -2; while (readable == -2) {} readable = probe(f.at(0)).readable() ? 1 : 0; } };
        while (readable != -2) {}
        ASSERT_EQ(f.to_private(0), 0);
        readable = -3;
        other.join();
        EXPECT_EQ(readable, 0);
        ASSERT_EQ(f.to_shared(0), 0);
    }
}

TEST(Conversion, MixedRangesAreSetWhole)
{
    File f { 2048 };
    for (std::uint64_t p { 0 }; p < 2048; p += 3)
        ASSERT_EQ(f.to_private(p), 0);
    f.expect_gated();
    ASSERT_EQ(f.to_shared(100, 1000), 0);
    f.expect_gated();
    for (std::uint64_t p { 100 }; p < 1100; ++p)
        EXPECT_FALSE(f.is_private(p));
    ASSERT_EQ(f.to_private(50, 1900), 0);
    f.expect_gated();
}

TEST(Conversion, SameStateIsSuccessAndTouchesNothing)
{
    File f { 8 };
    ASSERT_EQ(f.to_shared(0, 8), 0);
    EXPECT_EQ(f.stats().conversions_unchanged, 1u);
    EXPECT_EQ(f.stats().conversions_to_shared, 0u);
    std::uint64_t where { 77 };
    EXPECT_EQ(f.convert(0, 8, GMEM_SHARED, &where), 0);
    EXPECT_EQ(where, 77u);
}

TEST(Conversion, InitiallyPrivateWithoutTheFlag)
{
    File f { 8, GMEM_FLAG_MMAP };
    f.expect_gated();
    EXPECT_FALSE(probe(f.at(0)).readable());
    ASSERT_EQ(f.to_shared(2, 3), 0);
    f.expect_gated();
    EXPECT_EQ(probe(f.at(2)).value, 0);
}

TEST(Conversion, WrongArgumentsAreEinvalAndChangeNothing)
{
    File f { 8 };
    std::uint64_t where { 77 };
    auto const convert { [&](std::uint64_t offset, std::uint64_t size) { return gmem_convert(f.get(), offset, size, GMEM_PRIVATE, &where); } };
    EXPECT_EQ(convert(0, 0), -EINVAL);
    EXPECT_EQ(convert(1, page), -EINVAL);
    EXPECT_EQ(convert(0, page + 1), -EINVAL);
    EXPECT_EQ(convert(8 * page, page), -EINVAL);
    EXPECT_EQ(convert(0, 9 * page), -EINVAL);
    EXPECT_EQ(convert(page, ~std::uint64_t { 0 } & ~(page - 1)), -EINVAL);
    EXPECT_EQ(gmem_convert(f.get(), 0, page, static_cast<gmem_attribute>(1), &where), -EINVAL);
    EXPECT_EQ(where, 77u);
    for (std::uint64_t p { 0 }; p < 8; ++p)
        EXPECT_FALSE(f.is_private(p));
    f.expect_gated();
}

TEST(Creation, WrongArgumentsAreEinval)
{
    gmem_file *g { nullptr };
    EXPECT_EQ(gmem_create(0, 0, &g), -EINVAL);
    EXPECT_EQ(gmem_create(page + 1, 0, &g), -EINVAL);
    EXPECT_EQ(gmem_create(page, 4, &g), -EINVAL);
    EXPECT_EQ(gmem_create(std::uint64_t { 1 } << 63, 0, &g), -EINVAL);
    EXPECT_EQ(gmem_create(std::uint64_t { 1 } << 60, 0, &g), -ENOMEM);
    EXPECT_EQ(g, nullptr);
}
