// Sequences that once differed from the specification, pasted as they were printed. And the proof that a difference would be seen.

#include "tests/generated/library_subject.hpp"
#include "tests/generated/run.hpp"
#include "tests/generated/touch.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace gmem;
using namespace gmem::generated;

namespace {

LibrarySubject &subject()
{
    static LibrarySubject one { (install_touch(), LibrarySubject {}) };
    return one;
}

void expect_agreement(Sequence const &list)
{
    if (auto const d { run(subject(), list) })
        ADD_FAILURE() << explain(list, *d);
}

} // namespace

TEST(Found, AModeThatNoFileSystemHasComesBeforeTheEnd)
{
    expect_agreement({
        CreateVm{0},
        Create{0, 4096, 0},
        Fallocate{0, 2, 9223372036850905088ull, 3870720},
    });
}

TEST(Found, ABindingWhoseEndIsBeyondTheSignBit)
{
    expect_agreement({
        CreateVm{0},
        Create{0, 4096, 0},
        Memslot{0, 2, 0, 4, 0, 4096, 0, 9223372036854771712ull, 2, 0},
    });
}

TEST(Found, AChildsConversionReachesTheParentsWindow)
{
    expect_agreement({
        CreateVm{1},
        Create{0, 8192, 1},
        Map{0, 0, 8192, 1, 0},
        InChild{0, 3, 0, 2, 0},
        Read{0, 4096},
        KernelWrite{0, 4096, 7},
    });
}

TEST(Found, APageThatWasPunchedUnderItsPinCanBecomePrivate)
{
    expect_agreement({
        CreateVm{1},
        Create{0, 32768, 3},
        Map{0, 0, 32768, 1, 0},
        Pin{0, 1, 5},
        Convert{0, 0, 32768, 8, 0, 0},
        Fallocate{0, 3, 8192, 4096},
        Convert{0, 8192, 4096, 8, 0, 0},
        Pin{0, 2, 1},
        Convert{0, 8192, 24576, 8, 0, 0},
        Unpin{0},
        Convert{0, 0, 32768, 8, 0, 0},
    });
}

TEST(Found, AProcessThatOnlyPunchedIsAskedToo)
{
    expect_agreement({
        CreateVm{1},
        Create{0, 4096, 3},
        Map{0, 0, 4096, 1, 0},
        Fork{0},
        InPeer{0, 6, 0, 0, 0, 0},
        Convert{0, 0, 4096, 8, 0, 0},
    });
}

TEST(Processes, EachMeetsTheConversionsOfTheOthers)
{
    expect_agreement({
        CreateVm{1},
        Create{0, 32768, 3},
        Map{0, 0, 32768, 1, 0},
        Write{0, 8192, 9},
        Fork{0},
        Fork{1},
        Fork{0},
        Pass{2, 0},
        InPeer{2, 7, 8, 0, 1, 0},
        InPeer{0, 0, 0, 0, 8, 0},
        InPeer{1, 0, 0, 0, 8, 0},
        InPeer{2, 0, 1, 0, 8, 0},
        Convert{0, 4096, 8192, 8, 0, 0},
        InPeer{1, 4, 0, 3, 2, 0},
        InPeer{0, 2, 0, 6, 1, 0},
        InPeer{1, 4, 0, 5, 3, 0},
        EndPeer{0, 1},
        InPeer{0, 4, 0, 5, 3, 0},
        InPeer{1, 5, 0, 0, 8, 0},
        InPeer{0, 1, 0, 2, 1, 77},
        EndPeer{1, 0},
        InPeer{0, 9, 0, 0, 4, 101},
        Close{0},
        Fork{0},
        Unmap{0, 0, 8},
    });
}

TEST(Policies, BelongToTheOffset)
{
    expect_agreement({
        CreateVm{1},
        Create{0, 32768, 3},
        Map{0, 0, 32768, 1, 0},
        Map{0, 8192, 8192, 1, 0},
        Bind{0, 1, 4, 2, 1, 0},
        Convert{0, 0, 32768, 8, 0, 0},
        Bind{1, 1, 1, 0, 0, 0},
        Bind{0, 0, 8, 100, 1, 0},
    });
}

TEST(Printing, AnOperationIsTheTextThatMakesIt)
{
    std::ostringstream text;
    text << Operation { Convert { 0, 4096, ~Number { 0 }, 8, 0, 3 } };
    EXPECT_EQ(text.str(), "Convert{0, 4096, ~0ull, 8, 0, 3}");
}

TEST(Shrinking, EveryStepIsAnotherOperation)
{
    Operation const op { Write { 3, 8193, 200 } };
    auto const list { simpler(op) };
    EXPECT_FALSE(list.empty());
    std::ostringstream original;
    original << op;
    for (auto const &s : list) {
        std::ostringstream text;
        text << s;
        EXPECT_NE(text.str(), original.str());
    }
    EXPECT_TRUE(simpler(Write { 0, 0, 0 }).empty());
}

namespace {

std::uint64_t mapped_bytes()
{
    std::uint64_t pages { 0 };
    std::ifstream { "/proc/self/statm" } >> pages;
    return pages * page_size;
}

} // namespace

TEST(Found, AFileThatGoesBeforeItsSlotsGivesItsAddressesBack)
{
    Sequence const list {
        CreateVm{1},
        Create{0, 64 << 20, 3},
        Memslot{0, 2, 0, 4, 0, 4096, 0, 0, 2, 0},
        Memslot{0, 2, 1, 4, 8192, 4096, 0, 8192, 2, 0},
        Close{0},
        Memslot{0, 2, 0, 4, 0, 0, 0, 0, 2, 0},
    };
    expect_agreement(list);
    auto const before { mapped_bytes() };
    for (int i { 0 }; i < 20; ++i)
        expect_agreement(list);
    EXPECT_LT(mapped_bytes(), before + (64 << 20));
}
