// A program with an OpenSSL of its own: both work, before and after each other. The module reads no configuration, leaves no exit handler
// and touches neither the program's default properties nor its error queue. beside_openssl MODULE

#include "crypto/openssl/openssl.hpp"

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <thread>

namespace {

int files_opened { 0 }, exit_handlers { 0 };

template <typename F>
F *next(char const *name) noexcept { return reinterpret_cast<F *>(dlsym(RTLD_NEXT, name)); }

} // namespace

#define EXPORTED __attribute__((visibility("default")))
extern "C" {

EXPORTED FILE *fopen(char const *path, char const *mode)
{
    ++files_opened;
    return next<FILE *(char const *, char const *)>("fopen")(path, mode);
}

EXPORTED FILE *fopen64(char const *path, char const *mode)
{
    ++files_opened;
    return next<FILE *(char const *, char const *)>("fopen64")(path, mode);
}

EXPORTED int __cxa_atexit(void (*f)(void *), void *argument, void *library) noexcept
{
    ++exit_handlers;
    return next<int(void (*)(void *), void *, void *)>("__cxa_atexit")(f, argument, library);
}

} // extern "C"

namespace {

using gmem::crypto::Hash;
using gmem::crypto::ModuleEntry;
using gmem::crypto::Primitives;

#define CHECK(what)                                                        \
    do {                                                                   \
        if (!(what)) {                                                     \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
            std::exit(1);                                                  \
        }                                                                  \
    } while (false)

std::byte page[4096], key[64];
unsigned char page_hash[48]; // as the program's library sees it

void fill()
{
    for (unsigned i { 0 }; i < sizeof page; ++i)
        page[i] = static_cast<std::byte>(i * 7);
    for (unsigned i { 0 }; i < sizeof key; ++i)
        key[i] = static_cast<std::byte>(i);
}

// The program's own libcrypto on the page.
void as_the_program(unsigned char *out)
{
    auto *const cipher { EVP_CIPHER_fetch(nullptr, "AES-256-XTS", nullptr) };
    CHECK(cipher);
    auto *const context { EVP_CIPHER_CTX_new() };
    unsigned char const tweak[16] { 5 };
    int size { 0 };
    CHECK(EVP_EncryptInit_ex2(context, cipher, reinterpret_cast<unsigned char const *>(key), tweak, nullptr) == 1);
    CHECK(EVP_EncryptUpdate(context, out, &size, reinterpret_cast<unsigned char const *>(page), sizeof page) == 1 && size == sizeof page);
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
    CHECK(EVP_Digest(page, sizeof page, page_hash, nullptr, EVP_sha384(), nullptr) == 1);
}

// Everything in the table once, and the page encrypted by it.
void as_the_module(Primitives const &table, std::byte *out)
{
    auto *const cipher { table.make_cipher(key) };
    CHECK(cipher);
    std::memcpy(out, page, sizeof page);
    table.encrypt_page(cipher, 5, out);
    table.decrypt_page(cipher, 5, out);
    CHECK(std::memcmp(out, page, sizeof page) == 0);
    table.encrypt_page(cipher, 5, out);
    table.free_cipher(cipher);

    std::byte hashed[64], peeked[64];
    CHECK(table.hash(Hash::sha384, page, sizeof page, hashed));
    auto *const digest { table.make_digest(Hash::sha384) };
    table.absorb(digest, page, sizeof page);
    table.peek(digest, peeked);
    table.free_digest(digest);
    CHECK(std::memcmp(hashed, page_hash, 48) == 0 && std::memcmp(peeked, page_hash, 48) == 0);

    std::byte const nothing[96] {};
    CHECK(!table.ecdsa_p384_verifies(page, sizeof page, nothing, nothing)); // fails inside: leaves errors in its own queue only
}

} // namespace

int main(int, char **arguments)
{
    fill();

    auto *const module { dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) };
    if (!module)
        std::fprintf(stderr, "%s\n", dlerror());
    CHECK(module);
    auto *const entry { reinterpret_cast<ModuleEntry *>(dlsym(module, gmem::crypto::module_entry)) };
    CHECK(entry);
    Primitives const &table { *entry() };

    // Before the program's own library has done anything: whatever happens is the module's doing.
    {
        files_opened = exit_handlers = 0;
        auto *const cipher { table.make_cipher(key) };
        CHECK(cipher);
        table.free_cipher(cipher);
        std::byte const nothing[96] {};
        CHECK(!table.ecdsa_p384_verifies(page, sizeof page, nothing, nothing));
        CHECK(files_opened == 0);
        CHECK(exit_handlers == 0);
    }

    unsigned char program[sizeof page], again[sizeof page];
    std::byte ours[sizeof page];
    as_the_program(program);
    as_the_module(table, ours);
    CHECK(std::memcmp(program, ours, sizeof page) == 0);

    // The program narrows its own default properties: ours do not follow, nor do its errors mix with ours.
    ERR_clear_error();
    CHECK(EVP_set_default_properties(nullptr, "fips=yes") == 1);
    CHECK(!EVP_CIPHER_fetch(nullptr, "AES-256-XTS", nullptr));
    ERR_clear_error();
    as_the_module(table, ours);
    CHECK(ERR_peek_error() == 0);
    CHECK(EVP_set_default_properties(nullptr, "") == 1);

    // Threads end, and take both libraries' thread states with them.
    for (int i { 0 }; i < 4; ++i)
        std::thread { [&] {
            std::byte mine[sizeof page];
            as_the_module(table, mine);
            CHECK(std::memcmp(mine, program, sizeof mine) == 0);
        } }.join();

    as_the_program(again);
    CHECK(std::memcmp(program, again, sizeof page) == 0);

    // The program is done with its library, and unloads what it loaded; ours goes on.
    OPENSSL_cleanup();
    dlclose(module);
    std::memcpy(ours, page, sizeof page);
    auto *const cipher { table.make_cipher(key) };
    CHECK(cipher);
    table.encrypt_page(cipher, 5, ours);
    table.free_cipher(cipher);
    CHECK(std::memcmp(ours, program, sizeof page) == 0);
    std::puts("both libraries are right");
    return 0;
}
