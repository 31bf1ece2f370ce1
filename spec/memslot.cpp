#include "spec/memslot.hpp"

#include <algorithm>
#include <cerrno>

namespace gmem::spec {
namespace {

constexpr std::uint64_t end_of_user_space { 0x7ffffffff000 };

bool overlap(std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) { return a < b + b_size && b < a + a_size; }

Slot const *find(VmSlots const &vm, std::uint32_t slot)
{
    auto const found { std::find_if(vm.slots.begin(), vm.slots.end(), [&](Slot const &s) { return s.made_with.slot == slot; }) };
    return found == vm.slots.end() ? nullptr : &*found;
}

// (13): the file itself, in this order.
int file_errno(VmSlots const &vm, MemslotCall const &call, MemslotFile const &file)
{
    switch (file.named) {
    case NamedFile::not_open:       return EBADF;
    case NamedFile::something_else: return EINVAL;
    case NamedFile::of_another_vm:  return EINVAL;
    case NamedFile::ours:           break;
    }
    if (call.offset + call.size > file.size)
        return EINVAL;
    for (auto const &s : vm.slots)
        if (s.file == file.id && overlap(s.made_with.offset, s.made_with.size, call.offset, call.size))
            return EEXIST;
    return 0;
}

// (11) and api.rst: what may change of a slot that exists.
int change_errno(Slot const &old, MemslotCall const &call)
{
    if ((call.flags & mem_guest_memfd) != 0 || old.with_file())
        return EINVAL;
    if (call.size != old.made_with.size || call.userspace_addr != old.made_with.userspace_addr)
        return EINVAL; // size and address are for life
    if (((call.flags ^ old.made_with.flags) & mem_readonly) != 0)
        return EINVAL;
    return 0;
}

} // namespace

bool overlaps_in_guest(VmSlots const &vm, MemslotCall const &call)
{
    return std::any_of(vm.slots.begin(), vm.slots.end(), [&](Slot const &s) {
        return s.made_with.slot != call.slot && (s.made_with.slot >> 16) == (call.slot >> 16) && overlap(s.made_with.gpa, s.made_with.size, call.gpa, call.size);
    });
}

int memslot_argument_errno(VmSlots const &vm, MemslotCall const &call, MemslotVersion version)
{
    bool const with_file { (call.flags & mem_guest_memfd) != 0 };
    if (with_file && version == MemslotVersion::one)
        return EINVAL; // (2)
    if ((call.slot & 0xffff) >= vm.slot_limit)
        return EINVAL; // (1)
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
    return 0;
}

int memslot_errno(VmSlots const &vm, MemslotCall const &call, MemslotFile const &file, MemslotVersion version)
{
    if (auto const err { memslot_argument_errno(vm, call, version) }; err != 0)
        return err;
    auto const *const old { find(vm, call.slot) };
    if (call.size == 0)
        return old ? 0 : EINVAL; // (10)
    if (old)
        if (auto const err { change_errno(*old, call) }; err != 0)
            return err;
    if (overlaps_in_guest(vm, call))
        return EEXIST; // (12)
    return (call.flags & mem_guest_memfd) != 0 ? file_errno(vm, call, file) : 0;
}

void memslot_done(VmSlots &vm, MemslotCall const &call, MemslotFile const &file)
{
    std::erase_if(vm.slots, [&](Slot const &s) { return s.made_with.slot == call.slot; });
    if (call.size != 0)
        vm.slots.push_back({ call, (call.flags & mem_guest_memfd) != 0 ? std::optional { file.id } : std::nullopt });
}

void file_gone(VmSlots &vm, FileId file)
{
    for (auto &s : vm.slots)
        if (s.file == file)
            s.file.reset();
}

GuestAccess guest_access(VmSlots const &vm, std::uint64_t gpa)
{
    for (auto const &s : vm.slots) {
        auto const &call { s.made_with };
        if ((call.slot >> 16) != 0 || gpa < call.gpa || gpa - call.gpa >= call.size)
            continue;
        if (!s.with_file())
            return { GuestMeets::userspace, call.userspace_addr + (gpa - call.gpa) }; // 6.4: shared
        if (!s.file)
            return { GuestMeets::memory_fault }; // 4.2: the slot's file is gone
        return { GuestMeets::file, call.offset + (gpa - call.gpa), s.file };
    }
    return { GuestMeets::mmio }; // 4.4: no slot
}

} // namespace gmem::spec
