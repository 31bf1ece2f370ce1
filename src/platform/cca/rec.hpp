#pragma once
// A realm's vCPU (REC), as far as changes of RIPAS go: the guest asks, the vCPU exits, the host agrees to as much as it wants, and the
// guest hears at the next entry. platform-models.md 4.1, 4.3.
//
//   RSI_IPA_STATE_SET -> exit RIPAS_CHANGE -> KVM_EXIT_MEMORY_FAULT, the VMM converts -> RMI_RTT_SET_RIPAS ... -> RMI_REC_ENTER

#include "platform/cca/rmi.hpp"

#include <cstdint>

namespace gmem::platform::cca {

enum class Rsi : std::uint8_t { success = 0, error_input = 1 };

// Frames [base, top), and what the guest wants them to be.
struct RipasChange final {
    std::uint64_t base, top;
    Ripas ripas;          // ram or empty
    bool destroyed_too;   // RSI_CHANGE_DESTROYED: entries that the host destroyed as well

    constexpr bool to_private() const noexcept { return ripas == Ripas::ram; } // KVM_MEMORY_EXIT_FLAG_PRIVATE of the exit
};

// What the guest finds after its call.
struct RipasAnswer final {
    std::uint64_t progress; // frames below are done
    bool rejected;
};

class Rec final {
public:
    explicit Rec(AddressSpace space) noexcept : space_ { space } {}

    // RSI_IPA_STATE_SET. Success: the vCPU exits with pending(). error_input: an empty range, or not within the protected half, or a RIPAS that
    // no guest may ask for; the guest goes on at once.
    Rsi ipa_state_set(RipasChange const &) noexcept;

    bool changing() const noexcept { return changing_; }
    // While changing(): what is left of it.
    RipasChange pending() const noexcept { return { progress_, change_.top, change_.ripas, change_.destroyed_too }; }

    // RMI_RTT_SET_RIPAS for frames [base, top), whose pages begin with `first`: until an entry is met that may not be changed. error_input:
    // nobody asked for that, or it is not the next part. error_rtt: not even the first.
    RmiResult set_ripas(Pages &, PageNo first, std::uint64_t base, std::uint64_t top) noexcept;

    // RMI_REC_ENTER, with the flag RIPAS_RESPONSE = reject or without: the guest's call returns. Only while changing().
    // assumption: only a change to RAM can be rejected, and one that is complete cannot.
    RipasAnswer enter(bool reject) noexcept;

private:
    AddressSpace space_;
    bool changing_ { false };
    RipasChange change_ {};
    std::uint64_t progress_ { 0 };
};

} // namespace gmem::platform::cca
