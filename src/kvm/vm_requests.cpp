// What guests have asked for, as KVM would note it beside the exit: kvm_run is memory that the VMM can write. platform-models.md 3.3.

#include "kvm/hypercall.hpp"
#include "kvm/vm.hpp"
#include "os/signals.hpp"
#include "platform/pkvm/pending.hpp"

#include <algorithm>
#include <optional>

namespace gmem::kvm {
namespace {

struct Asked final {
    std::uint64_t gpa, end;
    bool to_private;
};

std::optional<Asked> asked_by(uapi::HypercallExit const &exit) noexcept
{
    auto const gpa { exit.arguments[0] }, second { exit.arguments[1] };
    bool const pages { exit.nr == hypercall_map_gpa_range };
    if (!pages && exit.nr != smccc_mem_share && exit.nr != smccc_mem_unshare)
        return std::nullopt;
    auto const most { (~std::uint64_t { 0 } - gpa) >> page_bits };
    auto const count { pages ? second : second >> page_bits };
    if (gpa % page_size || count == 0 || count > most)
        return std::nullopt;
    return Asked { gpa, gpa + (count << page_bits), pages ? (exit.arguments[2] & map_gpa_encrypted) != 0 : exit.nr == smccc_mem_unshare };
}

} // namespace

// A request over several memslots is one for each of their files: conversions are of one file.
void Vm::guest_asks(uapi::HypercallExit const &exit) noexcept
{
    auto const asked { asked_by(exit) };
    if (!asked)
        return;
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    for (auto const &slot : slots_.ever_used(0)) {
        auto const from { std::max(asked->gpa, slot.gpa) }, to { std::min(asked->end, slot.gpa + slot.size) };
        if (!slot.exists() || from >= to || !slot.file_alive() || !slot.file->try_acquire())
            continue;
        auto const first { PageNo::holding(Bytes { slot.file_offset + (from - slot.gpa) }) };
        if (memory::FileLocked const file_guard { *slot.file }) // without memory to become a member the guest goes unheard
            platform::pkvm::record_request(slot.file->header().vm, *PageRange::make(first, first.plus((to - from) >> page_bits)), asked->to_private);
        slot.file->release();
    }
}

} // namespace gmem::kvm
