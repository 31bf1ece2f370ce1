#include "kvm/launch/sev_device.hpp"

#include "kvm/launch/program_page.hpp"
#include "kvm/launch/snp.hpp"

namespace gmem::kvm::launch {
namespace {

constexpr std::uint8_t api_major { platform::snp::firmware_abi >> 8 }, api_minor { platform::snp::firmware_abi & 0xff };
constexpr std::uint8_t state_initialised { 1 }; // PSTATE.INIT, of SEV and of SNP

template <typename Answer>
long give_answer(std::uint64_t address, Answer const &answer) noexcept { return give(address, &answer, sizeof answer) ? 0 : -EFAULT; }

} // namespace

// assumption: the model's firmware has build number 0, one version of everything (TCB 0), and no flag set.
long sev_device_ioctl(unsigned long command, std::uintptr_t argument) noexcept
{
    if (command != uapi::sev_issue_cmd)
        return -EINVAL;
    uapi::SevIssueCommand request;
    if (!take(&request, argument, sizeof request))
        return -EFAULT;
    if (request.cmd > uapi::sev_last_command)
        return -EINVAL;
    request.error = 0;
    long result { -ENOTTY }; // keys and certificates: not modelled
    if (request.cmd == uapi::sev_platform_status)
        result = give_answer(request.data, uapi::SevStatus { .api_major = api_major, .api_minor = api_minor, .state = state_initialised, .flags = 0, .build = 0, .guest_count = Snp::contexts() });
    if (request.cmd == uapi::snp_platform_status)
        result = give_answer(request.data, uapi::SnpStatus { .api_major = api_major, .api_minor = api_minor, .state = state_initialised, .is_rmp_initialized = 1, .build_id = 0, .flags = 0,
            .guest_count = Snp::contexts(), .current_tcb_version = 0, .reported_tcb_version = 0 });
    return give(argument, &request, sizeof request) ? result : -EFAULT;
}

long sev_attribute_ioctl(unsigned long command, std::uintptr_t argument, bool &is_ours) noexcept
{
    uapi::DeviceAttribute asked;
    is_ours = true;
    if (!take(&asked, argument, sizeof asked))
        return -EFAULT;
    is_ours = asked.group == uapi::x86_group_sev;
    if (!is_ours || asked.flags != 0)
        return is_ours ? -EINVAL : -ENXIO;
    if (asked.attr != uapi::x86_sev_vmsa_features && asked.attr != uapi::x86_snp_policy_bits)
        return -ENXIO;
    auto const value { asked.attr == uapi::x86_sev_vmsa_features ? Snp::vmsa_features : Snp::policy_bits };
    return command == uapi::has_device_attr ? 0 : give_answer(asked.addr, value);
}

} // namespace gmem::kvm::launch
