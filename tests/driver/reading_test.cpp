// How the driver tells what was found in a page.

#include "driver/matrix/reading.hpp"

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>

using namespace gmem::driver;
using namespace gmem::driver::matrix;

namespace {

Page with_word(Page page, std::size_t index, std::uint64_t word)
{
    std::memcpy(page.data() + 8 * index, &word, sizeof word);
    return page;
}

Page of_others()
{
    Page page;
    for (std::size_t i { 0 }; i < page_size; ++i)
        page[i] = static_cast<std::byte>(1 + i % 250);
    return page;
}

std::uint64_t word(Page const &page, std::size_t index)
{
    std::uint64_t w;
    std::memcpy(&w, page.data() + 8 * index, sizeof w);
    return w;
}

} // namespace

TEST(Reading, WholePagesAreWhatTheyAre)
{
    EXPECT_EQ(classify(host_page()), Reading::host_bytes);
    EXPECT_EQ(classify(guest_page()), Reading::guest_bytes);
    EXPECT_EQ(classify(Page {}), Reading::zeros);
    EXPECT_EQ(classify(of_others()), Reading::scrambled);
}

TEST(Reading, OneWordOfSomebodysIsNotNoise)
{
    for (auto const i : { 0u, 1u, 255u, 511u }) {
        EXPECT_EQ(classify(with_word(of_others(), i, 0)), Reading::mixed);
        EXPECT_EQ(classify(with_word(of_others(), i, word(host_page(), i))), Reading::mixed);
        EXPECT_EQ(classify(with_word(of_others(), i, word(guest_page(), i))), Reading::mixed);
        EXPECT_EQ(classify(with_word(host_page(), i, 0)), Reading::mixed);
        EXPECT_EQ(classify(with_word(Page {}, i, 5)), Reading::mixed);
    }
}

TEST(Reading, ThePatternsShareNoWordAndHaveNoZero)
{
    for (std::size_t i { 0 }; i < page_size / 8; ++i) {
        EXPECT_NE(word(host_page(), i), 0u);
        EXPECT_NE(word(guest_page(), i), 0u);
        for (std::size_t j { 0 }; j < page_size / 8; ++j)
            EXPECT_NE(word(host_page(), i), word(guest_page(), j));
    }
}

TEST(Reading, NoiseIsTheSameAgainAndRandomIsNot)
{
    EXPECT_EQ(word_of(Reading::scrambled, true), "noise");
    EXPECT_EQ(word_of(Reading::scrambled, false), "random");
    EXPECT_EQ(word_of(Reading::zeros, false), "zeros");
}
