// The states of pages against the simplest possible ones, in spaces that end within a chunk, at its end, and behind it.

#include "cli/picture/states.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

using gmem::Attribute;
using gmem::cli::picture::PageStates;

namespace {

TEST(PageStatesTest, AnyChangesLeaveWhatTheyShould)
{
    constexpr auto chunk { PageStates::chunk_pages };
    std::mt19937_64 random { 7 };
    for (auto const pages : { std::uint64_t { 1 }, std::uint64_t { 63 }, std::uint64_t { 1000 }, chunk - 1, chunk, chunk + 1, 2 * chunk + 77 })
        for (auto const initial : { Attribute::shared, Attribute::private_ }) {
            PageStates states { pages, initial };
            std::vector<bool> model(pages, initial == Attribute::private_);
            for (int i { 0 }; i < 300; ++i) {
                auto const first { random() % pages };
                auto const count { random() % 4 ? 1 + random() % std::min<std::uint64_t>(pages - first, 200) : 1 + random() % (pages - first) };
                auto const to { random() % 2 ? Attribute::private_ : Attribute::shared };
                states.set(first, count, to);
                std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(first), count, to == Attribute::private_);
                auto const from { random() % pages };
                auto const size { 1 + random() % (pages - from) };
                auto const begin { model.begin() + static_cast<std::ptrdiff_t>(from) };
                ASSERT_EQ(states.private_pages(from, size), static_cast<std::uint64_t>(std::count(begin, begin + static_cast<std::ptrdiff_t>(size), true))) << pages << " pages, step " << i;
                ASSERT_EQ(states.private_pages(), static_cast<std::uint64_t>(std::ranges::count(model, true))) << pages << " pages, step " << i;
                if (states.is_uniform_around(from)) {
                    auto const at { from / chunk * chunk };
                    auto const in_chunk { std::min(chunk, pages - at) };
                    auto const n { states.private_pages(at, in_chunk) };
                    ASSERT_TRUE(n == 0 || n == in_chunk);
                }
            }
        }
}

TEST(PageStatesTest, AnAllPrivateChunkThatBecomesSharedPageByPageIsUniformAgain)
{
    PageStates states { 100, Attribute::private_ };
    for (std::uint64_t p { 0 }; p < 100; ++p)
        states.set(p, 1, Attribute::shared);
    EXPECT_TRUE(states.is_uniform_around(0));
    EXPECT_EQ(states.private_pages(), 0u);
}

} // namespace
