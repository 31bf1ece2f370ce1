#pragma once
// A realm before it runs: its life and its measurement. One a VM, in the process that creates the VM; not shared.
// platform-models.md 4.1, 4.4. Measured with crypto::primitives(); no_hash where they are not there, or have no memory.
//
//   none --create--> created (NEW) --activate--> active
//
// A command that does not succeed has changed nothing.

#include "platform/cca/rmi.hpp"
#include "platform/measure/cca_digest.hpp"

#include <cstdint>
#include <optional>

namespace gmem::platform::cca {

class Realm final {
public:
    enum class State : std::uint8_t { none, created, active };

    // RMI_REALM_CREATE. error_input: IPAs of other than 32 to 52 bits, or a hash that the RMM does not know. error_realm: there is one already
    // (the RMM: another granule is the realm's descriptor).
    RmiResult create(measure::CcaRealm const &, crypto::Hash) noexcept;
    // RMI_REALM_ACTIVATE: the measurement is final. KVM does it before the first vCPU runs. The VM's files hear of it from the caller (VmState::phase).
    RmiResult activate() noexcept;

    // RMI_RTT_INIT_RIPAS for a page after the other, until one cannot: `done` is how many pages are RAM now. error_rtt: not even the first. Measured as
    // one range.
    RmiResult init_ripas(Pages &, PageRange, std::uint64_t first_frame, std::uint64_t &done) noexcept;

    // RMI_DATA_CREATE (RTT_DATA_MAP_INIT): a delegated granule becomes the page at an IPA that is RAM, with the bytes of `source`, a whole
    // page of the host's. error_input: the source is not the host's, is the granule itself, or is not there; the granule is not
    // delegated; the IPA is not protected. error_realm: the realm runs.
    RmiResult data_create(Pages &, PageNo, std::uint64_t frame, std::byte const *source, bool measure) noexcept;

    // RMI_REC_CREATE, of which only the measurement matters here.
    RmiResult rec_create(measure::CcaRec const &) noexcept;

    State state() const noexcept { return state_; }
    AddressSpace space() const noexcept { return space_; }
    // Of 32 or 64 bytes, by the realm's hash; of none before create().
    measure::Measurement rim() const noexcept { return rim_ ? rim_->value() : measure::Measurement {}; }

private:
    State state_ { State::none };
    AddressSpace space_ {};
    std::optional<measure::CcaDigest> rim_ {};
};

} // namespace gmem::platform::cca
