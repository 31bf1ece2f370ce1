#include "kvm/creation_gate.hpp"

namespace gmem::kvm {

Result<memory::GuestMemory::Birth> parse_creation(uapi::CreateGuestMemfd const &q, std::uint64_t supported_flags) noexcept
{
    if (q.flags & ~supported_flags)
        return Error::of(Why::bad_argument, "create.flags");
    if (static_cast<std::int64_t>(q.size) <= 0 || q.size % page_size)
        return Error::of(Why::bad_argument, "create.size");
    return memory::GuestMemory::Birth {
        .pages = PageNo::holding(Bytes { q.size }),
        .initial = q.flags & uapi::guest_memfd_flag_init_shared ? Attribute::shared : Attribute::private_,
        .windows = q.flags & uapi::guest_memfd_flag_mmap ? memory::Windows::allowed : memory::Windows::refused,
        .owner = {},
    };
}

} // namespace gmem::kvm
