#include "kvm/scripted/interpreter.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace gmem::kvm::scripted {

void Interpreter::set_registers(Registers const &r) noexcept
{
    registers_ = r;
    if (waits_for_ == WaitsFor::nothing)
        progress_ = 0;
}

// Where the VMM has not sent the guest elsewhere meanwhile.
void Interpreter::go_to(std::uint64_t rip) noexcept
{
    if (registers_.rip == at_)
        registers_.rip = rip;
}

// What the operation tells lies in it. A script in memory that cannot be written, or is gone, has the registers.
Interpreter::Then Interpreter::done(std::uint64_t result, std::uint64_t status) noexcept
{
    std::uint64_t const told[2] { result, status };
    static_assert(offsetof(gmem_guest_op, status) == offsetof(gmem_guest_op, result) + sizeof told[0]);
    (void)guest_.write(at_ + offsetof(gmem_guest_op, result), std::nullopt, told, sizeof told);
    registers_.rax = result;
    registers_.rdx = status;
    progress_ = 0;
    waits_for_ = WaitsFor::nothing;
    go_to(at_ + Operation::bytes);
    return std::nullopt;
}

Interpreter::Then Interpreter::memory_fault(std::uint64_t gpa, std::uint64_t size, Met met) noexcept
{
    page().exit_reason = uapi::exit_memory_fault;
    page().memory_fault = { .flags = met.side == platform::Side::private_ ? uapi::memory_exit_private : 0, .gpa = gpa, .size = size };
    return -static_cast<long>(met.status);
}

// An exception that no handler of the guest's takes: a processor shuts down.
Interpreter::Then Interpreter::bad_operation() noexcept
{
    page().exit_reason = uapi::exit_shutdown;
    return 0;
}

Interpreter::Then Interpreter::emulation_failed() noexcept
{
    page().exit_reason = uapi::exit_internal_error;
    page().internal = { uapi::internal_error_emulation, 0 };
    return 0;
}

Interpreter::Then Interpreter::not_done(Operation const &operation, Met met) noexcept
{
    constexpr auto in_page { page_size - 1 };
    switch (met.what) {
    case Met::What::done:
    case Met::What::retry:
        return std::nullopt;
    case Met::What::mmio:
        return operation.opcode == Opcode::load || operation.opcode == Opcode::store ? mmio(operation) : emulation_failed();
    case Met::What::memory_fault:
        return memory_fault((operation.gpa + progress_) & ~in_page, page_size, met);
    case Met::What::exception:
        return done(0, met.status);
    case Met::What::vm_dead:
        return -EIO;
    }
    __builtin_unreachable();
}

Interpreter::Then Interpreter::mmio(Operation const &operation) noexcept
{
    bool const store { operation.opcode == Opcode::store };
    page().exit_reason = uapi::exit_mmio;
    page().mmio = { .gpa = operation.gpa, .data = {}, .length = static_cast<std::uint32_t>(operation.size), .is_write = store };
    if (store)
        std::memcpy(page().mmio.data, &operation.value, operation.size);
    waiting_ = operation;
    waits_for_ = store ? WaitsFor::mmio_store : WaitsFor::mmio_load;
    return 0;
}

Interpreter::Then Interpreter::complete() noexcept
{
    std::uint64_t bytes { 0 };
    switch (waits_for_) {
    case WaitsFor::nothing:
        return std::nullopt;
    case WaitsFor::mmio_load:
        std::memcpy(&bytes, page().mmio.data, waiting_.size);
        return done(bytes);
    case WaitsFor::mmio_store:
        return done(0);
    case WaitsFor::io_in:
        std::memcpy(&bytes, shared_ + page_size, waiting_.size);
        return done(bytes);
    default:
        return completed_request();
    }
}

Interpreter::Then Interpreter::step() noexcept
{
    auto const rip { registers_.rip };
    if (rip % Operation::bytes != 0 || rip >= Operation::end_of_memory)
        return bad_operation();
    gmem_guest_op bytes;
    auto const fetched { guest_.read(rip, std::nullopt, &bytes, sizeof bytes) };
    if (fetched.what == Met::What::retry)
        return std::nullopt;
    if (fetched.what == Met::What::memory_fault)
        return memory_fault(rip & ~(page_size - 1), page_size, fetched);
    if (fetched.what == Met::What::mmio)
        return emulation_failed();
    if (fetched.what == Met::What::vm_dead)
        return -EIO;
    auto const operation { fetched.done() ? Operation::decode(bytes) : std::nullopt };
    if (!operation)
        return bad_operation();
    if (at_ != rip) {
        at_ = rip;
        progress_ = 0;
    }
    if (auto const only { operation->platform() }; only && *only != guest_.kind())
        return undefined();
    return execute(*operation);
}

Interpreter::Then Interpreter::execute(Operation const &operation) noexcept
{
    switch (operation.opcode) {
    case Opcode::load: {
        std::uint64_t bytes { 0 };
        auto const met { guest_.read(operation.gpa, operation.side(), &bytes, operation.size) };
        return met.done() ? done(bytes) : not_done(operation, met);
    }
    case Opcode::store: {
        auto const met { guest_.write(operation.gpa, operation.side(), &operation.value, operation.size) };
        return met.done() ? done(0) : not_done(operation, met);
    }
    case Opcode::fill:
    case Opcode::check:
        return range(operation);
    case Opcode::halt:
        done(0);
        page().exit_reason = uapi::exit_hlt;
        return 0;
    case Opcode::io_out:
    case Opcode::io_in:
        return port(operation);
    case Opcode::jump:
        done(0);
        registers_.rip = operation.gpa;
        return std::nullopt;
    case Opcode::loop:
        return loop(operation);
    case Opcode::pvalidate:
    case Opcode::rmpadjust:
    case Opcode::td_accept: {
        auto const answered { guest_.instruction(operation) };
        return answered.met.done() ? done(answered.result, answered.status) : not_done(operation, answered.met);
    }
    default:
        return request(operation);
    }
}

} // namespace gmem::kvm::scripted
