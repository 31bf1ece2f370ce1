#include "kvm/trust.hpp"

#include "os/syscall.hpp"

#include <array>
#include <cstring>

namespace gmem::kvm {
namespace {

struct Row final {
    unsigned long type;
    VmNature nature;
};

// guest_memfd specification 1.1 and 1.5: which types there are, and which have private memory.
constexpr std::array rows {
    Row { uapi::default_vm, { false, platform::Kind::sw_protected } },
    Row { uapi::sw_protected_vm, { true, platform::Kind::sw_protected } },
    Row { uapi::snp_vm, { true, platform::Kind::snp, true } },
    Row { uapi::tdx_vm, { true, platform::Kind::tdx, true } },
};

} // namespace

std::optional<VmNature> nature_of(unsigned long type, std::optional<platform::Kind> wished) noexcept
{
    for (auto const &row : rows)
        if (row.type == type) {
            auto const platform { row.nature.private_memory && wished ? *wished : row.nature.platform };
            return VmNature { row.nature.private_memory, platform, row.nature.knows_launches && (platform == platform::Kind::snp || platform == platform::Kind::tdx) };
        }
    return std::nullopt;
}

Result<Trust> Trust::make(platform::Kind kind, platform::Options options, std::uint64_t vm) noexcept
{
    Trust trust { .kind = kind, .options = options };
    auto const &model { platform::platform_of(kind) };
    if (!model.keeps_records())
        return trust;
    trust.id = static_cast<std::uint16_t>(1 + vm % 1023); // as many as an ASID of today's machines distinguishes
    do {
        auto const got { os::system_call(SYS_getrandom, trust.key, sizeof trust.key, 0) };
        if (got != static_cast<long>(sizeof trust.key))
            return Error::of(Why::os_call_failed, "trust.key");
    } while (std::memcmp(trust.key, trust.key + sizeof trust.key / 2, sizeof trust.key / 2) == 0); // XTS wants two different halves
    return trust;
}

} // namespace gmem::kvm
