#include "platform/platform.hpp"

#include "platform/snp/snp.hpp"
#include "platform/sw_protected/sw_protected.hpp"

namespace gmem::platform {
namespace {

constinit SwProtected const sw_protected {};
constinit Snp const secure_nested_paging {};

}

Platform const &platform_of(Kind k) noexcept
{
    switch (k) {
    case Kind::sw_protected: return sw_protected;
    case Kind::snp:          return secure_nested_paging;
    case Kind::tdx:
    case Kind::pkvm:
    case Kind::cca:
        break;
    }
    return sw_protected;
}

} // namespace gmem::platform
