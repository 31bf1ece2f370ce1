// A VM's memory as scripted vCPUs meet it: KVM's order of checks (guest_memfd specification 4.2), made anew for each access. The VM's lock keeps
// the memslot, the file's lock the attribute: a conversion waits for the access, as KVM's waits for what the guest has mapped.

#include "kvm/scripted/instructions.hpp"
#include "kvm/vm.hpp"
#include "memory/space.hpp"
#include "memory/trusted_side.hpp"
#include "os/signals.hpp"
#include "os/user_memory.hpp"

#include <cstring>

namespace gmem::kvm {
namespace {

using platform::Access;
using platform::GuestVerdict;
using platform::Side;
using scripted::Met;

// Which exception a platform's guest takes where the verdict says that it takes one.
constexpr std::uint64_t exception_of(platform::Kind k) noexcept
{
    switch (k) {
    case platform::Kind::snp:          return GMEM_GUEST_EXCEPTION + GMEM_GUEST_VC;
    case platform::Kind::tdx:          return GMEM_GUEST_EXCEPTION + GMEM_GUEST_VE;
    case platform::Kind::pkvm:
    case platform::Kind::cca:
    case platform::Kind::sw_protected: return GMEM_GUEST_EXCEPTION + GMEM_GUEST_ABORT;
    }
    __builtin_unreachable();
}

Met met_by(GuestVerdict const &verdict, platform::Kind kind, Side side) noexcept
{
    switch (verdict.what) {
    case GuestVerdict::What::plain:
    case GuestVerdict::What::ciphertext:
    case GuestVerdict::What::zeros:           return {};
    case GuestVerdict::What::guest_exception: return { Met::What::exception, side, exception_of(kind) };
    case GuestVerdict::What::memory_fault:    return Met::fault(side);
    case GuestVerdict::What::vm_dead:         return { Met::What::vm_dead, side, 0 };
    case GuestVerdict::What::retry:           return { Met::What::retry, side, 0 };
    }
    __builtin_unreachable();
}

void copy_ciphertext(memory::TrustedSide const &trusted, PageNo p, std::size_t offset, void *bytes, std::size_t size) noexcept
{
    std::byte page[page_size];
    trusted.platform().read_ciphertext(trusted.pages(), p, page);
    std::memcpy(bytes, page + offset, size);
}

// One access for other vCPUs as well, where a processor's would be.
template <typename Word>
bool one_word(std::uintptr_t guest, Access access, void *bytes, std::size_t size) noexcept
{
    if (size != sizeof(Word) || guest % sizeof(Word) != 0)
        return false;
    auto *const at { reinterpret_cast<Word *>(guest) };
    Word word;
    if (access == Access::read) {
        word = __atomic_load_n(at, __ATOMIC_ACQUIRE);
        std::memcpy(bytes, &word, sizeof word);
    } else {
        std::memcpy(&word, bytes, sizeof word);
        __atomic_store_n(at, word, __ATOMIC_RELEASE);
    }
    return true;
}

void copy_view(std::uintptr_t guest, Access access, void *bytes, std::size_t size) noexcept
{
    if (one_word<std::uint64_t>(guest, access, bytes, size) || one_word<std::uint32_t>(guest, access, bytes, size) || one_word<std::uint16_t>(guest, access, bytes, size))
        return;
    auto *const at { reinterpret_cast<void *>(guest) };
    std::memcpy(access == Access::read ? bytes : at, access == Access::read ? at : bytes, size);
}

// The program's own mapping: it may be a window whose page the kernel has dropped, or nothing at all.
bool copy_program(std::uintptr_t program, Access access, void *bytes, std::size_t size) noexcept
{
    for (int attempt { 0 }; attempt < 8; ++attempt) {
        if (access == Access::read ? os::copy_from_program(bytes, program, size) : os::copy_to_program(program, bytes, size))
            return true;
        if (!memory::Space::recover_range(program, size))
            return false;
    }
    return false;
}

} // namespace

// A page of a file, by the rules of its platform: KVM's fault path gives a private page to the guest first (platform-models.md 0), then the
// hardware has its say. The file's lock is held.
Met Vm::access_page(memory::GuestMemory &file, PageNo p, std::uint64_t gpa, Side side, Access access, void *bytes, std::size_t size) noexcept GMEM_NO_THREAD_SAFETY
{
    if (file.is_poisoned(p)) [[unlikely]]
        return Met::fault(side, EHWPOISON);
    memory::TrustedSide trusted { file };
    auto const address { file.view() + raw(p.to_bytes()) + gpa % page_size };
    if (trusted.platform().keeps_records()) {
        if (auto const early { side == Side::private_ ? check_early_fault() : Ok {} }; !early)
            return Met::fault(side, early.error().err);
        if (side == Side::private_)
            if (auto const made { trusted.make_private(p, gpa >> page_bits, memory::GuestMemory::Accepts::guest) }; !made)
                return Met::fault(side, made.error().err);
        auto const verdict { trusted.platform().guest_access(trusted.pages(), p, gpa >> page_bits, side, access) };
        if (verdict.what == GuestVerdict::What::ciphertext && access == Access::read)
            copy_ciphertext(trusted, p, gpa % page_size, bytes, size);
        if (verdict.what == GuestVerdict::What::zeros && access == Access::read)
            std::memset(bytes, 0, size);
        if (verdict.what != GuestVerdict::What::plain)
            return met_by(verdict, trust_.kind, side);
    }
    copy_view(address, access, bytes, size);
    return {};
}

Met Vm::access(std::uint64_t gpa, scripted::Side side, Access access, void *bytes, std::size_t size) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const *const slot { slots_.holding(gpa) };
    auto const of_frame { frames_.at(PageNo::holding(Bytes { gpa })) };
    if (!slot || !(slot->only_file || of_frame == Attribute::private_) || !slot->file_alive() || !slot->file->try_acquire()) {
        auto const meets { meet(slot, of_frame, side, access) };
        if (!meets.met.done())
            return meets.met;
        auto const from { slot->only_file || of_frame == Attribute::private_ ? 0 : slot->userspace }; // 0: the slot's file has gone, or there never was memory
        return from && copy_program(from + (gpa - slot->gpa), access, bytes, size) ? Met {} : Met::fault(meets.side);
    }
    auto &file { *slot->file }; // kept while its lock is waited for: another thread may close its last descriptor
    auto const page { PageNo::holding(Bytes { slot->file_offset + (gpa - slot->gpa) }) };
    auto met { Met::fault(side.value_or(Side::shared), ENOMEM) };
    if (memory::FileLocked const file_guard { file }) {
        auto const meets { meet(slot, mode_.tracker == Tracker::files ? file.at(page) : of_frame, side, access) };
        met = meets.met.done() ? access_page(file, page, gpa, meets.side, access, bytes, size) : meets.met;
    }
    file.release();
    return met;
}

// KVM's checks before anything is reached, in their order: the side, the memslot, whether it may be written.
Vm::Meets Vm::meet(Slot const *slot, Attribute a, scripted::Side side, Access access) const noexcept
{
    auto const is { has_private_memory() && a == Attribute::private_ ? Side::private_ : Side::shared };
    auto const counts_as { has_private_memory() ? side.value_or(is) : Side::shared };
    if (counts_as != is || (!slot && counts_as == Side::private_))
        return { Met::fault(counts_as), counts_as };
    if (!slot || (access == Access::write && (slot->flags & uapi::mem_readonly)))
        return { { Met::What::mmio, counts_as, 0 }, counts_as };
    return { {}, counts_as };
}

// An instruction on a page of a file. One that is an access meets what an access on the private side meets; what the others need of the
// page the platform says, and the host gives it.
scripted::Answered Vm::instruct_page(memory::GuestMemory &file, PageNo p, scripted::Operation const &operation) noexcept GMEM_NO_THREAD_SAFETY
{
    auto const frame { operation.gpa >> page_bits };
    memory::TrustedSide trusted { file };
    auto const give { [&trusted, p, frame]() noexcept { return trusted.make_private(p, frame, memory::GuestMemory::Accepts::guest); } };
    if (scripted::is_access(operation.opcode))
        if (auto const early { check_early_fault() }; !early)
            return { .met = Met::fault(Side::private_, early.error().err) };
    if (scripted::is_access(operation.opcode))
        if (auto const made { give() }; !made)
            return { .met = Met::fault(Side::private_, made.error().err) };
    if (auto const staged { trusted.stage(PageRange::one(p)) }; !staged)
        return { .met = Met::fault(Side::private_, staged.error().err) };
    auto pages { trusted.pages() };
    auto const answered { scripted::instruct(trust_.kind, pages, p, frame, operation) };
    trusted.settle(PageRange::one(p));
    if (answered.met.what == Met::What::retry && !scripted::is_access(operation.opcode))
        if (auto const made { give() }; !made)
            return { .met = Met::fault(Side::private_, made.error().err) };
    return answered;
}

scripted::Answered Vm::instruct(scripted::Operation const &operation) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const *const slot { slots_.holding(operation.gpa) };
    auto const of_frame { frames_.at(PageNo::holding(Bytes { operation.gpa })) };
    if (!slot || !(slot->only_file || of_frame == Attribute::private_) || !slot->file_alive() || !slot->file->try_acquire())
        return { .met = Met::fault(Side::private_) };
    auto &file { *slot->file };
    auto const page { PageNo::holding(Bytes { slot->file_offset + (operation.gpa - slot->gpa) }) };
    scripted::Answered answered { .met = Met::fault(Side::private_, ENOMEM) };
    if (memory::FileLocked const file_guard { file }) {
        answered.met = scripted::is_access(operation.opcode) ? meet(slot, mode_.tracker == Tracker::files ? file.at(page) : of_frame, Side::private_, Access::read).met : Met {};
        if (answered.met.done())
            answered = instruct_page(file, page, operation);
    }
    file.release();
    return answered;
}

bool Vm::is_private(std::uint64_t gpa) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    if (mode_.tracker != Tracker::files)
        return frames_.at(PageNo::holding(Bytes { gpa })) == Attribute::private_;
    auto const *const slot { has_private_memory() ? slots_.holding(gpa) : nullptr };
    return slot && slot->file_alive() && slot->file->at(PageNo::holding(Bytes { slot->file_offset + (gpa - slot->gpa) })) == Attribute::private_;
}

} // namespace gmem::kvm
