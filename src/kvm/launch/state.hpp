#pragma once
// The launch of one VM, of whichever platform it is. docs/launch.md.

#include "kvm/launch/cca.hpp"
#include "kvm/launch/snp.hpp"
#include "kvm/launch/tdx.hpp"
#include "platform/profile.hpp"

#include <optional>

namespace gmem::kvm::launch {

// What KVM_RUN has to ask before it runs.
enum class Gate : std::uint8_t {
    open,
    closed,        // the launch is under way: EINVAL
    of_its_vcpus,  // TDX, finalized: has this vCPU been initialised?
    realm,         // CCA: the first run activates
};

// A VM of a type that knows of launches (KVM_X86_SNP_VM, KVM_X86_TDX_VM) cannot run without. One that was only given the model of a platform may: nobody has told it of launches,
// until it begins one.
enum class Duty : std::uint8_t { none, due };

struct State final {
    Duty duty { Duty::none };
    std::optional<Snp> snp {};
    std::optional<Tdx> tdx {};
    std::optional<Cca> cca {};

    void begin(platform::Kind kind, Duty d) noexcept
    {
        duty = d;
        if (kind == platform::Kind::snp)
            snp.emplace();
        if (kind == platform::Kind::tdx)
            tdx.emplace();
        if (kind == platform::Kind::cca)
            cca.emplace();
    }
    void clear() noexcept
    {
        snp.reset();
        tdx.reset();
        cca.reset();
    }

    bool finished() const noexcept { return (snp && snp->finished()) || (tdx && tdx->finished()) || (cca && cca->finished()); }
    // Has the VM to be launched before it does anything else?
    bool awaited() const noexcept { return !finished() && (duty == Duty::due || (snp && snp->initialised()) || (tdx && tdx->initialised())); }
    // A realm is NEW until it first runs (platform-models.md 4.3); pKVM and sw_protected have nothing to finish (3.3, 5). A VM that only has the model of SNP or TDX runs from
    // its birth, but in the versions that ask whether a launch was finished, and bug a VM that faults before (guest_memfd specification 2.6), it never was.
    platform::Phase phase(platform::Profile const &profile) const noexcept
    {
        bool const never_launched { profile.early_fault_bugs_vm && (snp || tdx) && !finished() };
        return awaited() || never_launched || (cca && !cca->finished()) ? platform::Phase::launching : platform::Phase::running;
    }
    Gate gate() const noexcept
    {
        if (awaited())
            return Gate::closed;
        if (tdx && tdx->finished())
            return Gate::of_its_vcpus;
        return cca && !cca->finished() ? Gate::realm : Gate::open;
    }
};

} // namespace gmem::kvm::launch
