#include "kvm/vm.hpp"

#include "kvm/creation_gate.hpp"
#include "kvm/hypercall_watch.hpp"
#include "kvm/memslot_gate.hpp"
#include "memory/guest_window.hpp"
#include "memory/sigbus.hpp"
#include "observe/recording.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"
#include "os/user_memory.hpp"

#include <new>

namespace gmem::kvm {
namespace {

constinit os::Mutex pool_lock;
constinit Vm *pool { nullptr };
constinit std::uint64_t last_identity { 0 };

std::uint32_t user_slots(int fd) noexcept
{
    auto const n { os::system_call(SYS_ioctl, fd, uapi::check_extension, uapi::cap_nr_memslots) };
    return n > 0 ? static_cast<std::uint32_t>(n) : static_cast<std::uint32_t>(uapi::user_memslots);
}

} // namespace

// Nobody else knows the new VM yet: its lock need not be held.
Result<Vm *> Vm::create(Kind kind, Backing backing, platform::Kind trusted, platform::Options options, launch::Duty duty) noexcept GMEM_NO_THREAD_SAFETY
{
    os::SignalsBlocked blocked;
    os::Locked guard { pool_lock };
    if (!pool) {
        GMEM_TRY(memory, os::map_anonymous(Vm::most * sizeof(Vm), MAP_PRIVATE));
        pool = reinterpret_cast<Vm *>(memory);
    }
    for (std::size_t i { 0 }; i < Vm::most; ++i) {
        if (pool[i].in_use())
            continue;
        GMEM_TRY(trust, Trust::make(trusted, options, last_identity));
        auto *const vm { ::new (pool + i) Vm };
        vm->trust_ = trust;
        vm->kind_ = kind;
        vm->mode_ = Mode::current();
        vm->identity_ = ++last_identity;
        vm->launch_.begin(trusted, duty);
        vm->launch_changed();
        if (backing == Backing::real && vm->tracks_frames())
            GMEM_CHECK(HypercallWatch::prepare());
        GMEM_CHECK(vm->reserve_tables());
        vm->backing_ = backing;
        vm->acquire();
        vm->used_.store(true, std::memory_order_release);
        return vm;
    }
    return Error::of(Why::no_memory, "vm.pool");
}

// On failure nothing is left behind. Nobody else knows the new VM yet.
Status Vm::reserve_tables() noexcept GMEM_NO_THREAD_SAFETY
{
    auto reserved { slots_.reserve() };
    if (reserved && tracks_frames()) {
        auto const frames { frames_.reserve() };
        auto const real { frames ? real_.reserve(static_cast<std::uint32_t>(uapi::user_memslots)) : frames };
        if (!real) {
            slots_.clear();
            frames_.clear();
            return real;
        }
    }
    return reserved;
}

Vm &Vm::at(std::size_t index) noexcept { return pool[index]; }
std::size_t Vm::index() const noexcept { return static_cast<std::size_t>(this - pool); }

long Vm::set_real(int fd, uapi::UserspaceMemoryRegion const &region) const noexcept
{
    return backed() ? os::system_call(SYS_ioctl, fd, uapi::set_user_memory_region, &region) : 0;
}

void Vm::release() noexcept
{
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1)
        return;
    os::SignalsBlocked blocked;
    {
        os::Locked guard { lock_ };
        for (std::uint32_t space { 0 }; space < SlotTable::address_spaces; ++space) {
            auto const all { slots_.ever_used(space) };
            for (auto at { all.size() }; at > 0; --at) { // backwards: cheap where it began at the lowest
                unbind(all[at - 1]);
                slots_.put(all[at - 1], {});
            }
        }
        slots_.clear();
        frames_.clear();
        real_.clear();
        launch_.clear();
    }
    used_.store(false, std::memory_order_release);
}

long Vm::create_guest_memfd(std::uintptr_t argument, memory::GuestMemory *&made) noexcept
{
    observe::Recording event { observe::Kind::create, observe::Asks::who_called };
    auto const result { create_guest_memfd(argument, made, event) };
    if (event) [[unlikely]] {
        event->file = made ? made->facts().inode : 0;
        event->value = static_cast<std::uint16_t>(platform::Profile::current().uapi);
        event->more[2] = static_cast<std::uint64_t>(trust_.kind);
        event->more[3] = number();
        event->more[4] = has_private_memory();
        event->more[5] = static_cast<std::uint64_t>(mode_.tracker);
    }
    event.done(result);
    return result;
}

long Vm::create_guest_memfd(std::uintptr_t argument, memory::GuestMemory *&made, observe::Recording &event) noexcept
{
    uapi::CreateGuestMemfd request;
    if (auto const read { os::copy_from_program(&request, argument, sizeof request) }; !read)
        return -EFAULT;
    if (event) [[unlikely]] {
        event->detail = !(request.flags & uapi::guest_memfd_flag_init_shared);
        event->size = request.size;
        event->more[0] = request.flags;
    }
    auto parsed { parse_creation(request, may_begin_shared() ? uapi::guest_memfd_flag_mmap | uapi::guest_memfd_flag_init_shared : uapi::guest_memfd_flag_mmap) };
    if (!parsed)
        return -parsed.error().err;
    auto birth { std::move(parsed).take() };
    birth.owner = identity();
    birth.platform = trust_.kind;
    birth.phase = trust_.phase;
    birth.options = trust_.options;
    birth.vm_id = trust_.id;
    birth.key = trust_.key;
    birth.conversions = has_private_memory() ? memory::Conversions::allowed : memory::Conversions::refused;
    auto created { memory::GuestMemory::create(birth) };
    if (!created)
        return -created.error().err;
    made = std::move(created).take();
    auto fd { memory::Sigbus::install() ? made->open_for_program() : Result<int> { Error::of(Why::no_memory, "sigbus") } };
    if (!fd) {
        auto const err { fd.error().err };
        made->release();
        made = nullptr;
        return -err;
    }
    return std::move(fd).take();
}

long Vm::set_memory_region(int fd, std::uintptr_t argument, FileLookup lookup) noexcept
{
    uapi::UserspaceMemoryRegion2 request {};
    if (!os::copy_from_program(&request.region, argument, sizeof request.region))
        return -EFAULT;
    if (request.region.flags & uapi::mem_guest_memfd)
        return -EINVAL; // only ...REGION2 has room for a file
    return set_region(fd, request, lookup);
}

long Vm::set_memory_region2(int fd, std::uintptr_t argument, FileLookup lookup) noexcept
{
    uapi::UserspaceMemoryRegion2 request;
    if (!os::copy_from_program(&request, argument, sizeof request))
        return -EFAULT;
    return set_region(fd, request, lookup);
}

long Vm::set_region(int fd, uapi::UserspaceMemoryRegion2 const &request, FileLookup lookup) noexcept
{
    observe::Recording event { observe::Kind::bind, observe::Asks::who_called };
    if (event) [[unlikely]] {
        event->size = request.region.memory_size;
        event->offset = request.guest_memfd_offset;
        event->more = { request.region.slot, 0, request.region.guest_phys_addr, number(), request.region.userspace_addr, request.region.flags };
    }
    auto const result { set_region(fd, request, lookup, event) };
    if (request.region.flags & uapi::mem_guest_memfd) // others are the real KVM's affair
        event.done(result);
    return result;
}

long Vm::set_region(int fd, uapi::UserspaceMemoryRegion2 const &request, FileLookup lookup, observe::Recording &event) noexcept
{
    auto const parsed { parse_memslot(request, { .slots = user_slots(fd), .address_spaces = has_private_memory() ? 1u : SlotTable::address_spaces }) };
    if (!parsed)
        return -parsed.error().err;
    auto const &wanted { parsed.value() };

    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto &slot { slots_[wanted.slot] };
    if (wanted.size == 0) // 6.1 (10)
        return slot.exists() ? remove(fd, slot, wanted.slot) : -EINVAL;
    if (slot.exists() && (wanted.with_guest_memfd || slot.bound()))
        return -EINVAL; // (11): a slot with a guest_memfd can only be deleted
    return wanted.with_guest_memfd ? bind(fd, wanted, lookup, event) : set_unbound(fd, request.region, wanted);
}

long Vm::remove(int fd, Slot &slot, std::uint32_t number) noexcept
{
    if (tracks_frames()) {
        drop_pieces(fd, slot, slot.gpa, slot.gpa + slot.size);
    } else if (auto const result { set_real(fd, { .slot = number, .flags = 0, .guest_phys_addr = 0, .memory_size = 0, .userspace_addr = 0 }) }; os::failed(result)) {
        return result;
    }
    ranges_.remove(slot.gpa);
    if (slot.file_alive() && slot.file->try_acquire()) { // kept while its lock is waited for: another thread may close its last descriptor
        auto const first { PageNo::holding(Bytes { slot.file_offset }) };
        slot.file->slot_gone(*PageRange::make(first, first.plus(slot.size >> page_bits)), slot.gpa >> page_bits);
        slot.file->release();
    }
    unbind(slot);
    slots_.put(slot, {});
    return 0;
}

// A slot without a guest_memfd. The real KVM's affair, except where the VM tracks: its private frames are behind no memory.
long Vm::set_unbound(int fd, uapi::UserspaceMemoryRegion const &region, MemslotRequest const &wanted) noexcept
{
    auto &slot { slots_[wanted.slot] };
    Slot next;
    next.gpa = wanted.gpa;
    next.size = wanted.size;
    next.userspace = wanted.userspace;
    next.flags = wanted.flags;
    if (!tracks_frames()) {
        if (!backed() && slots_.overlaps_in_guest(wanted.slot, wanted.gpa, wanted.size))
            return -EEXIST; // (12)
        auto const result { set_real(fd, region) };
        if (!os::failed(result))
            slots_.put(slot, next);
        return result;
    }
    auto const from { slot.gpa };
    bool const changes { slot.exists() };
    if (!changes && slots_.overlaps_in_guest(wanted.slot, wanted.gpa, wanted.size))
        return -EEXIST; // (12)
    if (!changes)
        slots_.put(slot, next);
    auto const result { changes ? change_slot(fd, slot, wanted) : place_slot(fd, slot) };
    if (!os::failed(result)) {
        if (changes)
            ranges_.remove(from);
        ranges_.add(slot.gpa, slot.size);
    } else if (!changes) {
        slots_.put(slot, {});
    }
    return result;
}

long Vm::bind_file(int fd, MemslotRequest const &wanted, memory::GuestMemory &file) noexcept
{
    if (file.owner() != identity())
        return -EINVAL;
    if (wanted.file_offset + wanted.size > raw(file.size()))
        return -EINVAL;
    if (slots_.overlaps_in_file(file, wanted.file_offset, wanted.size))
        return -EEXIST;
    auto view { file.view() };
    if (gates_guests()) {
        auto const window { memory::GuestWindow::open(file) };
        if (!window)
            return -window.error().err;
        view = window.value();
    }
    // Specification 6.1 (14) and 9.2: the file alone backs the slot where files track, or where the host can map the file.
    Slot next { .gpa = wanted.gpa, .size = wanted.size, .file_offset = wanted.file_offset, .file = &file, .file_inode = file.facts().inode, .view = view + wanted.file_offset,
        .whole_view = { view, view + raw(file.size()) }, .userspace = wanted.userspace, .flags = wanted.flags, .only_file = mode_.tracker == Tracker::files || file.windows() == memory::Windows::allowed };
    auto &slot { slots_[wanted.slot] };
    if (tracks_frames()) {
        slots_.put(slot, next);
        auto const result { place_slot(fd, slot) };
        if (os::failed(result))
            slots_.put(slot, {});
        return result;
    }
    auto const result { set_real(fd, { .slot = wanted.slot, .flags = 0, .guest_phys_addr = wanted.gpa, .memory_size = wanted.size, .userspace_addr = source(next, Attribute::shared) }) };
    if (!os::failed(result))
        slots_.put(slot, next);
    return result;
}

long Vm::bind(int fd, MemslotRequest const &wanted, FileLookup lookup, observe::Recording &event) noexcept
{
    if (slots_.overlaps_in_guest(wanted.slot, wanted.gpa, wanted.size))
        return -EEXIST; // (12)
    int error { 0 };
    auto *const file { lookup(wanted.file, error) }; // (13)
    if (!file)
        return -error;
    if (event) [[unlikely]]
        event->file = file->facts().inode;
    auto const result { bind_file(fd, wanted, *file) };
    event.write(result);
    if (!os::failed(result)) {
        file->view_fate(memory::GuestMemory::ViewFate::guard);
        ranges_.add(wanted.gpa, wanted.size);
    }
    file->release();
    return result;
}

// The slot is about to go. The file may have gone before it: then its view's addresses were kept for the real slots, until the last of them goes.
void Vm::unbind(Slot &slot) noexcept
{
    if (!slot.bound())
        return;
    (void)observe::note(observe::Kind::unbind, { .file = slot.file_inode, .offset = slot.file_offset, .size = slot.size, .more = { slots_.number_of(slot), 0, slot.gpa, number() } }, observe::Asks::who_called);
    if (!slots_.alone_on_file(slot))
        return;
    if (slot.file_alive())
        slot.file->view_fate(memory::GuestMemory::ViewFate::unmap);
    else
        os::unmap(slot.whole_view);
}

char const *Vm::audit() noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    if (auto const *const broken { slots_.audit() })
        return broken;
    return tracks_frames() ? audit_pieces() : nullptr;
}

} // namespace gmem::kvm
