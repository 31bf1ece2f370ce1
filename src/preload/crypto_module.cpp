#include "preload/crypto_module.hpp"

#include "base/text.hpp"
#include "crypto/openssl/openssl.hpp"

#include <cerrno>
#include <climits>
#include <dlfcn.h>
#include <string_view>

namespace gmem::preload {
namespace {

// The program may have moved to another folder: a name without a folder is nowhere to be found, and is not looked for on the library path,
// where anybody's file may lie.
bool path_beside_us(char (&path)[PATH_MAX]) noexcept
{
    Dl_info us {};
    if (!::dladdr(reinterpret_cast<void const *>(&load_crypto_module), &us) || !us.dli_fname)
        return false;
    std::string_view const own { us.dli_fname };
    auto const slash { own.rfind('/') };
    if (slash == own.npos || own.size() + sizeof "libgmem-crypto.so" > sizeof path)
        return false;
    Text { path, sizeof path } << std::string_view { own.data(), slash + 1 } << "libgmem-crypto.so";
    return true;
}

} // namespace

bool load_crypto_module() noexcept
{
    if (crypto::primitives())
        return true;
    auto const saved { errno };
    char path[PATH_MAX];
    if (path_beside_us(path)) {
        // Local: the program's own OpenSSL, whenever it comes, neither sees nor feeds this one. Never closed.
        void *const module { ::dlopen(path, RTLD_NOW | RTLD_LOCAL) };
        void *const entry { module ? ::dlsym(module, crypto::module_entry) : nullptr };
        auto const *const table { entry ? reinterpret_cast<crypto::ModuleEntry *>(entry)() : nullptr };
        if (table)
            crypto::install(*table);
    }
    errno = saved;
    return crypto::primitives() != nullptr;
}

} // namespace gmem::preload
