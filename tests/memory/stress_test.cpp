// Threads convert, fault, punch, map and fork at once, each on pages of its own and all on a common area. No wrong byte, no
// SIGBUS on a shared page, no access to a private one, and a clean audit at the end. GMEM_STRESS_SECONDS: default 2.

#include "tests/support/file.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace gmem::test;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::uint64_t pages_each { 600 }; // not a multiple of 512: neighbours share 2 MiB entries
constexpr unsigned workers { 4 };

Clock::time_point deadline()
{
    char const *const seconds { std::getenv("GMEM_STRESS_SECONDS") };
    return Clock::now() + std::chrono::seconds { seconds ? std::atoi(seconds) : 2 };
}

struct Page final {
    bool is_private { false };
    unsigned char byte { 0 };
};

// One worker's pages, and what it believes of them.
class Worker final {
public:
    Worker(File &f, unsigned number) : f_ { f }, base_ { number * pages_each }, random_ { number + 1 }, pages_(pages_each) {}

    void run(Clock::time_point end)
    {
        while (Clock::now() < end && !::testing::Test::HasFailure()) {
            switch (random_() % 8) {
            case 0: convert(true); break;
            case 1: convert(false); break;
            case 2: punch(); break;
            case 3: write(); break;
            case 4: map(); break;
            default: read(); break;
            }
            ++operations;
        }
        for (std::uint64_t p { 0 }; p < pages_each; ++p)
            check(p);
    }
    std::uint64_t operations { 0 };

private:
    std::uint64_t pick() { return random_() % pages_each; }
    std::uint64_t length(std::uint64_t first) { return 1 + random_() % std::min<std::uint64_t>(random_() % 4 ? 4 : 300, pages_each - first); }

    void convert(bool to_private)
    {
        auto const first { pick() }, n { length(first) };
        int const result { to_private ? f_.to_private(base_ + first, n) : f_.to_shared(base_ + first, n) };
        if (result == -EAGAIN)
            return; // a forked child is there
        ASSERT_EQ(result, 0);
        for (auto p { first }; p < first + n; ++p)
            pages_[p].is_private = to_private;
        check(first);
        check(first + n - 1);
    }
    void punch()
    {
        auto const first { pick() }, n { std::min<std::uint64_t>(length(first), 8) };
        ASSERT_EQ(gmem_punch(f_.get(), (base_ + first) * page, n * page), 0);
        for (auto p { first }; p < first + n; ++p)
            pages_[p].byte = 0;
        check(first);
    }
    void write()
    {
        auto const p { pick() };
        if (pages_[p].is_private)
            return;
        pages_[p].byte = static_cast<unsigned char>(random_());
        f_.write(base_ + p, pages_[p].byte);
    }
    void read() { check(pick()); }
    void map()
    {
        auto const p { pick() };
        void *window { nullptr };
        ASSERT_EQ(gmem_map(f_.get(), (base_ + p) * page, page, PROT_READ, &window), 0);
        auto const seen { probe(window) };
        ASSERT_EQ(seen.readable(), !pages_[p].is_private);
        if (seen.readable())
            ASSERT_EQ(*seen.value, pages_[p].byte);
        ASSERT_EQ(gmem_unmap(window, page), 0);
    }
    void check(std::uint64_t p)
    {
        auto const seen { probe(f_.at(base_ + p)) };
        ASSERT_EQ(seen.readable(), !pages_[p].is_private) << "page " << base_ + p;
        if (seen.readable())
            ASSERT_EQ(*seen.value, pages_[p].byte) << "page " << base_ + p;
        ASSERT_EQ(f_.guest(base_ + p), pages_[p].byte);
    }

    File &f_;
    std::uint64_t base_;
    std::mt19937 random_;
    std::vector<Page> pages_;
};

} // namespace

TEST(Stress, ConvertFaultPunchMapAndFork)
{
    File f { workers * pages_each + 64 };
    auto const end { deadline() };
    std::vector<Worker> all;
    for (unsigned i { 0 }; i < workers; ++i)
        all.emplace_back(f, i);
    std::vector<std::thread> threads;
    for (auto &w : all)
        threads.emplace_back([&w, end] { w.run(end); });

#if !defined(__SANITIZE_THREAD__) // TSan does not follow forks of threaded programs
    f.write(workers * pages_each, 77);
    while (Clock::now() < end && !HasFailure()) {
        auto const pid { fork() };
        if (pid == 0)
            _exit(probe(f.at(workers * pages_each)).value == 77 ? 0 : 1);
        int status { 0 };
        waitpid(pid, &status, 0);
        EXPECT_EQ(status, 0);
        std::this_thread::sleep_for(std::chrono::milliseconds { 20 });
    }
#endif
    std::uint64_t operations { 0 };
    for (auto &t : threads)
        t.join();
    for (auto &w : all)
        operations += w.operations;
    RecordProperty("operations", static_cast<int>(operations));
    EXPECT_GT(operations, 100u);
}
