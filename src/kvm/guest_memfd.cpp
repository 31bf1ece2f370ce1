#include "kvm/guest_memfd.hpp"

#include "kvm/conversion_gate.hpp"
#include "kvm/file_gate.hpp"
#include "os/user_memory.hpp"

namespace gmem::kvm {

long guest_memfd_ioctl(memory::GuestMemory &file, unsigned long command, std::uintptr_t argument) noexcept
{
    if (command != uapi::set_memory_attributes2 || Mode::current().tracker != Tracker::files) // 2.2 (1) (2)
        return -ENOTTY;
    uapi::MemoryAttributes2 request;
    if (!os::copy_from_program(&request, argument, sizeof request))
        return -EFAULT;
    auto const parsed { parse_conversion(request, file.size(), file.conversions(), platform::Profile::current()) };
    if (!parsed)
        return -parsed.error().err;
    auto const done { file.convert(parsed.value().range, parsed.value().to) };
    if (done)
        return 0;
    // EAGAIN and ENOMEM name the place, and the whole struct goes back; when it cannot, that is what the caller hears.
    if (done.error().at) {
        request.error_offset = raw(*done.error().at);
        if (!os::copy_to_program(argument, &request, sizeof request))
            return -EFAULT;
    }
    return -done.error().err;
}

long guest_memfd_fallocate(memory::GuestMemory &file, int mode, std::int64_t offset, std::int64_t length) noexcept
{
    auto const parsed { parse_fallocate(mode, offset, length, file.size()) };
    if (!parsed)
        return -parsed.error().err;
    auto const &q { parsed.value() };
    auto const done { q.what == FallocateRequest::What::punch ? file.punch(q.range) : file.allocate(q.range) };
    return done ? 0 : -done.error().err;
}

} // namespace gmem::kvm
