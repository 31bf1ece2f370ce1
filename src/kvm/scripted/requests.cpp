// What a guest asks of its VMM, in each platform's words: KVM's exits, and the vendor's answers. platform-models.md 1.6, 2.3, 3.3, 4.3 and 5.

#include "kvm/hypercall.hpp"
#include "kvm/scripted/interpreter.hpp"

#include <algorithm>
#include <cerrno>

namespace gmem::kvm::scripted {
namespace {

// KVM_MAP_GPA_RANGE_*: bits 3:0 the page size, bit 4 encrypted.
constexpr std::uint64_t map_huge { 1 }, map_encrypted { 1u << 4 };

// Towards the guest, KVM's own numbers.
constexpr std::uint64_t kvm_no_such_call { static_cast<std::uint64_t>(-1000) };
constexpr std::uint64_t kvm_bad_argument { static_cast<std::uint64_t>(-22) };

// GHCB MSR protocol: request 0x014, reply 0x015 with an error in bits 63:32. assumption: KVM sets bit 63 (from memory).
constexpr std::uint64_t psc_request { 0x014 }, psc_reply { 0x015 }, psc_reply_error { std::uint64_t { 1 } << 63 };
constexpr std::uint64_t psc_to_private { 1 }, psc_to_shared { 2 };

// TDG.VP.VMCALL, R10. assumption: KVM asks in pieces of 2 MiB (from memory).
constexpr std::uint64_t td_success { 0 }, td_retry { 1 };
constexpr std::uint64_t td_invalid { std::uint64_t { 1 } << 63 }, td_align { td_invalid | 2 }, td_unsupported { td_invalid | 3 };
constexpr std::uint64_t td_piece { std::uint64_t { 2 } << 20 };

// SMCCC, vendor-specific hypervisor service of KVM; the function's number is the exit's `nr`.
constexpr std::uint64_t smccc_invalid_parameter { static_cast<std::uint64_t>(-3) };

// RSI_IPA_STATE_SET. A host may apply a part of a request: the guest goes on at the new base. Ours takes no more than this at once.
constexpr std::uint64_t rsi_error_input { 1 }, ripas_rejected { 1 };
constexpr std::uint64_t ripas_most { std::uint64_t { 1 } << 30 };

bool page_aligned(std::uint64_t v) noexcept { return v % page_size == 0; }

} // namespace

Interpreter::Then Interpreter::request(Operation const &operation) noexcept
{
    waiting_ = operation;
    switch (operation.opcode) {
    case Opcode::map_gpa_range:
        if (!guest_.hypercalls_exit())
            return done(kvm_no_such_call);
        if (!page_aligned(operation.gpa) || operation.size == 0 || (operation.gpa >> page_bits) + operation.size <= operation.gpa >> page_bits)
            return done(kvm_bad_argument);
        guest_.asks(operation.gpa, operation.size << page_bits, operation.value & map_encrypted ? platform::Side::private_ : platform::Side::shared);
        return hypercall(WaitsFor::hypercall, hypercall_map_gpa_range, operation.gpa, operation.size, operation.value, uapi::hypercall_long_mode);
    case Opcode::psc_msr:
        return psc_msr(operation);
    case Opcode::psc_nae:
        return psc_nae();
    case Opcode::td_mapgpa:
        return td_mapgpa(operation);
    case Opcode::rsi_ipa_state_set:
        return ripas(operation);
    default:
        return smccc(operation);
    }
}

Interpreter::Then Interpreter::hypercall(WaitsFor answer, std::uint64_t nr, std::uint64_t first, std::uint64_t second, std::uint64_t third, std::uint64_t flags) noexcept
{
    page().exit_reason = uapi::exit_hypercall;
    page().hypercall = { .nr = nr, .arguments = { first, second, third, 0, 0, 0 }, .result = 0, .flags = flags };
    waits_for_ = answer;
    return 0;
}

Interpreter::Then Interpreter::map_gpa(WaitsFor answer, std::uint64_t gpa, std::uint64_t pages, bool to_private, bool huge) noexcept
{
    guest_.asks(gpa, pages << page_bits, to_private ? platform::Side::private_ : platform::Side::shared);
    return hypercall(answer, hypercall_map_gpa_range, gpa, pages, (to_private ? map_encrypted : 0) | (huge ? map_huge : 0), 0);
}

Interpreter::Then Interpreter::completed_request() noexcept
{
    auto const told { page().hypercall.result };
    switch (waits_for_) {
    case WaitsFor::psc_msr:
        return done(told == 0 ? psc_reply : psc_reply | psc_reply_error);
    case WaitsFor::psc_nae:
        return psc_answered(told == 0);
    case WaitsFor::td_mapgpa:
        if (told != 0)
            return done(waiting_.gpa + progress_, told == EAGAIN ? td_retry : td_invalid);
        progress_ += std::min(td_piece, waiting_.size - progress_);
        return td_mapgpa_chunk();
    case WaitsFor::smccc:
        return done(0, told);
    case WaitsFor::ripas:
        return ripas_answered();
    default:
        return done(told);
    }
}

Interpreter::Then Interpreter::psc_msr(Operation const &operation) noexcept
{
    auto const direction { operation.value >> 52 & 0xf };
    if ((operation.value & 0xfff) != psc_request || (direction != psc_to_private && direction != psc_to_shared) || !guest_.hypercalls_exit())
        return done(psc_reply | psc_reply_error);
    return map_gpa(WaitsFor::psc_msr, operation.value & 0xf'ffff'ffff'f000, 1, direction == psc_to_private, false);
}

// The list lies in the GHCB, or where it points: on one shared page, because the host reads it.
Interpreter::Then Interpreter::psc_nae() noexcept
{
    if (!guest_.hypercalls_exit())
        return done(0, psc_generic_error);
    gmem_guest_psc list;
    if (waiting_.gpa % page_size + sizeof list > page_size)
        return done(0, psc_invalid_header);
    if (auto const met { guest_.read(waiting_.gpa, platform::Side::shared, &list, sizeof list) }; !met.done())
        return not_done(waiting_, met);
    asked_ = next_step(list);
    if (auto const met { guest_.write(waiting_.gpa, platform::Side::shared, &list, sizeof list) }; !met.done())
        return not_done(waiting_, met);
    if (asked_.what == PageStateStep::What::finished)
        return done(0, asked_.status);
    return map_gpa(WaitsFor::psc_nae, asked_.gpa, asked_.pages, asked_.to_private, asked_.huge);
}

Interpreter::Then Interpreter::psc_answered(bool agreed) noexcept
{
    waits_for_ = WaitsFor::nothing;
    if (!agreed)
        return done(0, psc_generic_error);
    gmem_guest_psc list;
    if (auto const met { guest_.read(waiting_.gpa, platform::Side::shared, &list, sizeof list) }; !met.done())
        return done(0, psc_generic_error); // the VMM has taken the list away
    mark_done(list, asked_.first, asked_.last);
    if (auto const met { guest_.write(waiting_.gpa, platform::Side::shared, &list, sizeof list) }; !met.done())
        return done(0, psc_generic_error);
    return psc_nae();
}

Interpreter::Then Interpreter::td_mapgpa(Operation const &operation) noexcept
{
    if (operation.size == 0 || operation.gpa >= Operation::end_of_memory || operation.size > Operation::end_of_memory - operation.gpa)
        return done(operation.gpa, td_invalid);
    if (!page_aligned(operation.gpa) || !page_aligned(operation.size))
        return done(operation.gpa, td_align);
    if (!guest_.hypercalls_exit())
        return done(operation.gpa, td_unsupported);
    progress_ = 0;
    return td_mapgpa_chunk();
}

Interpreter::Then Interpreter::td_mapgpa_chunk() noexcept
{
    if (progress_ == waiting_.size)
        return done(waiting_.gpa + waiting_.size, td_success);
    auto const piece { std::min(td_piece, waiting_.size - progress_) };
    return map_gpa(WaitsFor::td_mapgpa, waiting_.gpa + progress_, piece >> page_bits, waiting_.to_private(), false);
}

// EL2 has changed its state by the time the host hears of MEM_SHARE (platform-models.md 3.3): instruction() does that. Of MEM_RELINQUISH the
// host does not hear.
Interpreter::Then Interpreter::smccc(Operation const &operation) noexcept
{
    bool const exits { operation.opcode != Opcode::mem_relinquish };
    if ((exits && (operation.value != 0 || operation.extra != 0)) || !page_aligned(operation.gpa) || operation.gpa >= Operation::end_of_memory)
        return done(0, smccc_invalid_parameter);
    auto const answered { guest_.instruction(operation) };
    if (!answered.met.done())
        return not_done(operation, answered.met);
    if (answered.status != 0 || !exits)
        return done(0, answered.status);
    guest_.asks(operation.gpa, page_size, operation.opcode == Opcode::mem_share ? platform::Side::shared : platform::Side::private_);
    return hypercall(WaitsFor::smccc, operation.opcode == Opcode::mem_share ? smccc_mem_share : smccc_mem_unshare, operation.gpa, page_size, 0, 0);
}

Interpreter::Then Interpreter::ripas(Operation const &operation) noexcept
{
    auto const base { operation.gpa }, top { operation.value };
    if (!page_aligned(base) || !page_aligned(top) || top <= base || top > Operation::end_of_memory)
        return done(base, rsi_error_input);
    waiting_.value = std::min(top, base + ripas_most);
    waits_for_ = WaitsFor::ripas;
    return memory_fault(base, waiting_.value - base, Met::fault(operation.to_private() ? platform::Side::private_ : platform::Side::shared));
}

// As far as the VMM has converted, and the realm's table lets it, the change is applied; nothing of it is a refusal.
Interpreter::Then Interpreter::ripas_answered() noexcept
{
    auto converted { waiting_.gpa };
    while (converted < waiting_.value && guest_.is_private(converted) == waiting_.to_private())
        converted += page_size;
    auto page { waiting_ };
    for (; page.gpa < converted; page.gpa += page_size)
        if (auto const answered { guest_.instruction(page) }; !answered.met.done() || answered.result == 0)
            break;
    return done(page.gpa == waiting_.gpa ? page.gpa | ripas_rejected : page.gpa);
}

} // namespace gmem::kvm::scripted
