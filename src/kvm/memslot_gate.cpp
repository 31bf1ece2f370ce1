#include "kvm/memslot_gate.hpp"

namespace gmem::kvm {
namespace {

constexpr std::uint64_t end_of_user_addresses { 0x7ffffffff000 }; // x86-64, four levels; tagged pointers lie beyond
constexpr std::uint64_t most_pages_of_a_slot { (std::uint64_t { 1 } << 31) - 1 };

Error invalid(char const *site) noexcept { return Error::of(Why::bad_argument, site); }

bool legal_flags(std::uint32_t flags) noexcept
{
    std::uint32_t legal { uapi::mem_guest_memfd };
    if (!(flags & uapi::mem_guest_memfd))
        legal |= uapi::mem_log_dirty_pages | uapi::mem_readonly;
    return (flags & ~legal) == 0;
}

bool user_range(std::uint64_t address, std::uint64_t size) noexcept
{
    return address <= end_of_user_addresses && size <= end_of_user_addresses - address;
}

} // namespace

Result<MemslotRequest> parse_memslot(uapi::UserspaceMemoryRegion2 const &q, MemslotLimits limits) noexcept
{
    auto const &r { q.region };
    if ((r.slot & 0xffff) >= limits.slots)
        return invalid("memslot.slot"); // 6.1 (1)
    if (!legal_flags(r.flags))
        return invalid("memslot.flags"); // (2)
    if (r.memory_size % page_size)
        return invalid("memslot.size"); // (3)
    if (r.guest_phys_addr % page_size)
        return invalid("memslot.gpa"); // (4)
    if (r.userspace_addr % page_size || !user_range(r.userspace_addr, r.memory_size))
        return invalid("memslot.userspace_addr"); // (5)
    bool const with_file { (r.flags & uapi::mem_guest_memfd) != 0 };
    if (with_file && (q.guest_memfd_offset % page_size || q.guest_memfd_offset + r.memory_size < q.guest_memfd_offset))
        return invalid("memslot.offset"); // (6)
    if ((r.slot >> 16) >= limits.address_spaces)
        return invalid("memslot.address_space"); // (7)
    if (r.guest_phys_addr + r.memory_size < r.guest_phys_addr)
        return invalid("memslot.gpa_wrap"); // (8)
    if (r.memory_size >> page_bits > most_pages_of_a_slot)
        return invalid("memslot.too_big"); // (9)
    return MemslotRequest { .slot = r.slot, .gpa = r.guest_phys_addr, .size = r.memory_size, .file_offset = q.guest_memfd_offset, .userspace = r.userspace_addr, .flags = r.flags,
        .file = static_cast<int>(q.guest_memfd), .with_guest_memfd = with_file };
}

} // namespace gmem::kvm
