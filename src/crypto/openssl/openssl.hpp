#pragma once
// The table of crypto/primitives.hpp over OpenSSL 3.0. Whoever links it installs it; whoever may need nothing but libc loads the module
// that has it (libgmem-crypto.so) and asks gmem_crypto_primitives().

#include "crypto/primitives.hpp"

namespace gmem::crypto {

// Constant: nothing of OpenSSL runs before the first function of the table is called.
Primitives const &openssl_primitives() noexcept;

// The name and the type of the module's only export.
inline constexpr char const *module_entry { "gmem_crypto_primitives" };
using ModuleEntry = Primitives const *() noexcept;

} // namespace gmem::crypto
