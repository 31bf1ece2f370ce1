#pragma once
// One line to the person who runs the program, on standard error: for what they must know and cannot find out otherwise.

#include <string_view>

namespace gmem::os {

void say(std::string_view text) noexcept;

} // namespace gmem::os
