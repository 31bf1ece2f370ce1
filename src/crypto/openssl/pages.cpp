// Pages in place: the keys are prepared once, a page sets the tweak and runs.

#include "crypto/openssl/context.hpp"
#include "crypto/openssl/functions.hpp"

#include <openssl/crypto.h>

// Of the leak sanitizer, in programs that have it.
extern "C" [[gnu::weak, gnu::visibility("default")]] void __lsan_disable();
extern "C" [[gnu::weak, gnu::visibility("default")]] void __lsan_enable();

namespace gmem::crypto {

// One context a direction: their key schedules differ.
struct Cipher final {
    EVP_CIPHER_CTX *encrypting, *decrypting;
};

namespace openssl {
namespace {

// A cipher is known to its file's owner in memory that the leak sanitizer does not search, and lives as long as the process uses the file.
class NotLeaked final {
public:
    NotLeaked() noexcept
    {
        if (__lsan_disable && __lsan_enable)
            __lsan_disable();
    }
    ~NotLeaked()
    {
        if (__lsan_disable && __lsan_enable)
            __lsan_enable();
    }
    NotLeaked(NotLeaked const &) = delete;
};

constexpr int page_bytes { static_cast<int>(page_size) };

// IEEE 1619: the number of the data unit, little endian, in the 16 bytes that OpenSSL calls the IV.
struct Tweak final {
    constexpr explicit Tweak(std::uint64_t physical_page) noexcept
    {
        for (unsigned i { 0 }; i < 8; ++i)
            bytes[i] = static_cast<unsigned char>(physical_page >> 8 * i);
    }
    unsigned char bytes[16] {};
};

// Key and cipher are in the context: nothing is allocated, and nothing is left that could fail. A page that were half done would be lost.
void run(EVP_CIPHER_CTX *context, std::uint64_t physical_page, std::byte *page) noexcept
{
    Tweak const tweak { physical_page };
    auto *const bytes { reinterpret_cast<unsigned char *>(page) };
    int done { 0 };
    if (EVP_CipherInit_ex2(context, nullptr, nullptr, tweak.bytes, -1, nullptr) != 1 || EVP_CipherUpdate(context, bytes, &done, bytes, page_bytes) != 1 || done != page_bytes)
        __builtin_trap();
}

EVP_CIPHER_CTX *prepared(EVP_CIPHER const *xts, std::byte const *key, int encrypting) noexcept
{
    auto *const context { EVP_CIPHER_CTX_new() };
    if (context && EVP_CipherInit_ex2(context, xts, reinterpret_cast<unsigned char const *>(key), Tweak { 0 }.bytes, encrypting, nullptr) == 1)
        return context;
    EVP_CIPHER_CTX_free(context);
    return nullptr;
}

} // namespace

Cipher *make_cipher(std::byte const (&key)[xts_key_bytes]) noexcept
{
    auto const *const known { algorithms() };
    NotLeaked const scope;
    auto *const c { known ? static_cast<Cipher *>(OPENSSL_zalloc(sizeof(Cipher))) : nullptr };
    if (!c)
        return nullptr;
    c->encrypting = prepared(known->xts, key, 1); // OpenSSL refuses equal halves here
    c->decrypting = prepared(known->xts, key, 0);
    if (c->encrypting && c->decrypting)
        return c;
    free_cipher(c);
    return nullptr;
}

// Freeing a context clears its key schedule.
void free_cipher(Cipher *c) noexcept
{
    if (!c)
        return;
    EVP_CIPHER_CTX_free(c->encrypting);
    EVP_CIPHER_CTX_free(c->decrypting);
    OPENSSL_free(c);
}

void encrypt_page(Cipher *c, std::uint64_t physical_page, std::byte *page) noexcept { run(c->encrypting, physical_page, page); }
void decrypt_page(Cipher *c, std::uint64_t physical_page, std::byte *page) noexcept { run(c->decrypting, physical_page, page); }

} // namespace openssl
} // namespace gmem::crypto
