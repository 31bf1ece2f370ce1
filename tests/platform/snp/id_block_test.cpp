// LAUNCH_FINISH with an ID block: what its owner signed is what is launched, or it is not.

#include "launch_world.hpp"

#include <algorithm>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

namespace gmem::platform::snp {
namespace {

// A key of the guest's owner. OpenSSL itself signs, apart from the table under test.
class Owner final {
public:
    Owner() : key_ { EVP_EC_gen("P-384") } {}
    ~Owner() { EVP_PKEY_free(key_); }
    Owner(Owner const &) = delete;
    Owner &operator=(Owner const &) = delete;

    EcdsaKey public_key() const
    {
        EcdsaKey k;
        for (auto const &[name, to] : { std::pair { OSSL_PKEY_PARAM_EC_PUB_X, &k.x }, std::pair { OSSL_PKEY_PARAM_EC_PUB_Y, &k.y } }) {
            BIGNUM *n { nullptr };
            EXPECT_EQ(EVP_PKEY_get_bn_param(key_, name, &n), 1);
            store(n, *to);
            BN_free(n);
        }
        return k;
    }
    template <typename T>
    EcdsaSignature sign(T const &message) const
    {
        unsigned char der[160];
        std::size_t size { sizeof der };
        auto *const context { EVP_MD_CTX_new() };
        EXPECT_EQ(EVP_DigestSignInit(context, nullptr, EVP_sha384(), nullptr, key_), 1);
        EXPECT_EQ(EVP_DigestSign(context, der, &size, reinterpret_cast<unsigned char const *>(&message), sizeof message), 1);
        EVP_MD_CTX_free(context);
        unsigned char const *at { der };
        auto *const pair { d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)) };
        EcdsaSignature s;
        store(ECDSA_SIG_get0_r(pair), s.r);
        store(ECDSA_SIG_get0_s(pair), s.s);
        ECDSA_SIG_free(pair);
        return s;
    }

private:
    static void store(BIGNUM const *n, std::array<std::byte, 72> &to) { EXPECT_EQ(BN_bn2lebinpad(n, reinterpret_cast<unsigned char *>(to.data()), 72), 72); }

    EVP_PKEY *key_;
};

struct Finish final {
    World w { 1 };
    Owner owner, author;
    Launch launch { launching(w) };
    IdBlock block {};
    IdAuthentication authentication {};

    Finish()
    {
        EXPECT_EQ(rmpupdate(w.rmp(), PageNo { 0 }, NewState::guests(our_asid, 0x100, true)), Eax::success);
        EXPECT_EQ(launch.update(w.pages, { .page = PageNo { 0 } }), Firmware::success);
        block.digest = launch.digest();
        block.policy = launch.policy();
        sign();
    }
    void sign()
    {
        authentication.id_key = owner.public_key();
        authentication.id_block_signature = owner.sign(block);
        authentication.author_key_algorithm = ecdsa_p384_sha384;
        authentication.author_key = author.public_key();
        authentication.id_key_signature = author.sign(authentication.id_key);
    }
    Firmware finish(bool author_key = false)
    {
        std::array<std::byte, 32> host_data {};
        host_data[3] = std::byte { 9 };
        auto const answer { launch.finish({ .id_block = &block, .id_authentication = &authentication, .author_key = author_key, .host_data = host_data }) };
        EXPECT_EQ(launch.state(), answer == Firmware::success ? GuestState::running : GuestState::launch);
        EXPECT_EQ(launch.host_data()[3] == std::byte { 9 }, answer == Firmware::success);
        return answer;
    }
};

TEST(LaunchFinish, TakesWhatTheOwnerSigned)
{
    Finish f;
    EXPECT_EQ(f.finish(), Firmware::success);
}

TEST(LaunchFinish, TakesAnAuthorsKey)
{
    Finish f;
    EXPECT_EQ(f.finish(true), Firmware::success);
}

TEST(LaunchFinish, RefusesInTheFirmwaresOrder)
{
    Finish f;
    f.authentication.id_block_signature.r[0] ^= std::byte { 1 };
    f.block.policy ^= policy_bit::debug;
    f.block.digest[0] ^= std::byte { 1 };
    EXPECT_EQ(f.finish(), Firmware::bad_measurement);
    f.block.digest[0] ^= std::byte { 1 };
    EXPECT_EQ(f.finish(), Firmware::policy_failure);
    f.block.policy ^= policy_bit::debug;
    EXPECT_EQ(f.finish(), Firmware::bad_signature);
    f.authentication.id_block_signature.r[0] ^= std::byte { 1 };
    EXPECT_EQ(f.finish(), Firmware::success);
}

TEST(LaunchFinish, AnythingThatIsSignedCounts)
{
    auto const answer { [](auto const &change, bool author = true) { Finish f; change(f); return f.finish(author); } };
    EXPECT_EQ(answer([](Finish &f) { ++f.block.guest_svn; }), Firmware::bad_signature);
    EXPECT_EQ(answer([](Finish &f) { f.block.image_id[15] = std::byte { 1 }; }), Firmware::bad_signature);
    EXPECT_EQ(answer([](Finish &f) { f.authentication.id_key = f.author.public_key(); }), Firmware::bad_signature);
    EXPECT_EQ(answer([](Finish &f) { f.authentication.author_key = f.owner.public_key(); }), Firmware::bad_signature);
    EXPECT_EQ(answer([](Finish &f) { f.authentication.author_key = f.owner.public_key(); }, false), Firmware::success); // not asked for
    EXPECT_EQ(answer([](Finish &f) { f.authentication.id_block_signature.s[60] = std::byte { 1 }; }), Firmware::bad_signature); // beyond 48 bytes
    EXPECT_EQ(answer([](Finish &f) { f.authentication.id_key_algorithm = 2; }), Firmware::invalid_param);
    EXPECT_EQ(answer([](Finish &f) { f.authentication.id_key.curve = 1; }), Firmware::invalid_param);
    EXPECT_EQ(answer([](Finish &f) { f.authentication.author_key_algorithm = 0; }), Firmware::invalid_param);
    EXPECT_EQ(answer([](Finish &f) { f.authentication.author_key_algorithm = 0; }, false), Firmware::success);
}

} // namespace
} // namespace gmem::platform::snp
