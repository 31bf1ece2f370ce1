#include "player/exits.hpp"

#include <fmt/format.h>

namespace gmem::player {
namespace {

constexpr std::uint64_t mem_share { 0xC6000003 }, mem_unshare { 0xC6000004 }; // pKVM's, as gmem numbers them: docs/platforms.md
constexpr std::uint64_t encrypted { 1 << 4 };                                   // KVM_MAP_GPA_RANGE_ENCRYPTED
constexpr std::uint64_t fault_private { 1 << 3 };                               // KVM_MEMORY_EXIT_FLAG_PRIVATE

ExitSeen hypercall(kvm_run const &run)
{
    auto const &call { run.hypercall };
    ExitSeen seen { "hypercall", call.args[0], call.args[1], {} };
    if (call.nr == driver::uapi::hypercall_map_gpa_range) {
        seen.size = call.args[1] * driver::page_size;
        seen.to_private = (call.args[2] & encrypted) != 0;
    } else if (call.nr == mem_share || call.nr == mem_unshare) {
        seen.to_private = call.nr == mem_unshare;
    }
    return seen;
}

} // namespace

std::optional<ExitSeen> exit_seen(driver::Guest const &guest, driver::Exit exit)
{
    if (exit.memory_fault()) {
        auto const told { guest.fault() };
        return ExitSeen { "memory_fault", told.gpa, told.size, (told.flags & fault_private) != 0 };
    }
    if (exit.err != 0)
        return std::nullopt;
    auto const &run { guest.run_page() };
    switch (exit.reason) {
    case KVM_EXIT_HLT: return ExitSeen { "halt", {}, {}, {} };
    case KVM_EXIT_HYPERCALL: return hypercall(run);
    case KVM_EXIT_MMIO: return ExitSeen { "mmio", run.mmio.phys_addr, run.mmio.len, {} };
    case KVM_EXIT_IO: return ExitSeen { "io", run.io.port, run.io.size, {} };
    case KVM_EXIT_SHUTDOWN: return ExitSeen { "shutdown", {}, {}, {} };
    case KVM_EXIT_INTERNAL_ERROR: return ExitSeen { "internal_error", {}, {}, {} };
    default: return ExitSeen { fmt::format("reason {}", exit.reason), {}, {}, {} };
    }
}

} // namespace gmem::player
