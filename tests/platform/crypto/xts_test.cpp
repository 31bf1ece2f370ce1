// AES-256-XTS on pages: IEEE 1619-2018 annex B, and what the table promises beyond it.

#include "tests/platform/crypto/bytes.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>

namespace gmem::crypto {
namespace {

auto const &table { openssl_primitives() };

constexpr std::string_view standard_key { "2718281828459045235360287471352662497757247093699959574966967627"
                                          "3141592653589793238462643383279502884197169399375105820974944592" };

struct FreeCipher final {
    void operator()(Cipher *c) const noexcept { table.free_cipher(c); }
};
using Owned = std::unique_ptr<Cipher, FreeCipher>;

Owned cipher_of(Buffer const &key)
{
    std::byte copy[xts_key_bytes];
    std::copy_n(key.begin(), xts_key_bytes, copy);
    return Owned { table.make_cipher(copy) };
}

// Bytes 0, 1, ... 255, over and over: the plaintext of vectors 10 to 14.
Buffer counting()
{
    Buffer page(page_size);
    for (std::size_t i { 0 }; i < page.size(); ++i)
        page[i] = static_cast<std::byte>(i);
    return page;
}

Buffer encrypted(Cipher *c, std::uint64_t number, Buffer page)
{
    table.encrypt_page(c, number, page.data());
    return page;
}

// The data units of the vectors have 512 bytes; whole blocks do not depend on what follows.
TEST(Xts, VectorsOfIeee1619)
{
    auto const cipher { cipher_of(from_hex(standard_key)) };
    ASSERT_TRUE(cipher);
    EXPECT_EQ(to_hex(encrypted(cipher.get(), 0xff, counting()).data(), 512),
        "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b5d31e276f8fe4a8d66b317f9ac683f44680a86ac35adfc3345befecb4bb188fd"
        "5776926c49a3095eb108fd1098baec70aaa66999a72a82f27d848b21d4a741b0c5cd4d5fff9dac89aeba122961d03a757123e9870f8acf1000020887891429ca"
        "2a3e7a7d7df7b10355165c8b9a6d0a7de8b062c4500dc4cd120c0f7418dae3d0b5781c34803fa75421c790dfe1de1834f280d7667b327f6c8cd7557e12ac3a0f"
        "93ec05c52e0493ef31a12d3d9260f79a289d6a379bc70c50841473d1a8cc81ec583e9645e07b8d9670655ba5bbcfecc6dc3966380ad8fecb17b6ba02469a020a"
        "84e18e8f84252070c13e9f1f289be54fbc481457778f616015e1327a02b140f1505eb309326d68378f8374595c849d84f4c333ec4423885143cb47bd71c5edae"
        "9be69a2ffeceb1bec9de244fbe15992b11b77c040f12bd8f6a975a44a0f90c29a9abc3d4d893927284c58754cce294529f8614dcd2aba991925fedc4ae74ffac"
        "6e333b93eb4aff0479da9a410e4450e0dd7ae4c6e2910900575da401fc07059f645e8b7e9bfdef33943054ff84011493c27b3429eaedb4ed5376441a77ed4385"
        "1ad77f16f541dfd269d50d6a5f14fb0aab1cbb4c1550be97f7ab4066193c4caa773dad38014bd2092fa755c824bb5e54c4f36ffda9fcea70b9c6e693e148c151");
    EXPECT_EQ(to_hex(encrypted(cipher.get(), 0xffff, counting()).data(), 64),
        "77a31251618a15e6b92d1d66dffe7b50b50bad552305ba0217a610688eff7e11e1d0225438e093242d6db274fde801d4cae06f2092c728b2478559df58e837c2");
}

// The definition with a cipher that knows nothing of XTS: T = AES(key 2, number), C = AES(key 1, P ^ T) ^ T.
TEST(Xts, TheNumberOfThePageIsTheTweakLittleEndian)
{
    auto const key { from_hex(standard_key) };
    auto const block { [&](std::size_t half, unsigned char *b) {
        std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> const c { EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free };
        int size { 0 };
        ASSERT_EQ(EVP_EncryptInit_ex(c.get(), EVP_aes_256_ecb(), nullptr, reinterpret_cast<unsigned char const *>(key.data()) + half, nullptr), 1);
        ASSERT_EQ(EVP_EncryptUpdate(c.get(), b, &size, b, 16), 1);
    } };
    unsigned char tweak[16] { 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01 };
    block(32, tweak);
    unsigned char expected[16];
    for (unsigned i { 0 }; i < 16; ++i)
        expected[i] = static_cast<unsigned char>(i ^ tweak[i]);
    block(0, expected);
    for (unsigned i { 0 }; i < 16; ++i)
        expected[i] = static_cast<unsigned char>(expected[i] ^ tweak[i]);

    auto const cipher { cipher_of(key) };
    EXPECT_EQ(std::memcmp(encrypted(cipher.get(), 0x0102030405060708, counting()).data(), expected, 16), 0);
}

TEST(Xts, DecryptionBringsThePageBack)
{
    auto const cipher { cipher_of(from_hex(standard_key)) };
    for (std::uint64_t const number : { std::uint64_t { 0 }, std::uint64_t { 1 }, std::uint64_t { 0xFFFFFFFFFF }, ~std::uint64_t { 0 } }) {
        auto page { encrypted(cipher.get(), number, counting()) };
        ASSERT_NE(page, counting());
        table.decrypt_page(cipher.get(), number, page.data());
        EXPECT_EQ(page, counting());
    }
}

// A page that was moved decrypts to noise: no block of it is right.
TEST(Xts, ThePageIsPartOfTheCipher)
{
    auto const cipher { cipher_of(from_hex(standard_key)) };
    auto here { encrypted(cipher.get(), 7, counting()) };
    auto const there { encrypted(cipher.get(), 8, counting()) };
    table.decrypt_page(cipher.get(), 8, here.data());
    auto const plain { counting() };
    for (std::size_t block { 0 }; block < page_size; block += 16) {
        EXPECT_NE(std::memcmp(here.data() + block, plain.data() + block, 16), 0);
        EXPECT_NE(std::memcmp(there.data() + block, encrypted(cipher.get(), 7, counting()).data() + block, 16), 0);
    }
}

TEST(Xts, NeitherDirectionNorOrderLeavesATrace)
{
    auto const cipher { cipher_of(from_hex(standard_key)) };
    auto const alone { encrypted(cipher.get(), 3, counting()) };
    auto other { counting() };
    table.decrypt_page(cipher.get(), 9, other.data());
    table.encrypt_page(cipher.get(), 4, other.data());
    EXPECT_EQ(encrypted(cipher.get(), 3, counting()), alone);
}

TEST(Xts, NothingOutsideOfThePageIsTouched)
{
    auto const cipher { cipher_of(from_hex(standard_key)) };
    Buffer room(page_size + 128, std::byte { 0x5a });
    table.encrypt_page(cipher.get(), 1, room.data() + 61); // nor need it be aligned
    EXPECT_TRUE(std::all_of(room.begin(), room.begin() + 61, [](auto b) { return b == std::byte { 0x5a }; }));
    EXPECT_TRUE(std::all_of(room.begin() + 61 + page_size, room.end(), [](auto b) { return b == std::byte { 0x5a }; }));
    EXPECT_NE(room[61 + page_size - 1], std::byte { 0x5a });
}

TEST(Xts, EqualHalvesAreNoKey)
{
    auto key { from_hex(standard_key) };
    std::copy_n(key.begin(), 32, key.begin() + 32);
    EXPECT_FALSE(cipher_of(key));
    key[63] ^= std::byte { 1 };
    EXPECT_TRUE(cipher_of(key));
}

TEST(Xts, NoCipherIsFreed) { table.free_cipher(nullptr); }

TEST(Xts, ThreadsWithCiphersOfTheirOwn)
{
    auto const reference { cipher_of(from_hex(standard_key)) };
    std::vector<std::thread> threads;
    for (std::uint64_t t { 0 }; t < 4; ++t)
        threads.emplace_back([&, t] {
            auto const mine { cipher_of(from_hex(standard_key)) };
            ASSERT_TRUE(mine);
            auto page { counting() };
            for (std::uint64_t n { 0 }; n < 500; ++n)
                table.encrypt_page(mine.get(), n * 4 + t, page.data());
            for (std::uint64_t n { 500 }; n-- > 0;)
                table.decrypt_page(mine.get(), n * 4 + t, page.data());
            EXPECT_EQ(page, counting());
        });
    for (auto &t : threads)
        t.join();
}

} // namespace
} // namespace gmem::crypto
