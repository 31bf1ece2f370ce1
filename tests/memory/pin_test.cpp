// Pins: EAGAIN with the first pinned page, all or nothing; the pages around are convertible, and everything is after the last unpin.

#include "tests/support/file.hpp"

#include <cerrno>

using namespace gmem::test;

namespace {

int pin(File &f, std::uint64_t first, std::uint64_t pages) { return gmem_pin(f.get(), first * page, pages * page); }
int unpin(File &f, std::uint64_t first, std::uint64_t pages) { return gmem_unpin(f.get(), first * page, pages * page); }

} // namespace

TEST(Pins, TheFirstPinnedPageIsNamedAndNothingChanges)
{
    File f { 32 };
    for (std::uint64_t p { 0 }; p < 32; ++p)
        f.write(p, 3);
    ASSERT_EQ(pin(f, 12, 2), 0);
    ASSERT_EQ(pin(f, 9, 1), 0);
    std::uint64_t where { 77 };
    EXPECT_EQ(f.convert(4, 20, GMEM_PRIVATE, &where), -EAGAIN);
    EXPECT_EQ(where, 9 * page);
    EXPECT_EQ(f.convert(10, 10, GMEM_PRIVATE, &where), -EAGAIN);
    EXPECT_EQ(where, 12 * page);
    EXPECT_EQ(f.convert(13, 10, GMEM_PRIVATE, &where), -EAGAIN);
    EXPECT_EQ(where, 13 * page);
    for (std::uint64_t p { 0 }; p < 32; ++p) {
        EXPECT_FALSE(f.is_private(p));
        EXPECT_EQ(probe(f.at(p)).value, 3);
    }
    for (std::uint64_t p { 0 }; p < 32; ++p)
        EXPECT_EQ(f.to_private(p), p == 9 || p == 12 || p == 13 ? -EAGAIN : 0) << p;
    f.expect_gated();
    ASSERT_EQ(unpin(f, 12, 2), 0);
    ASSERT_EQ(unpin(f, 9, 1), 0);
    EXPECT_EQ(f.to_private(0, 32), 0);
}

TEST(Pins, AddUp)
{
    File f { 4 };
    ASSERT_EQ(pin(f, 1, 2), 0);
    ASSERT_EQ(pin(f, 1, 2), 0);
    EXPECT_EQ(f.stats().pins, 2u);
    ASSERT_EQ(unpin(f, 1, 2), 0);
    EXPECT_EQ(f.to_private(1), -EAGAIN);
    ASSERT_EQ(unpin(f, 1, 2), 0);
    EXPECT_EQ(f.stats().pins, 0u);
    EXPECT_EQ(f.to_private(1), 0);
    EXPECT_EQ(unpin(f, 1, 2), -EINVAL);
}

TEST(Pins, DoNotMatterWhereNothingWouldChange)
{
    File f { 8 };
    ASSERT_EQ(pin(f, 2, 1), 0);
    EXPECT_EQ(f.to_shared(0, 8), 0); // never refused
    std::uint64_t where { 5 };
    ASSERT_EQ(f.to_private(4), 0);
    EXPECT_EQ(f.convert(4, 1, GMEM_PRIVATE, &where), 0);
    EXPECT_EQ(where, 5u);
}

TEST(Pins, BadRequests)
{
    File f { 8 };
    ASSERT_EQ(f.to_private(3), 0);
    EXPECT_EQ(pin(f, 2, 3), -EFAULT); // a private page cannot be held through a host mapping
    EXPECT_EQ(gmem_pin(f.get(), 1, page), -EINVAL);
    EXPECT_EQ(gmem_pin(f.get(), 0, 0), -EINVAL);
    EXPECT_EQ(gmem_pin(f.get(), 7 * page, 2 * page), -EINVAL);
    EXPECT_EQ(unpin(f, 0, 1), -EINVAL);
    EXPECT_EQ(f.stats().pins, 0u);
}

// Punch hole asks no pin (specification 4.4); the page that comes back is the pinned one's successor.
TEST(Pins, PunchHoleDoesNotAsk)
{
    File f { 4 };
    f.write(1, 9);
    ASSERT_EQ(pin(f, 1, 1), 0);
    EXPECT_EQ(gmem_punch(f.get(), page, page), 0);
    EXPECT_EQ(probe(f.at(1)).value, 0);
    EXPECT_EQ(f.to_private(1), 0);
    ASSERT_EQ(unpin(f, 1, 1), 0);
}

TEST(Pins, APunchedPageIsTheirsNoMore)
{
    File f { 16 };
    ASSERT_EQ(pin(f, 2, 8), 0); // [2, 10)
    ASSERT_EQ(pin(f, 4, 2), 0); // [4, 6)
    auto const punch { [&f](std::uint64_t first, std::uint64_t pages) { return gmem_punch(f.get(), first * page, pages * page); } };
    ASSERT_EQ(punch(4, 1), 0);
    ASSERT_EQ(punch(7, 1), 0);
    ASSERT_EQ(punch(0, 3), 0);
    f.audit();
    std::uint64_t where { 0 };
    EXPECT_EQ(f.convert(0, 16, GMEM_PRIVATE, &where), -EAGAIN);
    EXPECT_EQ(where, 3 * page);
    for (std::uint64_t const p : { 0u, 1u, 2u, 4u, 7u, 10u })
        EXPECT_EQ(f.to_private(p), 0) << p;
    for (std::uint64_t const p : { 3u, 5u, 6u, 8u, 9u })
        EXPECT_EQ(f.to_private(p), -EAGAIN) << p;
    EXPECT_EQ(unpin(f, 2, 8), 0); // with the range that it was made with, and all of it goes
    EXPECT_EQ(unpin(f, 2, 8), -EINVAL);
    EXPECT_EQ(f.to_private(6, 10), 0);
    EXPECT_EQ(f.to_private(5), -EAGAIN);
    ASSERT_EQ(punch(5, 1), 0);
    EXPECT_EQ(f.to_private(5), 0);
    EXPECT_EQ(f.stats().pins, 1u);
    EXPECT_EQ(unpin(f, 4, 2), 0); // nothing of it was left
    EXPECT_EQ(f.stats().pins, 0u);
}

TEST(Pins, OfSeveralLikeItTheOneThatHoldsLeastGoesFirst)
{
    File f { 4 };
    ASSERT_EQ(pin(f, 1, 1), 0);
    ASSERT_EQ(gmem_punch(f.get(), page, page), 0);
    ASSERT_EQ(pin(f, 1, 1), 0);
    ASSERT_EQ(unpin(f, 1, 1), 0);
    EXPECT_EQ(f.to_private(1), -EAGAIN);
    ASSERT_EQ(unpin(f, 1, 1), 0);
    ASSERT_EQ(pin(f, 1, 1), 0); // takes the first record
    ASSERT_EQ(pin(f, 1, 1), 0);
    ASSERT_EQ(unpin(f, 1, 1), 0);
    ASSERT_EQ(gmem_punch(f.get(), page, page), 0);
    ASSERT_EQ(pin(f, 1, 1), 0); // again, before the punched one
    ASSERT_EQ(unpin(f, 1, 1), 0);
    EXPECT_EQ(f.to_private(1), -EAGAIN);
}

TEST(Pins, PunchedPagesAreTheirPinnersOnly)
{
    File f { 16 };
    ASSERT_EQ(pin(f, 4, 6), 0);
    EXPECT_EQ(gmem_punch(f.get(), 6 * page, 2 * page), 0);
    for (std::uint64_t p { 4 }; p < 10; ++p)
        EXPECT_EQ(f.to_private(p), p == 6 || p == 7 ? 0 : -EAGAIN) << p;
    f.audit();
    EXPECT_EQ(f.to_shared(0, 16), 0);
    ASSERT_EQ(pin(f, 7, 1), 0); // the new page
    EXPECT_EQ(f.to_private(7), -EAGAIN);
    ASSERT_EQ(unpin(f, 7, 1), 0);
    EXPECT_EQ(unpin(f, 4, 6), 0);
    EXPECT_EQ(f.stats().pins, 0u);
    EXPECT_EQ(f.to_private(0, 16), 0);
    EXPECT_EQ(unpin(f, 4, 6), -EINVAL);
}

TEST(Pins, ManyAtATime)
{
    constexpr std::uint64_t pages { 1000 };
    File f { pages };
    for (std::uint64_t p { 0 }; p < pages; p += 2)
        ASSERT_EQ(pin(f, p, 1), 0);
    f.audit();
    std::uint64_t where { 0 };
    EXPECT_EQ(f.convert(501, 200, GMEM_PRIVATE, &where), -EAGAIN);
    EXPECT_EQ(where, 502 * page);
    for (std::uint64_t p { 0 }; p < pages; p += 4)
        ASSERT_EQ(unpin(f, p, 1), 0);
    f.audit();
    EXPECT_EQ(f.to_private(400), 0);
    EXPECT_EQ(f.to_private(402), -EAGAIN);
    for (std::uint64_t p { 2 }; p < pages; p += 4)
        ASSERT_EQ(unpin(f, p, 1), 0);
    EXPECT_EQ(f.to_private(0, pages), 0);
}
