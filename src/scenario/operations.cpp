#include "scenario/operations.hpp"

#include <array>

namespace gmem::scenario {
namespace {

// Every KVM_RUN can end in each of these ways.
#define EXITS "exit at size side to result status errno says silent"

constexpr std::array table {
    // clang-format off
    Operation { "vmm", "convert", Does::convert, "at to", "size mode", "errno error_offset says silent", "KVM_SET_MEMORY_ATTRIBUTES2 on the guest_memfd" },
    Operation { "vmm", "convert_by_vm", Does::convert_by_vm, "at to", "size", "errno says", "KVM_SET_MEMORY_ATTRIBUTES on the VM" },
    Operation { "vmm", "write", Does::write, "at", "size text words", "sigbus", "writes through its window: `text` again and again, `words`, or zeros" },
    Operation { "vmm", "read", Does::read, "at", "size keep", "reads like unlike sigbus", "reads through its window" },
    Operation { "vmm", "touch", Does::touch, "at", "", "sigbus", "reads one byte" },
    Operation { "vmm", "pass_to_kernel", Does::pass_to_kernel, "at", "size", "errno", "write(2) from its window into a pipe" },
    Operation { "vmm", "punch", Does::punch, "at", "size", "errno", "fallocate(PUNCH_HOLE)" },
    Operation { "vmm", "allocate", Does::allocate, "at", "size", "errno", "fallocate" },
    Operation { "vmm", "map", Does::map, "memory", "", "errno", "one more window" },
    Operation { "vmm", "capability", Does::capability, "number", "", "value", "KVM_CHECK_EXTENSION on the VM" },
    Operation { "vmm", "bind_policy", Does::bind_policy, "at policy nodes", "size", "errno", "mbind() on its window" },
    Operation { "vmm", "policy", Does::policy, "at", "", "policy", "get_mempolicy() of an address" },
    Operation { "vmm", "node", Does::node, "at", "", "node errno", "the node that a page lies on" },
    Operation { "vmm", "run", Does::run, "", "answer", "reads " EXITS, "KVM_RUN: the guest goes on; `answer` is hypercall.ret" },
    Operation { "vmm", "launch_start", Does::launch_start, "", "", "errno firmware", "SNP: KVM_SEV_INIT2 and KVM_SEV_SNP_LAUNCH_START" },
    Operation { "vmm", "launch_update", Does::launch_update, "at", "size type text", "errno firmware says silent", "SNP: KVM_SEV_SNP_LAUNCH_UPDATE, in place unless there is a `text`" },
    Operation { "vmm", "launch_finish", Does::launch_finish, "", "", "errno firmware", "SNP: KVM_SEV_SNP_LAUNCH_FINISH" },
    Operation { "vmm", "init_td", Does::init_td, "", "", "errno", "TDX: KVM_TDX_INIT_VM, KVM_TDX_INIT_VCPU" },
    Operation { "vmm", "init_mem_region", Does::init_mem_region, "at", "size measure text", "errno says silent", "TDX: KVM_TDX_INIT_MEM_REGION, in place unless there is a `text`" },
    Operation { "vmm", "finalize", Does::finalize, "", "", "errno says", "TDX: KVM_TDX_FINALIZE_VM" },
    Operation { "vmm", "populate", Does::populate, "at", "size text from measure", "errno says", "CCA: KVM_ARM_RMI_POPULATE (here GMEM_REALM_POPULATE), from a `text` or from kept bytes" },
    Operation { "vmm", "hog", Does::hog, "at size rounds", "seed", "says silent", "guest and VMM write, convert at random and compare, `rounds` times" },
    Operation { "device", "pin", Does::pin, "at", "size", "errno", "holds pages: they lie in a pipe (vmsplice)" },
    Operation { "device", "unpin", Does::unpin, "", "", "", "lets go of all that it holds" },
    Operation { "guest", "load", Does::load, "at side", "size", EXITS, "1, 2, 4 or 8 bytes" },
    Operation { "guest", "store", Does::store, "at side value", "size", EXITS, "1, 2, 4 or 8 bytes" },
    Operation { "guest", "read", Does::guest_read, "at side", "size keep", "reads like unlike " EXITS, "as the VMM does, on its side of the page" },
    Operation { "guest", "write", Does::guest_write, "at side text", "size", EXITS, "as the VMM does, on its side of the page" },
    Operation { "guest", "map_gpa_range", Does::map_gpa_range, "at to", "size", EXITS, "hypercall KVM_HC_MAP_GPA_RANGE" },
    Operation { "guest", "psc", Does::psc_msr, "at to", "", EXITS, "SNP: page state change by the GHCB MSR protocol" },
    Operation { "guest", "psc_list", Does::psc_list, "entries", "", EXITS, "SNP: page state change by a list (NAE event)" },
    Operation { "guest", "mapgpa", Does::map_gpa, "at to", "size", EXITS, "TDX: TDG.VP.VMCALL<MapGPA>" },
    Operation { "guest", "mem_share", Does::mem_share, "at", "", EXITS, "pKVM: MEM_SHARE" },
    Operation { "guest", "mem_unshare", Does::mem_unshare, "at", "", EXITS, "pKVM: MEM_UNSHARE" },
    Operation { "guest", "mem_relinquish", Does::mem_relinquish, "at", "", EXITS, "pKVM: MEM_RELINQUISH" },
    Operation { "guest", "rsi_ipa_state_set", Does::ipa_state_set, "at to", "size destroyed_too", EXITS, "CCA: RSI_IPA_STATE_SET, to ram or empty" },
    Operation { "guest", "pvalidate", Does::pvalidate, "at", "rescind huge", EXITS, "SNP: PVALIDATE; `result` is the carry flag" },
    Operation { "guest", "accept", Does::accept, "at", "huge", EXITS, "TDX: TDG.MEM.PAGE.ACCEPT" },
    Operation { "guest", "halt", Does::halt, "", "", EXITS, "HLT" },
    // clang-format on
};

constexpr std::array<std::string_view, 3> all_actors { "vmm", "guest", "device" };

} // namespace

std::span<Operation const> operations() noexcept { return table; }
std::span<std::string_view const> actors() noexcept { return all_actors; }

Operation const *find_operation(std::string_view actor, std::string_view name) noexcept
{
    for (auto const &row : table)
        if (row.actor == actor && row.name == name)
            return &row;
    return nullptr;
}

bool has_word(std::string_view words, std::string_view key) noexcept
{
    while (!words.empty()) {
        auto const end { words.find(' ') };
        if (words.substr(0, end) == key)
            return true;
        words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    }
    return false;
}

} // namespace gmem::scenario
