#pragma once
// Draws sequences that are worth running: mostly legal calls about pages that exist, with every kind of wrong number between them.

#include "tests/generated/choices.hpp"

namespace gmem::generated {

// At most `most` operations, fewer when the choices end. Starts with a VM, a file and a window on it.
Sequence draw_sequence(Choices &c, std::size_t most);

} // namespace gmem::generated
