#include "kvm/scripted/choice.hpp"

namespace gmem::kvm::scripted {
namespace {

constinit Processors chosen { Processors::real };

}

Processors processors() noexcept { return chosen; }
void choose(Processors p) noexcept { chosen = p; }

} // namespace gmem::kvm::scripted
