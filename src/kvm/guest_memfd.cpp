#include "kvm/guest_memfd.hpp"

#include "kvm/conversion_gate.hpp"
#include "kvm/file_gate.hpp"
#include "observe/recording.hpp"
#include "os/user_memory.hpp"

namespace gmem::kvm {

namespace {

// As the program gave it.
void note_request(observe::Recording &event, uapi::MemoryAttributes2 const &q) noexcept
{
    event->detail = (q.attributes & uapi::memory_attribute_private) != 0;
    event->offset = q.offset;
    event->size = q.size;
    event->more[0] = q.flags;
    event->more[4] = q.attributes;
    for (auto const word : q.reserved)
        event->more[5] |= word;
}

long convert(memory::GuestMemory &file, std::uintptr_t argument, observe::Recording &event) noexcept
{
    if (Mode::current().tracker != Tracker::files) // 2.2 (2)
        return -ENOTTY;
    uapi::MemoryAttributes2 request;
    if (!os::copy_from_program(&request, argument, sizeof request))
        return -EFAULT;
    if (event) [[unlikely]]
        note_request(event, request);
    auto const parsed { parse_conversion(request, file.size(), file.conversions(), platform::Profile::current()) };
    if (!parsed) {
        if (event) [[unlikely]]
            event->at = request.error_offset;
        return -parsed.error().err;
    }
    auto const done { file.convert(parsed.value().range, parsed.value().to, parsed.value().mode, event) };
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

long fallocate(memory::GuestMemory &file, int mode, std::int64_t offset, std::int64_t length, observe::Recording &event) noexcept
{
    auto const parsed { parse_fallocate(mode, offset, length, file.size()) };
    if (!parsed)
        return -parsed.error().err;
    auto const &q { parsed.value() };
    auto const done { q.what == FallocateRequest::What::punch ? file.punch(q.range, event) : file.allocate(q.range) };
    return done ? 0 : -done.error().err;
}

} // namespace

long guest_memfd_ioctl(memory::GuestMemory &file, unsigned long command, std::uintptr_t argument) noexcept
{
    if (command != uapi::set_memory_attributes2) // 2.2 (1)
        return -ENOTTY;
    observe::Recording event { observe::Kind::convert, observe::Asks::who_called };
    if (event) [[unlikely]]
        event->file = file.facts().inode;
    auto const result { convert(file, argument, event) };
    event.done(result);
    return result;
}

long guest_memfd_fallocate(memory::GuestMemory &file, int mode, std::int64_t offset, std::int64_t length) noexcept
{
    constexpr int punch_hole { 2 };
    observe::Recording event { mode & punch_hole ? observe::Kind::punch : observe::Kind::allocate, observe::Asks::who_called };
    if (event) [[unlikely]] {
        event->file = file.facts().inode;
        event->offset = static_cast<std::uint64_t>(offset);
        event->size = static_cast<std::uint64_t>(length);
        event->more[0] = static_cast<std::uint64_t>(static_cast<unsigned>(mode));
    }
    auto const result { fallocate(file, mode, offset, length, event) };
    event.done(result);
    return result;
}

} // namespace gmem::kvm
