// Failure at every step: the n-th system call of an operation fails, for every n until none is left. Then nothing has changed,
// no private page is reachable, no shared page is lost, and everything audits clean.

#include "tests/support/file.hpp"

#include "os/failure_points.hpp"

#include <cerrno>

using namespace gmem::test;

namespace {

constexpr int errors[] { ENOMEM, EAGAIN, EINTR };

// Runs `operation` with its n-th call failing, n = 0, 1, ...; `check(succeeded)` after each. Returns the number of failure points.
template <typename Operation, typename Check>
int at_every_step(int err, Operation &&operation, Check &&check)
{
    for (int n { 0 };; ++n) {
        auto &plan { gmem::os::failure_plan() };
        plan = { .countdown = n, .err = err, .seen = 0, .fired = false };
        bool const ok { operation() };
        bool const fired { plan.fired };
        plan = {};
        check(ok);
        if (!fired || n > 200)
            return n;
    }
}

} // namespace

TEST(Failure, OfAToPrivateConversionChangesNothing)
{
    for (int err : errors) {
        File f { 64 };
        for (std::uint64_t p { 0 }; p < 64; ++p)
            f.write(p, 5);
        ASSERT_EQ(f.to_private(20, 4), 0);
        auto const points { at_every_step(err, [&] { return f.to_private(8, 32) == 0; }, [&](bool ok) {
            if (!ok)
                for (std::uint64_t p { 8 }; p < 40; ++p)
                    ASSERT_EQ(f.is_private(p), p >= 20 && p < 24) << "page " << p;
            f.expect_gated();
            f.audit();
            if (ok) { // begin again, so that the last, undisturbed round proves that it works
                ASSERT_EQ(f.to_shared(8, 12), 0);
                ASSERT_EQ(f.to_shared(24, 16), 0);
            }
        }) };
        EXPECT_GT(points, 0);
        EXPECT_LT(points, 200);
    }
}

TEST(Failure, OfAToSharedConversionLosesNoPage)
{
    for (int err : errors) {
        File f { 64 };
        for (std::uint64_t p { 0 }; p < 64; ++p)
            f.write(p, 5);
        ASSERT_EQ(f.to_private(0, 64), 0);
        at_every_step(err, [&] { return f.to_shared(8, 32) == 0; }, [&](bool ok) {
            for (std::uint64_t p { 8 }; p < 40; ++p)
                ASSERT_EQ(f.is_private(p), !ok);
            f.expect_gated();
            f.audit();
            ASSERT_EQ(f.to_private(0, 64), 0);
        });
    }
}

TEST(Failure, OfMappingLeavesNothing)
{
    for (int err : errors) {
        File f { 64 };
        ASSERT_EQ(f.to_private(10, 10), 0);
        at_every_step(err, [&] {
            void *window { nullptr };
            auto const mapped { gmem_map(f.get(), 0, 64 * page, PROT_READ | PROT_WRITE, &window) };
            if (mapped != 0)
                return false;
            gmem::os::failure_plan().countdown = -1;
            for (std::uint64_t p { 0 }; p < 64; ++p)
                EXPECT_EQ(probe(static_cast<unsigned char *>(window) + p * page).readable(), !f.is_private(p)) << p;
            EXPECT_EQ(gmem_unmap(window, 64 * page), 0);
            return true;
        }, [&](bool) { EXPECT_EQ(f.stats().windows, 1u); f.audit(); });
    }
}

TEST(Failure, OfCreationLeavesNothing)
{
    File keep { 1 }; // the process is started
    for (int err : errors)
        at_every_step(err, [&] {
            gmem_file *g { nullptr };
            auto const made { gmem_create(8 * page, GMEM_FLAG_MMAP, &g) };
            if (made == 0)
                gmem_destroy(g);
            else
                EXPECT_EQ(g, nullptr);
            return made == 0;
        }, [&](bool) { keep.audit(); });
}

TEST(Failure, OfPunchingKeepsTheBytesOrFreesThem)
{
    for (int err : errors) {
        File f { 16 };
        for (std::uint64_t p { 0 }; p < 16; ++p)
            f.write(p, 5);
        ASSERT_EQ(f.to_private(3, 2), 0);
        at_every_step(err, [&] { return gmem_punch(f.get(), 2 * page, 4 * page) == 0; }, [&](bool ok) {
            for (std::uint64_t p { 2 }; p < 6; ++p)
                EXPECT_EQ(f.guest(p), ok ? 0 : 5);
            f.expect_gated();
            f.audit();
            unsigned char const five { 5 };
            for (std::uint64_t p { 2 }; p < 6; ++p)
                gmem_guest_write(f.get(), p * page, &five, 1);
        });
    }
}
