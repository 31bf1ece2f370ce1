// Entries of files in a session's figures: one for each file, whoever comes; given away when nobody has the file any more, with their sums kept.

#include "observe/figures.hpp"

#include <atomic>
#include <csignal>
#include <gtest/gtest.h>
#include <map>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace gmem::observe;

namespace {

// As it lies in a session's memory.
class FiguresTest : public testing::Test {
protected:
    FiguresTest()
    {
        auto *const memory { mmap(nullptr, sizeof(Figures), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) };
        EXPECT_NE(memory, MAP_FAILED);
        figures_ = static_cast<Figures *>(memory);
    }
    ~FiguresTest() override { munmap(figures_, sizeof(Figures)); }

    std::uint64_t self() const { return static_cast<std::uint64_t>(getpid()); }

    // A process that was, and is no more: waited for, so that nothing of it is left.
    static std::uint64_t dead()
    {
        auto const child { fork() };
        if (child == 0)
            _exit(0);
        int status { 0 };
        EXPECT_EQ(waitpid(child, &status, 0), child);
        return static_cast<std::uint64_t>(child);
    }

    void fill(std::uint64_t first_file, std::uint64_t maker)
    {
        for (std::uint64_t n { 0 }; n < Figures::most_files; ++n)
            if (auto const entered { figures_->enter(first_file + n, 8, maker) }; !entered.entry)
                break;
    }

    // Entries by their file.
    std::map<std::uint64_t, unsigned> entries() const
    {
        std::map<std::uint64_t, unsigned> found;
        for (auto const &f : figures_->files)
            if (f.file != 0)
                ++found[f.file];
        return found;
    }

    Figures *figures_ { nullptr };
};

} // namespace

TEST_F(FiguresTest, AFileHasOneEntry)
{
    auto const [first, is_first] { figures_->enter(41, 16, self()) };
    ASSERT_NE(first, nullptr);
    EXPECT_TRUE(is_first);
    EXPECT_EQ(first->file, 41u);
    EXPECT_EQ(first->pages, 16u);
    EXPECT_EQ(first->maker, self());
    EXPECT_EQ(first->holders, 1u);
    auto const again { figures_->enter(41, 16, self() + 1) };
    EXPECT_EQ(again.entry, first);
    EXPECT_FALSE(again.first);
    EXPECT_EQ(first->holders, 2u);
    EXPECT_EQ(first->maker, self());
    auto const other { figures_->enter(42, 1, self()) };
    EXPECT_NE(other.entry, first);
    EXPECT_TRUE(other.first);
    EXPECT_EQ(figures_->past_files, 0u);

    // Nobody has it for a while, and then somebody: it is the same entry.
    set(first->holders, 0);
    add(first->again, 5);
    auto const back { figures_->enter(41, 16, self()) };
    EXPECT_EQ(back.entry, first);
    EXPECT_TRUE(back.first);
    EXPECT_EQ(first->again, 5u);
}

TEST_F(FiguresTest, WhereAllIsHeldAFileIsCountedAsWithoutEntry)
{
    fill(1, self());
    EXPECT_EQ(entries().size(), Figures::most_files);
    EXPECT_EQ(figures_->without_entry, 0u);
    for (std::uint64_t n { 1 }; n <= 3; ++n) {
        auto const entered { figures_->enter(1000 + n, 8, self()) };
        EXPECT_EQ(entered.entry, nullptr);
        EXPECT_FALSE(entered.first);
        EXPECT_EQ(figures_->without_entry, n);
    }
    EXPECT_EQ(figures_->past_files, 0u);
    EXPECT_NE(figures_->enter(7, 8, self()).entry, nullptr); // one that is there is found
    EXPECT_EQ(figures_->without_entry, 3u);
}

// Killed before it could leave.
TEST_F(FiguresTest, TheEntryOfADeadMakerIsTakenOver)
{
    fill(1, self());
    auto &old { *figures_->enter(100, 8, self()).entry };
    set(old.maker, dead());
    set(old.holders, 2);
    for (auto const word : { &FileFigures::private_pages, &FileFigures::most_private, &FileFigures::most_shared, &FileFigures::allocated, &FileFigures::most_allocated, &FileFigures::largest_bytes })
        set(old.*word, 5);
    set(old.under_way.size, 4096);
    set(old.launch.size, 4096);
    set(old.again, 3);
    auto const [taken, is_first] { figures_->enter(1000, 16, self()) };
    ASSERT_EQ(taken, &old);
    EXPECT_TRUE(is_first);
    EXPECT_EQ(taken->file, 1000u);
    EXPECT_EQ(taken->pages, 16u);
    EXPECT_EQ(taken->maker, self());
    EXPECT_EQ(taken->holders, 1u);
    for (auto const word : { &FileFigures::private_pages, &FileFigures::most_private, &FileFigures::most_shared, &FileFigures::allocated, &FileFigures::most_allocated, &FileFigures::largest_bytes,
             &FileFigures::again })
        EXPECT_EQ((taken->*word).load(), 0u);
    EXPECT_EQ(taken->under_way.size, 0u);
    EXPECT_EQ(taken->launch.size, 0u);
    EXPECT_EQ(figures_->past_files, 1u);
    EXPECT_EQ(figures_->past.again, 3u);
    EXPECT_EQ(figures_->without_entry, 0u);
    EXPECT_EQ(figures_->enter(1001, 16, self()).entry, nullptr); // the others' makers live
}

TEST_F(FiguresTest, AnEntryThatAllHaveLeftIsTakenOverThoughItsMakerLives)
{
    fill(1, self());
    auto &left { *figures_->enter(200, 8, self()).entry };
    set(left.holders, 0);
    EXPECT_EQ(figures_->enter(1000, 8, self()).entry, &left);
    EXPECT_EQ(left.holders, 1u);
}

// What a past file did is to be seen for as long as there is room.
TEST_F(FiguresTest, AFreeEntryIsTakenBeforeAnOldOne)
{
    auto &old { *figures_->enter(1, 8, dead()).entry };
    set(old.again, 9);
    auto const next { figures_->enter(2, 8, self()) };
    EXPECT_NE(next.entry, &old);
    EXPECT_EQ(old.file, 1u);
    EXPECT_EQ(old.again, 9u);
    EXPECT_EQ(figures_->past_files, 0u);
}

// Every sum of an entry that is given away is in `past`, whatever file after file had it.
TEST_F(FiguresTest, SumsOfPastFilesAddUp)
{
    auto const gone { dead() };
    fill(1, self());
    auto *entry { figures_->enter(50, 8, self()).entry };
    constexpr std::uint64_t rounds { 3 };
    for (std::uint64_t round { 1 }; round <= rounds; ++round) {
        set(entry->maker, gone);
        std::uint64_t n { 0 };
        for (auto const sum : { &FileFigures::unchanged, &FileFigures::refused, &FileFigures::again, &FileFigures::no_memory, &FileFigures::requests, &FileFigures::faults, &FileFigures::punched,
                 &FileFigures::recoveries, &FileFigures::launched_pages })
            add(entry->*sum, round * ++n);
        for (std::size_t d { 0 }; d < 2; ++d) {
            add(entry->converted[d], round * ++n);
            add(entry->converted_bytes[d], round * ++n);
            for (std::size_t i { 0 }; i < FileFigures::sizes; ++i)
                add(entry->by_size[d][i], round * ++n);
        }
        ASSERT_EQ(figures_->enter(1000 + round, 8, self()).entry, entry);
    }
    EXPECT_EQ(figures_->past_files, rounds);
    constexpr std::uint64_t all { rounds * (rounds + 1) / 2 };
    std::uint64_t n { 0 };
    auto const &past { figures_->past };
    for (auto const sum : { &FileFigures::unchanged, &FileFigures::refused, &FileFigures::again, &FileFigures::no_memory, &FileFigures::requests, &FileFigures::faults, &FileFigures::punched,
             &FileFigures::recoveries, &FileFigures::launched_pages })
        EXPECT_EQ((past.*sum).load(), all * ++n);
    for (std::size_t d { 0 }; d < 2; ++d) {
        EXPECT_EQ(past.converted[d], all * ++n);
        EXPECT_EQ(past.converted_bytes[d], all * ++n);
        for (std::size_t i { 0 }; i < FileFigures::sizes; ++i)
            EXPECT_EQ(past.by_size[d][i], all * ++n);
    }
}

// One is held up anywhere on its way, instruction by instruction, while the other comes and goes.
TEST_F(FiguresTest, WhoIsHeldUpWhileAnotherEntersFindsTheOthersEntry)
{
    constexpr std::uint64_t both { 7 };
    (void)figures_->enter(1, 8, self());
    bool over { false };
    for (std::uint64_t steps { 1 }; !over; steps *= 2) {
        auto const child { fork() };
        if (child == 0) {
            if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
                _exit(77);
            raise(SIGSTOP);
            _exit(figures_->enter(both + steps, 8, self()).entry ? 0 : 1);
        }
        int status { 0 };
        ASSERT_EQ(waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
            GTEST_SKIP() << "nobody may be traced here";
        for (std::uint64_t n { 0 }; n < steps && !over; ++n) {
            ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr), 0);
            ASSERT_EQ(waitpid(child, &status, 0), child);
            over = WIFEXITED(status);
        }
        (void)figures_->enter(both + steps, 8, self());
        if (!over) {
            ASSERT_EQ(ptrace(PTRACE_CONT, child, nullptr, nullptr), 0);
            ASSERT_EQ(waitpid(child, &status, 0), child);
        }
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        EXPECT_EQ(entries()[both + steps], 1u) << "held up after " << steps << " instructions";
    }
}

// Processes that meet at the same file, again and again, and in the table's last free places.
TEST_F(FiguresTest, ProcessesThatEnterAtOnceShareOneEntry)
{
    constexpr unsigned processes { 4 };
    auto *const gate { static_cast<std::atomic<std::uint64_t> *>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) };
    ASSERT_NE(gate, MAP_FAILED);
    std::vector<pid_t> children;
    for (unsigned i { 0 }; i < processes; ++i)
        if (children.push_back(fork()); children.back() == 0) {
            bool found { true };
            for (std::uint64_t file { 1 }; file <= Figures::most_files; ++file) {
                gate->fetch_add(1);
                for (unsigned spins { 1 }; gate->load() < file * processes; ++spins) // until all are here
                    if (spins % 1024 == 0)
                        sched_yield();
                auto const entered { figures_->enter(file, 8, self()) };
                found = entered.entry != nullptr && found;
                gate[file].fetch_add(entered.first);
            }
            _exit(found ? 0 : 1);
        }
    for (auto const child : children) {
        int status { 0 };
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0) << "a file found no entry";
    }
    EXPECT_EQ(figures_->without_entry, 0u);
    EXPECT_EQ(figures_->past_files, 0u);
    EXPECT_EQ(entries().size(), Figures::most_files);
    for (auto const &f : figures_->files) {
        EXPECT_EQ(f.holders, processes) << "file " << f.file;
        EXPECT_GE(gate[f.file], 1u) << "nobody says what is known of file " << f.file;
    }
    munmap(gate, 4096);
}
