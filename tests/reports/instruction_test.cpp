// What an instruction accessed, by its bytes: of each sort one, and what is no instruction.

#include "cli/reports/instruction.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace gmem::cli::reports {
namespace {

using Code = std::vector<unsigned>;

constexpr std::uint64_t here { 0x401000 }, there { 0x7f0000003000 };
enum Register : std::size_t { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi };

std::optional<MemoryAccess> decoded(Code const &code, bool write, std::uint64_t address, Registers const *registers)
{
    std::vector<std::byte> bytes(code.size());
    std::ranges::transform(code, bytes.begin(), [](unsigned b) { return static_cast<std::byte>(b); });
    auto const a { access_of(bytes, { here, address, write }, registers) };
    EXPECT_TRUE(!a || a->bytes != 0); // what is not known is not 0
    return a;
}

// Without registers. 0: not known.
std::uint64_t written(Code const &code) { return decoded(code, true, there, nullptr).value_or(MemoryAccess {}).bytes; }
std::uint64_t read(Code const &code) { return decoded(code, false, there, nullptr).value_or(MemoryAccess {}).bytes; }

// Every register holds `there`, but for those that are given.
Registers with(std::initializer_list<std::pair<Register, std::uint64_t>> values)
{
    Registers r;
    r.fill(there);
    for (auto const &[which, value] : values)
        r[which] = value;
    return r;
}

Code const mov_to_rdi { 0x48, 0x89, 0x07 };                               // mov [rdi], rax
Code const movs { 0x48, 0xa5 };                                           // movsq
Code const vmovups_512_masked { 0x62, 0xf1, 0x7c, 0x49, 0x11, 0x07 };     // vmovups [rdi]{k1}, zmm0
Code const vmovdqu64_512 { 0x62, 0xf1, 0xfe, 0x48, 0x7f, 0x07 };          // vmovdqu64 [rdi], zmm0

TEST(Instruction, PlainAccessesHaveTheSizeOfTheirOperand)
{
    EXPECT_EQ(written({ 0xc6, 0x07, 0x01 }), 1u);             // mov byte [rdi], 1
    EXPECT_EQ(written({ 0x66, 0x89, 0x07 }), 2u);             // mov [rdi], ax
    EXPECT_EQ(written({ 0x89, 0x07 }), 4u);                   // mov [rdi], eax
    EXPECT_EQ(written(mov_to_rdi), 8u);
    EXPECT_EQ(read({ 0x0f, 0xb6, 0x07 }), 1u);                // movzx eax, byte [rdi]
    EXPECT_EQ(read({ 0x0f, 0xb7, 0x07 }), 2u);                // movzx eax, word [rdi]
    EXPECT_EQ(read({ 0xdb, 0x2f }), 10u);                     // fld tbyte [rdi]
    EXPECT_EQ(read({ 0xf3, 0x0f, 0x6f, 0x07 }), 16u);         // movdqu xmm0, [rdi]
    EXPECT_EQ(written({ 0xf3, 0x0f, 0x7f, 0x07 }), 16u);      // movdqu [rdi], xmm0
    EXPECT_EQ(written({ 0xc5, 0xfe, 0x7f, 0x07 }), 32u);      // vmovdqu [rdi], ymm0
    EXPECT_EQ(written(vmovdqu64_512), 64u);
    EXPECT_EQ(written({ 0xf0, 0x48, 0x0f, 0xc7, 0x0f }), 16u); // lock cmpxchg16b [rdi]
    EXPECT_EQ(written({ 0x0f, 0xae, 0x07 }), 512u);           // fxsave [rdi]
}

TEST(Instruction, WhatReadsAndWritesIsEither)
{
    Code const add { 0x44, 0x00, 0x07 }; // add [rdi], r8b
    EXPECT_EQ(written(add), 1u);
    EXPECT_EQ(read(add), 1u);
}

TEST(Instruction, OfTwoOperandsItIsTheOneThatTheFaultSays)
{
    EXPECT_EQ(read({ 0x66, 0xff, 0x37 }), 2u);          // push word [rdi]
    EXPECT_EQ(read({ 0xff, 0x37 }), 8u);                // push qword [rdi]
    EXPECT_EQ(written({ 0x50 }), 8u);                   // push rax
    EXPECT_EQ(read({ 0x50 }), 0u);
    EXPECT_EQ(read({ 0x48, 0xff, 0x1f }), 10u);         // call far [rdi]
    EXPECT_EQ(read({ 0xff, 0x17 }), 8u);                // call [rdi]
    EXPECT_EQ(written({ 0xff, 0x17 }), 8u);             // where it puts the return address
    EXPECT_EQ(read({ 0xc3 }), 8u);                      // ret
    EXPECT_EQ(written(movs), 8u);
    EXPECT_EQ(read(movs), 8u);
    EXPECT_EQ(read(mov_to_rdi), 0u);                    // it reads no memory: the bytes are not what ran
}

TEST(Instruction, RegistersSayWhichOperandItIsAndWhereItBegins)
{
    auto const copy { with({ { rsi, 0x1ffd }, { rdi, there } }) };
    auto const source { decoded(movs, false, 0x2000, &copy) };
    ASSERT_TRUE(source && source->begin);
    EXPECT_EQ(*source->begin, 0x1ffdu);
    EXPECT_EQ(source->bytes, 8u);
    EXPECT_FALSE(decoded(movs, false, there, &copy)); // what it writes
    EXPECT_EQ(decoded(movs, true, there + 7, &copy)->begin, there);
    EXPECT_FALSE(decoded(movs, true, there + 8, &copy));
    EXPECT_FALSE(decoded(movs, true, there - 1, &copy));
    EXPECT_FALSE(decoded(mov_to_rdi, true, there + 0x1000, &copy)); // it wrote elsewhere: these bytes are not what ran
}

TEST(Instruction, AddressesAreWhatTheOperandSays)
{
    auto const begin { [](Code const &code, Registers const &r, std::uint64_t address) {
        auto const a { decoded(code, true, address, &r) };
        return a && a->begin ? *a->begin : 0;
    } };
    EXPECT_EQ(begin({ 0xc7, 0x44, 0x8f, 0xe8, 0, 0, 0, 0 }, with({ { rdi, 0x5000 }, { rcx, 8 } }), 0x5008), 0x5008u);                   // mov dword [rdi + rcx * 4 - 24], 0
    EXPECT_EQ(begin({ 0x89, 0x05, 0x00, 0x10, 0x00, 0x00 }, with({}), here + 6 + 0x1000), here + 6 + 0x1000);                           // mov [rip + 0x1000], eax
    EXPECT_EQ(begin({ 0x67, 0x89, 0x07 }, with({ { rdi, 0x1'0000'5000 } }), 0x5000), 0x5000u);                                          // mov [edi], eax
    Registers r { with({}) };
    r[15] = 0x6000;
    EXPECT_EQ(begin({ 0x41, 0x89, 0x07 }, r, 0x6002), 0x6000u); // mov [r15], eax
}

// Segments begin where nobody says, and bits are counted from the operand on.
TEST(Instruction, WhereTheAddressCannotBeKnownItIsNotSaid)
{
    auto const r { with({}) };
    for (Code const &code : { Code { 0x64, 0x48, 0x89, 0x07 }, Code { 0x48, 0x0f, 0xab, 0x07 }, Code { 0x50 } }) { // mov fs:[rdi], rax; bts [rdi], rax; push rax
        auto const a { decoded(code, true, 0x123, &r) };
        ASSERT_TRUE(a);
        EXPECT_EQ(a->bytes, 8u);
        EXPECT_FALSE(a->begin);
    }
}

TEST(Instruction, OfManyElementsItIsOne)
{
    EXPECT_EQ(written({ 0xf3, 0xa4 }), 1u);                                 // rep movsb
    EXPECT_EQ(written({ 0xf3, 0x48, 0xab }), 8u);                           // rep stosq
    EXPECT_EQ(read({ 0xf3, 0x66, 0xa7 }), 2u);                              // rep cmpsw
    EXPECT_EQ(read({ 0xc4, 0xe2, 0x75, 0x90, 0x04, 0x97 }), 4u);            // vpgatherdd ymm0, [rdi + ymm2 * 4], ymm1
    EXPECT_EQ(read({ 0xc4, 0xe2, 0xf5, 0x90, 0x04, 0x97 }), 8u);            // vpgatherdq ymm0, [rdi + xmm2 * 4], ymm1
    EXPECT_EQ(written({ 0x62, 0xf2, 0x7d, 0x49, 0xa0, 0x04, 0x97 }), 4u);   // vpscatterdd [rdi + zmm2 * 4]{k1}, zmm0
    EXPECT_EQ(written({ 0xc4, 0xe2, 0x71, 0x2e, 0x07 }), 4u);               // vmaskmovps [rdi], xmm1, xmm0
    EXPECT_EQ(written({ 0xc4, 0xe2, 0x71, 0x2f, 0x07 }), 8u);               // vmaskmovpd [rdi], xmm1, xmm0
    EXPECT_EQ(written({ 0xc4, 0xe2, 0x75, 0x8e, 0x07 }), 4u);               // vpmaskmovd [rdi], ymm1, ymm0
    EXPECT_EQ(read({ 0xc4, 0xe2, 0xf1, 0x8c, 0x07 }), 8u);                  // vpmaskmovq xmm0, xmm1, [rdi]
    EXPECT_EQ(written({ 0x66, 0x0f, 0xf7, 0xc1 }), 1u);                     // maskmovdqu xmm0, xmm1
    EXPECT_EQ(written({ 0x0f, 0xf7, 0xc1 }), 1u);                           // maskmovq mm0, mm1
    EXPECT_EQ(written({ 0x62, 0xf1, 0x7f, 0x49, 0x7f, 0x07 }), 1u);         // vmovdqu8 [rdi]{k1}, zmm0
    EXPECT_EQ(read({ 0xc4, 0xe2, 0xf5, 0x93, 0x04, 0x97 }), 8u);            // vgatherqpd ymm0, [rdi + ymm2 * 4], ymm1
    EXPECT_EQ(written(vmovups_512_masked), 4u);
    EXPECT_EQ(written({ 0x62, 0xf2, 0x7d, 0x49, 0x8b, 0x07 }), 4u);         // vpcompressd [rdi]{k1}, zmm0
    EXPECT_EQ(read({ 0x62, 0xf1, 0x74, 0x58, 0x58, 0x07 }), 4u);            // vaddps zmm0, zmm1, [rdi]{1to16}
    EXPECT_EQ(read({ 0x62, 0xf1, 0x74, 0x48, 0x58, 0x07 }), 64u);           // vaddps zmm0, zmm1, [rdi]
    EXPECT_EQ(read({ 0x62, 0xf2, 0x75, 0x49, 0x00, 0x07 }), 64u);           // vpshufb zmm0{k1}, zmm1, [rdi]: reads all of it
}

TEST(Instruction, UnderAMaskNobodySaysWhichElementItWas)
{
    auto const r { with({ { rdi, 0x1ff6 } }) };
    for (auto const address : { 0x1ff6u, 0x2000u, 0x1ff6u + 63 }) {
        auto const a { decoded(vmovups_512_masked, true, address, &r) };
        ASSERT_TRUE(a);
        EXPECT_EQ(a->bytes, 4u);
        EXPECT_FALSE(a->begin);
    }
    EXPECT_FALSE(decoded(vmovups_512_masked, true, 0x1ff6 + 64, &r));
    EXPECT_EQ(decoded(vmovdqu64_512, true, 0x2000, &r)->begin, 0x1ff6u);
}

TEST(Instruction, WhatHasNoFixedSizeHasNone)
{
    EXPECT_EQ(written({ 0x0f, 0xae, 0x27 }), 0u);                   // xsave [rdi]
    EXPECT_EQ(read({ 0x0f, 0xae, 0x2f }), 0u);                      // xrstor [rdi]
    EXPECT_EQ(written({ 0x48, 0x0f, 0xc7, 0x27 }), 0u);             // xsavec64 [rdi]
    EXPECT_EQ(written({ 0x0f, 0xae, 0x37 }), 0u);                   // xsaveopt [rdi]
    EXPECT_EQ(read({ 0x0f, 0xae, 0x3f }), 0u);                      // clflush [rdi]
    EXPECT_EQ(read({ 0xc4, 0xe2, 0x7b, 0x4b, 0x04, 0x0f }), 0u);    // tileloadd tmm0, [rdi + rcx]
}

TEST(Instruction, WhatIsNoneOrAccessesNothingHasNone)
{
    EXPECT_EQ(read({}), 0u);
    EXPECT_EQ(read({ 0x06 }), 0u);                                  // of 32-bit mode only
    EXPECT_EQ(read({ 0xff, 0xff }), 0u);
    EXPECT_EQ(read(Code(15, 0x66)), 0u);
    EXPECT_EQ(read({ 0x90 }), 0u);                                  // nop
    EXPECT_EQ(read({ 0x48, 0x8d, 0x07 }), 0u);                      // lea rax, [rdi]
    EXPECT_EQ(read({ 0xcc }), 0u);                                  // a debugger's breakpoint
}

TEST(Instruction, OfOneThatIsCutNothingIsSaid)
{
    for (auto const &whole : { Code { 0xc7, 0x44, 0x8f, 0xe8, 0, 0, 0, 0 }, vmovdqu64_512, Code { 0xf0, 0x48, 0x0f, 0xc7, 0x0f } }) {
        ASSERT_NE(written(whole), 0u);
        for (std::size_t bytes { 0 }; bytes < whole.size(); ++bytes)
            EXPECT_EQ(written({ whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes) }), 0u) << bytes;
    }
}

// Whatever the bytes: an answer is an access that has the fault's byte.
TEST(Instruction, GarbageIsDecodedToWhatTheFaultSaysOrNotAtAll)
{
    std::mt19937 random { 5 };
    auto const r { with({ { rcx, 3 }, { rdx, there + 4096 } }) };
    std::size_t known { 0 };
    for (int i { 0 }; i < 200'000; ++i) {
        Code code(1 + random() % longest_instruction);
        std::ranges::generate(code, [&random] { return static_cast<unsigned>(random() & 0xff); });
        auto const a { decoded(code, i % 2 != 0, there, &r) };
        if (!a)
            continue;
        ++known;
        EXPECT_GT(a->bytes, 0u);
        EXPECT_TRUE(!a->begin || there - *a->begin < a->bytes);
    }
    EXPECT_GT(known, 1000u);
}

} // namespace
} // namespace gmem::cli::reports
