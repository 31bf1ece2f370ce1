#include "kvm/scripted/instructions.hpp"

#include "platform/cca/rmi.hpp"
#include "platform/pkvm/hypercalls.hpp"
#include "platform/snp/guest_instructions.hpp"
#include "platform/tdx/memory_calls.hpp"
#include "platform/tdx/td_state.hpp"

namespace gmem::kvm::scripted {
namespace {

using platform::Kind;
using platform::Pages;

Met exception(std::uint64_t which) noexcept { return { Met::What::exception, platform::Side::private_, GMEM_GUEST_EXCEPTION + which }; }
constexpr Met once_more { Met::What::retry, platform::Side::private_, 0 };

// --- SNP

// A small page of a large entry: KVM splits the entry and resumes the guest (platform-models.md 1.3).
Met met_by(platform::snp::Fault const &fault, platform::snp::Rmp const &rmp, PageNo p) noexcept
{
    using What = platform::snp::Fault::What;
    switch (fault.what) {
    case What::none:
        return {};
    case What::vmm_communication:
        return exception(GMEM_GUEST_VC);
    case What::general_protection:
        return exception(GMEM_GUEST_GP);
    case What::page_fault:
    case What::nested_page_fault:
        break;
    }
    if (fault.code & platform::snp::error_bit::guest_sizem)
        (void)platform::snp::psmash(rmp, rmp.around(p).first());
    return once_more;
}

Answered of_snp(Pages &pages, PageNo p, std::uint64_t frame, Operation const &o) noexcept
{
    using namespace platform::snp;
    Rmp const rmp { pages };
    Executes const by { .asid = pages.vm->id, .frame = frame };
    auto const size { o.flags & GMEM_GUEST_HUGE ? PageSize::large : PageSize::small };
    auto const executed { o.opcode == Opcode::pvalidate
            ? pvalidate(rmp, p, by, size, o.flags & GMEM_GUEST_RESCIND ? Validate::rescind : Validate::validate)
            : rmpadjust(rmp, p, by, size, { .target_vmpl = static_cast<std::uint8_t>(o.value), .permissions = static_cast<std::uint8_t>(o.value >> 8), .vmsa = (o.value >> 16 & 1) != 0 }) };
    return { .met = met_by(executed.fault, rmp, p), .status = static_cast<std::uint64_t>(executed.eax), .result = executed.carry };
}

// --- TDX

// RAX. assumption: the numbers, from memory of the module's interface.
std::uint64_t number_of(platform::tdx::Seam s) noexcept
{
    using enum platform::tdx::Seam;
    switch (s) {
    case success:               return 0;
    case page_already_accepted: return 0x00000B0A00000000;
    case page_size_mismatch:    return 0xC0000B0B00000000;
    case operand_busy:          return 0x8000020000000000;
    default:                    return 0xC000010000000000; // TDX_OPERAND_INVALID
    }
}

Answered of_tdx(Pages &pages, PageNo p, std::uint64_t frame, Operation const &o) noexcept
{
    using namespace platform::tdx;
    Upper upper {};
    Place const at { p, frame, o.flags & GMEM_GUEST_HUGE ? Level::large : Level::small, o.flags & GMEM_GUEST_HUGE ? &upper : nullptr };
    auto const status { page_accept(td_state_of(*pages.vm), pages, at) };
    if (status == Seam::ept_violation)
        return { .met = once_more };
    return { .met = {}, .status = number_of(status), .result = 0 };
}

// --- pKVM

Answered of_pkvm(Pages &pages, PageNo p, Operation const &o) noexcept
{
    using namespace platform::pkvm;
    auto const function { o.opcode == Opcode::mem_share ? Function::mem_share : o.opcode == Opcode::mem_unshare ? Function::mem_unshare : Function::mem_relinquish };
    auto const answer { hypercall(pages, p, pages.vm->id, { function, o.gpa, o.value, o.extra }) };
    if (answer.then == Answer::Then::host_maps)
        return { .met = once_more };
    return { .met = {}, .status = static_cast<std::uint64_t>(answer.result), .result = 0 };
}

// --- CCA

// RMI_RTT_SET_RIPAS of one page. result: was it done?
Answered of_cca(Pages &pages, PageNo p, std::uint64_t frame, Operation const &o) noexcept
{
    using namespace platform::cca;
    bool const destroyed_too { (o.flags & GMEM_GUEST_DESTROYED_TOO) != 0 };
    auto const command { o.to_private() ? (destroyed_too ? EntryCommand::set_ram_destroyed_too : EntryCommand::set_ram) : (destroyed_too ? EntryCommand::set_empty_destroyed_too : EntryCommand::set_empty) };
    auto page { platform::record_as<PageState>(pages.record(p)) };
    if (!step(page, frame, command))
        return {};
    platform::store_record(pages.record(p), page);
    return { .met = {}, .status = 0, .result = 1 };
}

} // namespace

bool is_access(Opcode opcode) noexcept { return opcode == Opcode::pvalidate || opcode == Opcode::rmpadjust || opcode == Opcode::td_accept; }

Answered instruct(Kind kind, Pages &pages, PageNo page, std::uint64_t frame, Operation const &operation) noexcept
{
    switch (kind) {
    case Kind::snp:          return of_snp(pages, page, frame, operation);
    case Kind::tdx:          return of_tdx(pages, page, frame, operation);
    case Kind::pkvm:         return of_pkvm(pages, page, operation);
    case Kind::cca:          return of_cca(pages, page, frame, operation);
    case Kind::sw_protected: break;
    }
    return { .met = {}, .status = GMEM_GUEST_UNDEFINED, .result = 0 };
}

} // namespace gmem::kvm::scripted
