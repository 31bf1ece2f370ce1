#include "spec/memslot.hpp"

#include <algorithm>
#include <cerrno>

namespace gmem::spec {
namespace {

constexpr std::uint64_t end_of_user_space { 0x7ffffffff000 };

bool overlap(std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) { return a < b + b_size && b < a + a_size; }

} // namespace

int memslot_errno(VmSlots const &vm, MemslotCall const &call, NamedFile named, std::uint64_t file_size)
{
    if ((call.slot & 0xffff) >= vm.slot_limit)
        return EINVAL; // 6.1 (1)
    bool const with_file { (call.flags & mem_guest_memfd) != 0 };
    if ((call.flags & ~(mem_log_dirty_pages | mem_readonly | mem_guest_memfd)) != 0 || (with_file && call.flags != mem_guest_memfd))
        return EINVAL; // (2)
    if (call.size % page_size || call.gpa % page_size)
        return EINVAL; // (3) (4)
    if (call.userspace_addr % page_size || call.userspace_addr > end_of_user_space || call.size > end_of_user_space - call.userspace_addr)
        return EINVAL; // (5)
    if (with_file && (call.offset % page_size || call.offset + call.size < call.offset))
        return EINVAL; // (6)
    if ((call.slot >> 16) >= vm.address_spaces)
        return EINVAL; // (7)
    if (call.gpa + call.size < call.gpa)
        return EINVAL; // (8)
    if (call.size / page_size > (std::uint64_t { 1 } << 31) - 1)
        return EINVAL; // (9)
    auto const existing { std::find_if(vm.slots.begin(), vm.slots.end(), [&](Binding const &b) { return b.slot == call.slot; }) };
    if (call.size == 0)
        return existing == vm.slots.end() ? EINVAL : 0; // (10)
    if (existing != vm.slots.end() && with_file)
        return EINVAL; // (11)
    for (auto const &b : vm.slots)
        if (b.slot != call.slot && (b.slot >> 16) == (call.slot >> 16) && overlap(b.gpa, b.size, call.gpa, call.size))
            return EEXIST; // (12)
    if (!with_file)
        return 0;
    switch (named) { // (13)
    case NamedFile::not_open:       return EBADF;
    case NamedFile::something_else: return EINVAL;
    case NamedFile::of_another_vm:  return EINVAL;
    case NamedFile::ours:           break;
    }
    if (call.offset + call.size > file_size)
        return EINVAL;
    for (auto const &b : vm.in_file)
        if (overlap(b.offset, b.size, call.offset, call.size))
            return EEXIST;
    return 0;
}

} // namespace gmem::spec
