// ElfImage from untrusted bytes: every cut and every changed byte of a real program's head is either refused or read, never a crash.

#include "cli/elf_image.hpp"

#include <algorithm>
#include <elf.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

using gmem::cli::ElfImage;

namespace {

std::vector<unsigned char> own_bytes()
{
    std::ifstream file { "/proc/self/exe", std::ios::binary };
    return { std::istreambuf_iterator<char> { file }, {} };
}

} // namespace

TEST(ElfImage, ReadsThisProgram)
{
    auto const image { ElfImage::parse(own_bytes()) };
    ASSERT_TRUE(image);
    EXPECT_EQ(image->machine, EM_X86_64);
    EXPECT_TRUE(image->class64);
    EXPECT_NE(image->interpreter.find("ld-linux"), std::string::npos);
    EXPECT_NE(std::find(image->needed.begin(), image->needed.end(), "libc.so.6"), image->needed.end());
}

TEST(ElfImage, SurvivesEveryCut)
{
    auto bytes { own_bytes() };
    for (std::size_t n { 0 }; n < 4096; ++n)
        (void)ElfImage::parse({ bytes.begin(), bytes.begin() + static_cast<long>(n) });
    EXPECT_FALSE(ElfImage::parse({}));
    EXPECT_FALSE(ElfImage::parse({ bytes.begin(), bytes.begin() + 40 }));
}

TEST(ElfImage, SurvivesEveryChangedByteOfItsHead)
{
    auto bytes { own_bytes() };
    bytes.resize(std::min<std::size_t>(bytes.size(), 16384));
    for (std::size_t at { 0 }; at < 1024; ++at)
        for (int value : { 0x00, 0x7f, 0x80, 0xff }) {
            auto const before { bytes[at] };
            bytes[at] = static_cast<unsigned char>(value);
            (void)ElfImage::parse(bytes);
            bytes[at] = before;
        }
}
