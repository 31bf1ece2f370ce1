#pragma once
// Executes guest operations, one after the other, and makes the exits that KVM would make. Pure but for what GuestSide does; who calls it
// looks at signals and immediate_exit between two steps.
//
// Invariants:
//   I1  `waits_for_` is `nothing` unless the last exit has to be answered by the VMM; complete() then finishes the operation.
//   I2  what an exit was about is remembered here: the run page is the VMM's to scribble on, and only answers are read from it.
//   I3  an operation that ended in KVM_EXIT_MEMORY_FAULT has not begun, or has got as far as `progress_`: to run again is to go on.

#include "kvm/registers.hpp"
#include "kvm/run_page.hpp"
#include "kvm/scripted/guest_side.hpp"
#include "kvm/scripted/page_state_change.hpp"

namespace gmem::kvm::scripted {

class Interpreter final {
public:
    // The bytes of an I/O exit lie one page behind the run page, as KVM's.
    static constexpr std::size_t shared_bytes { 3 * page_size };
    // `shared`: that many bytes; the first are the run page.
    Interpreter(GuestSide &guest, std::byte *shared) noexcept : guest_ { guest }, shared_ { shared } {}

    // Finishes what the VMM has answered. nullopt: the guest may go on; otherwise KVM_RUN's result, and the exit is in the run page.
    std::optional<long> complete() noexcept;
    // One operation, or a page of one.
    std::optional<long> step() noexcept;

    // Has the VMM something to answer, by complete()?
    bool waits() const noexcept { return waits_for_ != WaitsFor::nothing; }

    // Between two runs. Where an answer is waited for it arrives all the same; a new rip stays.
    Registers registers() const noexcept { return registers_; }
    void set_registers(Registers const &r) noexcept;

private:
    enum class WaitsFor : std::uint8_t { nothing, mmio_load, mmio_store, io_in, hypercall, psc_msr, psc_nae, td_mapgpa, smccc, ripas };
    using Then = std::optional<long>;

    uapi::RunPage &page() const noexcept { return *reinterpret_cast<uapi::RunPage *>(shared_); }
    Then execute(Operation const &operation) noexcept;

    // The end of an operation.
    Then done(std::uint64_t result, std::uint64_t status = 0) noexcept;
    Then undefined() noexcept { return done(0, GMEM_GUEST_UNDEFINED); }
    Then not_done(Operation const &operation, Met met) noexcept;
    void go_to(std::uint64_t rip) noexcept;

    // Exits.
    Then memory_fault(std::uint64_t gpa, std::uint64_t size, Met met) noexcept;
    Then bad_operation() noexcept;
    Then emulation_failed() noexcept;
    Then mmio(Operation const &operation) noexcept;

    // interpreter_ranges.cpp
    Then range(Operation const &operation) noexcept;
    Then loop(Operation const &operation) noexcept;
    Then port(Operation const &operation) noexcept;

    // requests.cpp
    Then request(Operation const &operation) noexcept;
    Then completed_request() noexcept;
    Then hypercall(WaitsFor answer, std::uint64_t nr, std::uint64_t first, std::uint64_t second, std::uint64_t third, std::uint64_t flags) noexcept;
    Then map_gpa(WaitsFor answer, std::uint64_t gpa, std::uint64_t pages, bool to_private, bool huge) noexcept;
    Then psc_msr(Operation const &operation) noexcept;
    Then psc_nae() noexcept;
    Then psc_answered(bool agreed) noexcept;
    Then td_mapgpa(Operation const &operation) noexcept;
    Then td_mapgpa_chunk() noexcept;
    Then smccc(Operation const &operation) noexcept;
    Then ripas(Operation const &operation) noexcept;
    Then ripas_answered() noexcept;

    GuestSide &guest_;
    std::byte *shared_;
    Registers registers_ {};

    std::uint64_t at_ { 0 };       // gpa of the operation that began last
    std::uint64_t progress_ { 0 }; // bytes of it that are done
    WaitsFor waits_for_ { WaitsFor::nothing };
    Operation waiting_ {};         // I2
    PageStateStep asked_ {};       // psc_nae: of what
};

} // namespace gmem::kvm::scripted
