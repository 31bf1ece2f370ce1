// Part of libgmem.so only: its table is there before the first call, whoever loads it.

#include "crypto/openssl/openssl.hpp"

namespace {

[[gnu::constructor]] void install_at_load() noexcept { gmem::crypto::install(gmem::crypto::openssl_primitives()); }

} // namespace
