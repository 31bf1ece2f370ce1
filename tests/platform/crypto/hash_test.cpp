// SHA-2: the examples of FIPS 180-4 and its companion (empty, "abc", two blocks, a million times a).

#include "tests/platform/crypto/bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace gmem::crypto {
namespace {

auto const &table { openssl_primitives() };

struct Vectors final {
    Hash kind;
    std::string_view empty, abc, two_blocks, million;
};

constexpr Vectors vectors[] {
    { Hash::sha256,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
    { Hash::sha384,
        "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
        "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985" },
    { Hash::sha512,
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
        "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b" },
};

constexpr std::string_view two_blocks { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu" };

struct FreeDigest final {
    void operator()(Digest *d) const noexcept { table.free_digest(d); }
};
using Owned = std::unique_ptr<Digest, FreeDigest>;

std::string hashed(Hash kind, std::string_view text)
{
    std::byte out[most_digest_bytes];
    EXPECT_TRUE(table.hash(kind, bytes_of(text), text.size(), out));
    return to_hex(out, size_of(kind));
}

std::string peeked(Hash kind, Digest const *d)
{
    std::byte out[most_digest_bytes];
    table.peek(d, out);
    return to_hex(out, size_of(kind));
}

TEST(Hash, AtOnce)
{
    std::string const million(1'000'000, 'a');
    for (auto const &v : vectors) {
        EXPECT_EQ(hashed(v.kind, ""), v.empty);
        EXPECT_EQ(hashed(v.kind, "abc"), v.abc);
        EXPECT_EQ(hashed(v.kind, two_blocks), v.two_blocks);
        EXPECT_EQ(hashed(v.kind, million), v.million);
    }
}

TEST(Hash, InPiecesOfAnySize)
{
    std::string const million(1'000'000, 'a');
    for (auto const &v : vectors) {
        Owned const d { table.make_digest(v.kind) };
        ASSERT_TRUE(d);
        for (std::size_t at { 0 }, step { 1 }; at < million.size(); step = step * 3 % 997 + 1) {
            auto const size { std::min(step, million.size() - at) };
            table.absorb(d.get(), bytes_of(million) + at, size);
            at += size;
        }
        EXPECT_EQ(peeked(v.kind, d.get()), v.million);
    }
}

TEST(Hash, APeekDisturbsNothing)
{
    for (auto const &v : vectors) {
        Owned const d { table.make_digest(v.kind) };
        EXPECT_EQ(peeked(v.kind, d.get()), v.empty);
        table.absorb(d.get(), bytes_of("abc"), 3);
        EXPECT_EQ(peeked(v.kind, d.get()), v.abc);
        EXPECT_EQ(peeked(v.kind, d.get()), v.abc);
        table.absorb(d.get(), bytes_of("abc"), 0);
        table.absorb(d.get(), bytes_of(two_blocks) + 3, two_blocks.size() - 3);
        EXPECT_EQ(peeked(v.kind, d.get()), v.two_blocks);
    }
}

// Two digests are two: neither sees what the other absorbed.
TEST(Hash, DigestsAreApart)
{
    Owned const one { table.make_digest(Hash::sha384) }, other { table.make_digest(Hash::sha384) };
    table.absorb(one.get(), bytes_of("abc"), 3);
    EXPECT_EQ(peeked(Hash::sha384, one.get()), vectors[1].abc);
    EXPECT_EQ(peeked(Hash::sha384, other.get()), vectors[1].empty);
}

TEST(Hash, OnlyItsBytesAreWritten)
{
    for (auto const &v : vectors) {
        std::byte out[most_digest_bytes + 1];
        std::fill(std::begin(out), std::end(out), std::byte { 0x5a });
        table.hash(v.kind, bytes_of("abc"), 3, out);
        EXPECT_EQ(out[size_of(v.kind)], std::byte { 0x5a });
    }
}

TEST(Hash, NoDigestIsFreed) { table.free_digest(nullptr); }

} // namespace
} // namespace gmem::crypto
