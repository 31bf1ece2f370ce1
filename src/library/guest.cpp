#include "library/guest.hpp"

#include "kvm/scripted/page.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"

#include <algorithm>
#include <cstring>

namespace gmem::library {

using kvm::scripted::Answered;
using kvm::scripted::Met;
using platform::Access;
using platform::Side;
namespace uapi = kvm::uapi;

namespace {

constexpr std::uint64_t most_faults { 16 };

} // namespace

Result<Guest *> Guest::create(memory::GuestMemory &file) noexcept
{
    GMEM_TRY(at, os::map_anonymous(sizeof(Guest), MAP_PRIVATE));
    file.acquire();
    return new (reinterpret_cast<void *>(at)) Guest { file };
}

void Guest::destroy() noexcept
{
    auto &file { file_ };
    auto const begin { reinterpret_cast<std::uintptr_t>(this) };
    this->~Guest();
    os::unmap({ begin, begin + sizeof(Guest) });
    file.release();
}

// KVM's order (guest_memfd specification 4.2): the side, then whether there is a page.
Met Guest::meet(PageNo p, Side counts_as) const noexcept
{
    bool const inside { p < file_.pages() };
    auto const is { inside && file_.at(p) == Attribute::private_ ? Side::private_ : Side::shared };
    if (counts_as != is)
        return Met::fault(counts_as);
    return inside ? Met {} : Met { Met::What::mmio, counts_as, 0 };
}

Met Guest::access(std::uint64_t gpa, kvm::scripted::Side side, Access access, void *bytes, std::size_t size) noexcept
{
    auto const p { PageNo::holding(Bytes { gpa }) };
    os::SignalsBlocked const signals;
    memory::FileLocked const guard { file_ };
    if (!guard)
        return Met::fault(side.value_or(Side::shared), guard.error().err);
    auto const counts_as { side.value_or(has(gpa) && file_.at(p) == Attribute::private_ ? Side::private_ : Side::shared) };
    auto const met { meet(p, counts_as) };
    return met.done() ? kvm::scripted::access_page(file_, p, gpa, counts_as, access, bytes, size) : met;
}

Met Guest::read(std::uint64_t gpa, kvm::scripted::Side side, void *to, std::size_t size) noexcept
{
    if (gpa != script)
        return access(gpa, side, Access::read, to, size);
    std::memcpy(to, operation_, size);
    return {};
}

Met Guest::write(std::uint64_t gpa, kvm::scripted::Side side, void const *from, std::size_t size) noexcept
{
    if (gpa < script || gpa >= script + sizeof *operation_)
        return access(gpa, side, Access::write, const_cast<void *>(from), size);
    std::memcpy(reinterpret_cast<std::byte *>(operation_) + (gpa - script), from, size);
    return {};
}

bool Guest::is_private(std::uint64_t gpa) noexcept { return has(gpa) && file_.at(PageNo::holding(Bytes { gpa })) == Attribute::private_; }

Answered Guest::instruction(kvm::scripted::Operation const &operation) noexcept
{
    auto const p { PageNo::holding(Bytes { operation.gpa }) };
    os::SignalsBlocked const signals;
    memory::FileLocked const guard { file_ };
    if (!guard || !has(operation.gpa))
        return { .met = Met::fault(Side::private_, guard ? EFAULT : guard.error().err) };
    auto const met { kvm::scripted::is_access(operation.opcode) ? meet(p, Side::private_) : Met {} };
    return met.done() ? kvm::scripted::instruct_page(file_, p, operation) : Answered { .met = met };
}

void Guest::asks(std::uint64_t gpa, std::uint64_t size, Side to) noexcept
{
    auto const end { std::min(gpa + size, raw(file_.size())) };
    if (auto const r { PageRange::make(PageNo::holding(Bytes { gpa }), PageNo { end >> page_bits }) })
        file_.guest_asks(*r, to == Side::private_ ? Attribute::private_ : Attribute::shared);
}

void Guest::tell(long result, gmem_guest_exit &exit) noexcept
{
    exit = { .reason = page().exit_reason, .error = static_cast<std::int32_t>(-result), .gpa = 0, .size = 0, .flags = 0, .nr = 0, .arguments = {}, .answer = 0 };
    switch (page().exit_reason) {
    case uapi::exit_memory_fault:
        exit.gpa = page().memory_fault.gpa;
        exit.size = page().memory_fault.size;
        exit.flags = page().memory_fault.flags;
        break;
    case uapi::exit_mmio:
        exit.gpa = page().mmio.gpa;
        exit.size = page().mmio.length;
        std::memcpy(&exit.answer, page().mmio.data, sizeof exit.answer);
        break;
    case uapi::exit_hypercall:
        exit.nr = page().hypercall.nr;
        std::ranges::copy(page().hypercall.arguments, exit.arguments);
        break;
    default:
        break;
    }
}

int Guest::execute(gmem_guest_op &operation, gmem_guest_exit &exit) noexcept
{
    if (operation.opcode == GMEM_GUEST_JUMP || operation.opcode == GMEM_GUEST_LOOP)
        return -EINVAL;
    if (dead_)
        return -EIO;
    operation_ = &operation;
    std::optional<long> result;
    if (std::exchange(waits_, false)) {
        page().hypercall.result = page().exit_reason == uapi::exit_hypercall ? exit.answer : page().hypercall.result;
        if (page().exit_reason == uapi::exit_mmio)
            std::memcpy(page().mmio.data, &exit.answer, sizeof exit.answer);
        result = interpreter_.complete();
    } else {
        kvm::Registers at_script {};
        at_script.rip = script;
        interpreter_.set_registers(at_script);
    }
    // A step is a page of a range, or a fault that the host has dealt with.
    auto steps { operation.size / page_size + most_faults };
    for (; !result && interpreter_.registers().rip == script && steps != 0; --steps)
        result = interpreter_.step();
    operation_ = nullptr;
    if (!result && interpreter_.registers().rip == script)
        return -EAGAIN;
    if (!result) {
        exit = {};
        return 0;
    }
    dead_ = *result == -EIO;
    if (dead_)
        return -EIO;
    tell(*result, exit);
    waits_ = interpreter_.waits();
    return 0;
}

} // namespace gmem::library
