#include "kvm/mode.hpp"

namespace gmem::kvm {
namespace {

constinit Mode chosen {};

}

Mode Mode::current() noexcept { return chosen; }
void Mode::choose(Mode m) noexcept { chosen = m; }

} // namespace gmem::kvm
