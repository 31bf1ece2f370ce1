#pragma once
// The functions that the table is made of; their contracts stand in crypto/primitives.hpp.

#include "crypto/primitives.hpp"

namespace gmem::crypto::openssl {

Cipher *make_cipher(std::byte const (&key)[xts_key_bytes]) noexcept;
void free_cipher(Cipher *) noexcept;
void encrypt_page(Cipher *, std::uint64_t physical_page, std::byte *page) noexcept;
void decrypt_page(Cipher *, std::uint64_t physical_page, std::byte *page) noexcept;

Digest *make_digest(Hash) noexcept;
void free_digest(Digest *) noexcept;
void absorb(Digest *, std::byte const *, std::size_t) noexcept;
void peek(Digest const *, std::byte *out) noexcept;
bool hash(Hash, std::byte const *, std::size_t, std::byte *out) noexcept;

bool ecdsa_p384_verifies(std::byte const *message, std::size_t size, std::byte const (&signature)[96], std::byte const (&key)[96]) noexcept;

} // namespace gmem::crypto::openssl
