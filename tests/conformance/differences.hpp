#pragma once
// Where the running kernel answers otherwise than the specification, and why. A difference that is not here fails.

#include "tests/conformance/subject.hpp"

#include <cerrno>

namespace gmem::conformance::differences {

// Specification 6.1 (13): overlap of file ranges is EEXIST. Kernels up to 6.18 answer EINVAL (the check was moved to the commit of
// the slot later, section 9.7); those are told by having no VMs of type SW_PROTECTED.
inline int binding_overlap(int specified) { return specified == EEXIST && !Offer::here().has_private_vms ? EINVAL : specified; }

} // namespace gmem::conformance::differences
