// kill -9 of a process at every named point of a conversion: the survivors find a state that audits clean, complete what had passed the
// point of no return, and go on at once.

#include "tests/support/peer.hpp"

#include "os/kill_points.hpp"

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <random>

using namespace gmem::test;

namespace {

constexpr std::uint64_t pages { 1024 }; // two 2 MiB entries, so that a commit has many stores

struct Point final {
    char const *name;
    bool after_commit; // of a to-private conversion
};
constexpr Point points[] {
    { "convert.staged", false }, { "convert.asked", false }, { "convert.closed", false }, { "commit.begun", true }, { "commit.done", true }, { "bits.stored", true },
};

// A child that converts [first, first + n) and is killed at the point's `passage`.
bool killed_while_converting(File &f, std::uint64_t first, std::uint64_t n, gmem_attribute to, char const *point, long passage)
{
    auto const pid { fork() };
    if (pid == 0) {
        gmem::os::kill_plan.countdown = passage;
        gmem::os::kill_plan.point = point;
        _exit(f.convert(first, n, to) == 0 ? 0 : 1);
    }
    int status { 0 };
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
    return WIFSIGNALED(status);
}

} // namespace

TEST(Kill, AtEachNamedPointOfAConversionToPrivate)
{
    File f { pages };
    for (std::uint64_t p { 0 }; p < pages; ++p)
        f.write(p, 6);
    for (auto const &point : points) {
        auto const killed { killed_while_converting(f, 3, 700, GMEM_PRIVATE, point.name, 0) };
        EXPECT_TRUE(killed) << point.name;
        f.audit(); // takes the lock over and completes
        for (std::uint64_t p { 0 }; p < pages; ++p)
            ASSERT_EQ(f.is_private(p), point.after_commit && p >= 3 && p < 703) << point.name << " page " << p;
        f.expect_gated();
        ASSERT_EQ(f.to_shared(0, pages), 0);
    }
}

// The next process moves into the slot of the dead one before anybody has noticed the death: the lock that he died with is its own now.
TEST(Kill, TheSuccessorInASlotInheritsTheLock)
{
    File f { pages };
    for (auto const &point : points) {
        ASSERT_TRUE(killed_while_converting(f, 3, 700, GMEM_PRIVATE, point.name, 0)) << point.name;
        auto const pid { fork() };
        if (pid == 0) {
            alarm(20);
            _exit(f.to_private(900) == 0 && f.is_private(3) == point.after_commit && f.is_private(702) == point.after_commit ? 0 : 1);
        }
        int status { 0 };
        ASSERT_EQ(waitpid(pid, &status, 0), pid);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << point.name << " " << status;
        f.audit();
        ASSERT_EQ(f.to_shared(0, pages), 0);
    }
}

// And of his pins nothing is left, though the slot is alive again.
TEST(Kill, TheSuccessorInASlotHasNoneOfItsPins)
{
    File f { 16 };
    Peer first { [&f](char c, std::uint64_t n) { return c == 'P' ? gmem_pin(f.get(), n * page, page) : serve_file(f, c, n); } };
    ASSERT_EQ(first.ask('P', 5), 0);
    ASSERT_EQ(f.to_private(5), -EAGAIN);
    first.end(SIGKILL);
    Peer second { [&f](char c, std::uint64_t n) { return serve_file(f, c, n); } };
    ASSERT_EQ(second.ask('r', 5), 0); // a member now, in the lowest free slot
    EXPECT_EQ(f.to_private(5), 0);
    EXPECT_EQ(f.stats().pins, 0u);
}

// The commit itself, store by store: whatever was written, completing it gives the whole.
TEST(Kill, AtEveryStoreOfACommit)
{
    File f { pages };
    for (auto const to : { GMEM_PRIVATE, GMEM_SHARED })
        for (long passage { 0 };; ++passage) {
            ASSERT_EQ(f.convert(0, pages, to == GMEM_PRIVATE ? GMEM_SHARED : GMEM_PRIVATE), 0);
            ASSERT_EQ(f.convert(10, 3, to), 0); // mixed from the start
            if (!killed_while_converting(f, 5, 600, to, "bits.stored", passage))
                break;
            f.audit();
            for (std::uint64_t p { 0 }; p < pages; ++p)
                ASSERT_EQ(f.is_private(p), (to == GMEM_PRIVATE) == (p >= 5 && p < 605)) << "passage " << passage << " page " << p;
        }
    f.expect_gated();
}

// A process that is stopped in the middle of a conversion holds the lock: the others' conversions to private are told to try again,
// within a bound, and go on when it goes on or dies.
TEST(Kill, OneThatIsStoppedWithTheLockIsWaitedForWithinABound)
{
    File f { 16 };
    f.write(3, 6);
    for (bool const dies : { false, true }) {
        auto const pid { fork() };
        if (pid == 0) {
            gmem::os::kill_plan = { .point = "convert.staged", .countdown = 0, .signal = SIGSTOP };
            _exit(f.to_private(8, 2) == 0 ? 0 : 1);
        }
        int status { 0 };
        ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
        ASSERT_TRUE(WIFSTOPPED(status));
        std::uint64_t where { 0 };
        testing::internal::CaptureStderr();
        EXPECT_EQ(f.convert(3, 2, GMEM_PRIVATE, &where), -EAGAIN);
        EXPECT_NE(testing::internal::GetCapturedStderr().find("process " + std::to_string(pid)), std::string::npos);
        EXPECT_EQ(where, 3 * page);
        EXPECT_EQ(probe(f.at(3)).value, 6);
        ASSERT_EQ(kill(pid, dies ? SIGKILL : SIGCONT), 0);
        ASSERT_EQ(waitpid(pid, &status, 0), pid);
        EXPECT_EQ(dies ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0, 1);
        EXPECT_EQ(f.is_private(8), !dies);
        EXPECT_EQ(f.to_private(3, 2), 0);
        EXPECT_EQ(f.to_shared(0, 16), 0);
        f.expect_gated();
    }
}

// GMEM_KILL_ROUNDS (default 200) kills at random points while a third process goes on converting and looking.
TEST(Kill, AtRandomPointsWithAnotherProcessAtWork)
{
    char const *const wanted { std::getenv("GMEM_KILL_ROUNDS") };
    auto const rounds { wanted ? std::atol(wanted) : 200 };
    char const *const seed_text { std::getenv("GMEM_KILL_SEED") };
    auto const seed { seed_text ? static_cast<unsigned>(std::atol(seed_text)) : std::random_device {}() };
    std::mt19937 random { seed };
    File f { pages };
    for (std::uint64_t p { 0 }; p < pages; ++p)
        f.write(p, 6);
    Peer other { [&f](char c, std::uint64_t n) { return serve_file(f, c, n); } };
    long kills { 0 };
    for (long i { 0 }; i < rounds; ++i) {
        auto const first { random() % (pages - 1) };
        auto const n { 1 + random() % (pages - first) };
        auto const to { random() % 2 ? GMEM_PRIVATE : GMEM_SHARED };
        auto const &point { points[random() % std::size(points)] };
        other.tell(random() % 2 ? 'p' : 'r', random() % pages);
        kills += killed_while_converting(f, first, n, to, point.name, static_cast<long>(random() % 3));
        auto const answer { other.answer() };
        ASSERT_TRUE(answer == 0 || answer == 6 || answer == -1) << "round " << i << " seed " << seed << " answer " << answer;
        f.audit();
        if (i % 16 == 0) {
            f.expect_gated();
            auto const p { random() % pages };
            ASSERT_EQ(other.ask('r', p), f.is_private(p) ? -1 : 6) << "seed " << seed;
        }
        ASSERT_EQ(f.convert(0, pages, to == GMEM_PRIVATE ? GMEM_SHARED : GMEM_PRIVATE), 0) << "round " << i << " seed " << seed;
    }
    RecordProperty("kills", static_cast<int>(kills));
    std::printf("%ld kills in %ld rounds, seed %u\n", kills, rounds, seed);
}
