#pragma once
// The cryptography of the platforms, as a table of functions. Who fills it in is decided at run time: the tests and the command line
// link the functions, the preload library loads their module when the first VM needs them.
//
// No function here may be called from a signal handler. Functions of one Cipher or Digest are not called from two threads at once.

#include "base/units.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace gmem::crypto {

inline constexpr std::size_t xts_key_bytes { 64 }; // AES-256-XTS: two keys of 32 bytes, which must differ

// A prepared key. Opaque; made and freed by the table.
struct Cipher;

// A running hash. Opaque; made and freed by the table.
struct Digest;

enum class Hash : std::uint8_t { sha256, sha384, sha512 };
constexpr std::size_t size_of(Hash h) noexcept { return h == Hash::sha256 ? 32 : h == Hash::sha384 ? 48 : 64; }
inline constexpr std::size_t most_digest_bytes { 64 };

struct Primitives final {
    // nullptr: no memory, or a key whose halves are equal. The caller frees it with free_cipher().
    Cipher *(*make_cipher)(std::byte const (&key)[xts_key_bytes]) noexcept;
    void (*free_cipher)(Cipher *) noexcept;
    // One page in place. `physical_page`: the page's number in the machine's physical memory, which is the tweak (AMD APM volume 2,
    // 15.34.1: the encryption depends on the physical address). Neither allocates nor fails.
    void (*encrypt_page)(Cipher *, std::uint64_t physical_page, std::byte *page) noexcept;
    void (*decrypt_page)(Cipher *, std::uint64_t physical_page, std::byte *page) noexcept;

    // nullptr: no memory. The caller frees it with free_digest().
    Digest *(*make_digest)(Hash) noexcept;
    void (*free_digest)(Digest *) noexcept;
    void (*absorb)(Digest *, std::byte const *, std::size_t) noexcept;
    // The hash of all that was absorbed; `out` has size_of(hash) bytes. The digest goes on afterwards as if not asked.
    void (*peek)(Digest const *, std::byte *out) noexcept;

    // One buffer, one hash. False: no memory.
    bool (*hash)(Hash, std::byte const *, std::size_t, std::byte *out) noexcept;
    // ECDSA over the curve P-384 with SHA-384: does `signature` (r and s, 48 bytes each, little endian as in AMD's formats) of `message`
    // verify with the public key (x and y, 48 bytes each, little endian)?
    bool (*ecdsa_p384_verifies)(std::byte const *message, std::size_t size, std::byte const (&signature)[96], std::byte const (&key)[96]) noexcept;
};

// The table in force; nullptr until somebody installed one. It is never exchanged.
Primitives const *primitives() noexcept;
void install(Primitives const &) noexcept;

} // namespace gmem::crypto
