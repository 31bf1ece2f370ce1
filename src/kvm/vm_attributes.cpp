// KVM_SET_MEMORY_ATTRIBUTES on a VM: specification 1.6.

#include "kvm/vm.hpp"
#include "kvm/vm_attributes_gate.hpp"
#include "observe/recording.hpp"
#include "os/signals.hpp"
#include "os/user_memory.hpp"

namespace gmem::kvm {

long Vm::set_memory_attributes(int fd, std::uintptr_t argument) noexcept
{
    observe::Recording event { observe::Kind::vm_attributes, observe::Asks::who_called };
    if (event) [[unlikely]]
        event->more[3] = number();
    auto const result { set_memory_attributes(fd, argument, event) };
    event.done(result);
    return result;
}

long Vm::set_memory_attributes(int fd, std::uintptr_t argument, observe::Recording &event) noexcept
{
    if (!mode_.vm_attributes)
        return -ENOTTY;
    uapi::MemoryAttributes request;
    if (!os::copy_from_program(&request, argument, sizeof request))
        return -EFAULT;
    if (event) [[unlikely]] {
        event->detail = (request.attributes & uapi::memory_attribute_private) != 0;
        event->size = request.size;
        event->more[0] = request.address;
        event->more[2] = request.flags;
        event->more[4] = request.attributes;
    }
    auto const parsed { parse_vm_attributes(request, tracks_frames() ? uapi::memory_attribute_private : 0) };
    if (!parsed)
        return -parsed.error().err;
    if (!tracks_frames())
        return 0; // "shared" is what everything is already
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const result { set_frames(fd, parsed.value().frames, parsed.value().to) };
    event.write(result);
    return result;
}

// All or nothing: the memslots follow first, because they may fail; the attributes cannot, once they are staged.
long Vm::set_frames(int fd, PageRange frames, Attribute to) noexcept
{
    if (auto const staged { frames_.stage(frames) }; !staged)
        return -staged.error().err;
    FrameChange const change { frames, to };
    for (auto &slot : slots_.ever_used(0)) {
        auto const moved { follow(fd, slot, change) };
        if (!os::failed(moved))
            continue;
        for (auto &back : slots_.ever_used(0)) {
            if (&back == &slot)
                break;
            follow_back(fd, back, change);
        }
        return moved;
    }
    frames_.commit(frames, to);
    return 0;
}

} // namespace gmem::kvm
