#include "driver/guest.hpp"

#include <cstring>
#include <sys/ioctl.h>
#include <vector>

namespace gmem::driver {
namespace {

constexpr std::size_t words { page_size / sizeof(std::uint64_t) };
static_assert(words <= Guest::most_operations);

std::size_t run_size(Vm const &vm) { return static_cast<std::size_t>(must("KVM_GET_VCPU_MMAP_SIZE", ::ioctl(vm.kvm(), KVM_GET_VCPU_MMAP_SIZE, 0))); }

} // namespace

gmem_guest_op operation(std::uint32_t opcode, std::uint32_t flags, std::uint64_t gpa, std::uint64_t size, std::uint64_t value, std::uint64_t extra)
{
    gmem_guest_op op {};
    op.opcode = opcode;
    op.flags = flags;
    op.gpa = gpa;
    op.size = size;
    op.value = value;
    op.extra = extra;
    return op;
}

Guest::Guest(Vm &vm, unsigned long id, std::uint64_t script, std::uint32_t slot)
    : vm_ { vm }
    , script_gpa_ { script }
    , script_ { Mapping::anonymous(script_size) }
    , vcpu_ { must("KVM_CREATE_VCPU", ::ioctl(vm.fd(), KVM_CREATE_VCPU, id)) }
    , run_ { Mapping::shared(vcpu_.get(), run_size(vm)) }
{
    vm_.slot(slot, script_gpa_, script_size, script_.at());
}

kvm_run &Guest::run_page() const { return *reinterpret_cast<kvm_run *>(run_.at()); }

uapi::MemoryFault Guest::fault() const
{
    uapi::MemoryFault told;
    std::memcpy(&told, &run_page().hw, sizeof told); // where the union begins
    return told;
}

Exit Guest::run(std::span<gmem_guest_op const> operations)
{
    if (operations.size() > most_operations)
        throw Failure { "a script of too many operations", E2BIG };
    auto const halt { operation(GMEM_GUEST_HALT) };
    std::memcpy(script_.at(), operations.data(), operations.size_bytes());
    std::memcpy(script_.at(operations.size_bytes()), &halt, sizeof halt);
    kvm_regs registers;
    must("KVM_GET_REGS", ::ioctl(vcpu(), KVM_GET_REGS, &registers));
    registers.rip = script_gpa_;
    must("KVM_SET_REGS", ::ioctl(vcpu(), KVM_SET_REGS, &registers));
    return resume();
}

Exit Guest::resume()
{
    auto const err { ::ioctl(vcpu(), KVM_RUN, 0) == 0 ? 0 : errno };
    return { err, run_page().exit_reason };
}

Exit Guest::answer(std::uint64_t value)
{
    run_page().hypercall.ret = value;
    return resume();
}

gmem_guest_op const &Guest::executed(std::size_t index) const { return reinterpret_cast<gmem_guest_op const *>(script_.at())[index]; }

bool Guest::all_succeeded(Exit found, std::size_t count, Exit *exit) const
{
    if (exit)
        *exit = found;
    for (std::size_t i { 0 }; i < count && found.halted(); ++i)
        if (executed(i).status != 0)
            return false;
    return found.halted();
}

std::optional<Page> Guest::read(std::uint64_t gpa, Side side, Exit *exit)
{
    std::vector<gmem_guest_op> loads;
    for (std::size_t i { 0 }; i < words; ++i)
        loads.push_back(operation(GMEM_GUEST_LOAD, static_cast<std::uint32_t>(side), gpa + 8 * i, 8));
    if (!all_succeeded(run(loads), words, exit))
        return std::nullopt;
    Page page;
    for (std::size_t i { 0 }; i < words; ++i)
        std::memcpy(page.data() + 8 * i, &executed(i).result, 8);
    return page;
}

bool Guest::write(std::uint64_t gpa, Side side, Page const &page, Exit *exit)
{
    std::vector<gmem_guest_op> stores;
    for (std::size_t i { 0 }; i < words; ++i) {
        std::uint64_t word;
        std::memcpy(&word, page.data() + 8 * i, 8);
        stores.push_back(operation(GMEM_GUEST_STORE, static_cast<std::uint32_t>(side), gpa + 8 * i, 8, word));
    }
    return all_succeeded(run(stores), words, exit);
}

} // namespace gmem::driver
