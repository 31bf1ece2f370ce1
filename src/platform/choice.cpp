#include "platform/choice.hpp"

namespace gmem::platform {
namespace {

constinit Choice chosen {};

}

Choice Choice::current() noexcept { return chosen; }
void Choice::choose(Choice c) noexcept { chosen = c; }

} // namespace gmem::platform
