// fork: the child's windows are there and gated; nothing leaks; the parent goes on.

#include "tests/support/file.hpp"

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
