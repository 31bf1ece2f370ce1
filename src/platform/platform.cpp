#include "platform/platform.hpp"

#include "platform/sw_protected/sw_protected.hpp"

// The runtime library's own would bring its terminate handler, which allocates, into every program that is preloaded.
extern "C" [[noreturn]] void __cxa_pure_virtual() { __builtin_trap(); }

namespace gmem::platform {
namespace {

constinit SwProtected const sw_protected {};

}

Platform const &platform_of(Kind k) noexcept
{
    switch (k) {
    case Kind::sw_protected: return sw_protected;
    case Kind::snp:
    case Kind::tdx:
    case Kind::pkvm:
    case Kind::cca:
        break;
    }
    return sw_protected;
}

} // namespace gmem::platform
