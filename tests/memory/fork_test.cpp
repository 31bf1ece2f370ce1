// fork: the child's windows are there and gated; nothing leaks; the parent goes on.

#include "tests/support/file.hpp"

#include "memory/space.hpp"

#include <cerrno>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace gmem::test;

namespace {

// Runs `body` in a forked child; its return value is the child's exit status.
template <typename Body>
int in_child(Body &&body)
{
    auto const pid { fork() };
    if (pid == 0)
        _exit(body());
    int status { 0 };
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int as_status(gmem::Status const &s) { return s ? 0 : -s.error().err; }

} // namespace

TEST(Fork, TheChildSeesSharedPagesAndNoPrivateOnes)
{
    File f { 16 };
    f.write(1, 11);
    f.write(2, 22);
    ASSERT_EQ(f.to_private(2), 0);
    EXPECT_EQ(in_child([&] {
        if (probe(f.at(1)).value != 11)
            return 1;
        if (probe(f.at(2)).readable())
            return 2;
        f.write(3, 33);
        return f.guest(2) == 22 ? 0 : 3;
    }), 0);
    EXPECT_EQ(probe(f.at(3)).value, 33);
}

TEST(Fork, AGrandchildIsGatedToo)
{
    File f { 4 };
    f.write(0, 1);
    ASSERT_EQ(f.to_private(1), 0);
    EXPECT_EQ(in_child([&] { return in_child([&] { return probe(f.at(0)).value == 1 && !probe(f.at(1)).readable() ? 0 : 1; }); }), 0);
}

TEST(Fork, ARawCloneFindsNothing)
{
    File f { 4 };
    f.write(0, 1);
    auto const pid { static_cast<pid_t>(syscall(SYS_fork)) };
    if (pid == 0) {
        struct sigaction fallback {};
        fallback.sa_handler = SIG_DFL;
        sigaction(SIGSEGV, &fallback, nullptr);
        syscall(SYS_exit_group, *static_cast<volatile unsigned char *>(f.at(0)));
    }
    int status { 0 };
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
}

TEST(Fork, ManyTimesLeaksNoDescriptor)
{
    File f { 4 };
    f.write(0, 1);
    auto const next_free { [] { int const fd { dup(0) }; close(fd); return fd; } };
    auto const before { next_free() };
    for (int i { 0 }; i < 50; ++i)
        ASSERT_EQ(in_child([&] { return probe(f.at(0)).value == 1 ? 0 : 1; }), 0);
    EXPECT_EQ(next_free(), before);
    EXPECT_EQ(f.to_private(0), 0); // the dead are not in the way
}

// MADV_DONTFORK: the child has no window there, and what it maps at that address is its own, whatever happens to the file.
TEST(Fork, AnAddressWithoutAWindowBelongsToTheChild)
{
    File f { 4 };
    f.write(0, 1);
    void *window { nullptr };
    ASSERT_EQ(gmem_map(f.get(), 0, 4 * page, PROT_READ | PROT_WRITE, &window), 0);
    ASSERT_EQ(as_status(gmem::memory::Space::advise({ reinterpret_cast<std::uintptr_t>(window), reinterpret_cast<std::uintptr_t>(window) + 4 * page }, MADV_DONTFORK)), 0);
    EXPECT_EQ(in_child([&] {
        auto *const own { static_cast<unsigned char *>(mmap(window, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)) };
        if (own != window)
            return 1;
        own[0] = 77;
        if (f.to_private(0, 4) != 0 || f.to_shared(0, 4) != 0)
            return 2;
        return own[0] == 77 ? 0 : 3;
    }), 0);
    EXPECT_EQ(probe(window).value, 1);
    EXPECT_EQ(gmem_unmap(window, 4 * page), 0);
}
