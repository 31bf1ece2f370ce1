#pragma once
// kvm_run after an exit, as a scenario speaks of it.

#include "driver/guest.hpp"
#include "player/seen.hpp"

namespace gmem::player {

// nullopt: KVM_RUN failed, and not as a memory fault.
std::optional<ExitSeen> exit_seen(driver::Guest const &guest, driver::Exit exit);

} // namespace gmem::player
