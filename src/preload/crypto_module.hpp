#pragma once
// The cryptography of the encrypting platforms, which is not in this library: it would bring OpenSSL into every program.

namespace gmem::preload {

// True once crypto::primitives() is there: installed already, or found in libgmem-crypto.so, which lies beside libgmem-preload.so. False: the
// module is not there or is none. Takes the loader's lock and allocates: for the creation of a VM, not for signal handlers. Any thread,
// any number of times; errno is kept.
bool load_crypto_module() noexcept;

} // namespace gmem::preload
