#pragma once
// References to pages that somebody holds (GUP, DMA maps, registered buffers): sections 2.5, 3.1 and 4.4.

#include "spec/state.hpp"

namespace gmem::spec {

// Pages [first, last) get one more pin each. A pin is taken through a host mapping: a page that cannot be touched cannot be pinned
// (4.1, GUP fails with EFAULT), and then none of them is.
int pin(File &file, std::uint64_t first, std::uint64_t last);
void unpin(File &file, std::uint64_t first, std::uint64_t last);

// 2.4: the first page of [first, last) that is in use, ascending.
std::optional<std::uint64_t> first_pinned(File const &file, std::uint64_t first, std::uint64_t last);

} // namespace gmem::spec
