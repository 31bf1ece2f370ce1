#include "platform/platform.hpp"

#include "platform/sw_protected/sw_protected.hpp"
#include "platform/tdx/tdx.hpp"

namespace gmem::platform {
namespace {

constinit SwProtected const sw_protected {};
constinit Tdx const tdx_platform {};

}

Platform const &platform_of(Kind k) noexcept
{
    switch (k) {
    case Kind::sw_protected: return sw_protected;
    case Kind::tdx:          return tdx_platform;
    case Kind::snp:
    case Kind::pkvm:
    case Kind::cca:
        break;
    }
    return sw_protected;
}

} // namespace gmem::platform
