#include "platform/platform.hpp"

#include "platform/cca/cca.hpp"
#include "platform/pkvm/pkvm.hpp"
#include "platform/snp/snp.hpp"
#include "platform/sw_protected/sw_protected.hpp"
#include "platform/tdx/tdx.hpp"

// The runtime library's own would bring its terminate handler, which allocates, into every program that is preloaded.
extern "C" [[noreturn]] void __cxa_pure_virtual() { __builtin_trap(); }

namespace gmem::platform {
namespace {

constinit SwProtected const sw_protected {};
constinit Snp const snp_side {};
constinit Tdx const tdx_side {};
constinit Pkvm const pkvm_side {};
constinit Cca const cca_side {};

}

Platform const &platform_of(Kind k) noexcept
{
    switch (k) {
    case Kind::sw_protected: return sw_protected;
    case Kind::snp:          return snp_side;
    case Kind::tdx:          return tdx_side;
    case Kind::pkvm:         return pkvm_side;
    case Kind::cca:          return cca_side;
    }
    __builtin_unreachable();
}

} // namespace gmem::platform
