// KVM_ENABLE_CAP: the real KVM's affair, but for the exits of hypercalls where those never come by themselves.

#include "kvm/hypercall.hpp"
#include "kvm/hypercall_probe.hpp"
#include "kvm/hypercall_watch.hpp"
#include "kvm/scripted/choice.hpp"
#include "kvm/vm.hpp"
#include "os/user_memory.hpp"

namespace gmem::kvm {

// A guest that is a script makes its hypercalls through us: the real KVM is not asked.
long Vm::exit_on_hypercalls_of_scripts(EnableCapability const &request) noexcept
{
    if (request.flags != 0 || (request.arguments[0] & ~exit_on_map_gpa_range))
        return -EINVAL;
    hypercalls_exit_.store(request.arguments[0] != 0, std::memory_order_relaxed);
    return 0;
}

long Vm::enable_capability(int fd, std::uintptr_t argument) noexcept
{
    EnableCapability request;
    auto const readable { os::copy_from_program(&request, argument, sizeof request) };
    if (!backed() && !readable)
        return -EFAULT;
    if (readable && scripted::processors() == scripted::Processors::scripted && request.capability == uapi::cap_exit_hypercall)
        return exit_on_hypercalls_of_scripts(request);
    if (!backed())
        return -EINVAL;
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
