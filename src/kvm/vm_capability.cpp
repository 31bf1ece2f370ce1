// KVM_ENABLE_CAP: the real KVM's affair, but for the exits of hypercalls where those never come by themselves.

#include "kvm/hypercall.hpp"
#include "kvm/hypercall_probe.hpp"
#include "kvm/hypercall_watch.hpp"
#include "kvm/vm.hpp"
#include "os/user_memory.hpp"

namespace gmem::kvm {

long Vm::enable_capability(int fd, std::uintptr_t argument) noexcept
{
    EnableCapability request;
    auto const readable { os::copy_from_program(&request, argument, sizeof request) };
    auto const result { os::system_call(SYS_ioctl, fd, uapi::enable_cap, argument) };
    if (os::failed(result) || !readable || request.capability != uapi::cap_exit_hypercall || hypercalls_of_this_host() == Hypercalls::exit)
        return result;
    bool const wanted { (request.arguments[0] & exit_on_map_gpa_range) != 0 };
    if (wanted)
        if (auto const started { HypercallWatch::start() }; !started)
            return -started.error().err;
    hypercalls_watched_.store(wanted, std::memory_order_relaxed);
    return result;
}

} // namespace gmem::kvm
