#pragma once
// What holds pages and cannot be seen: said once, when it is met while gmems exist (docs/limits.md).

#include <cstdint>

namespace gmem::preload {

enum class Unseen : std::uint8_t { vhost, ring_entries };

// Cheap after the first time.
void met(Unseen what) noexcept;

} // namespace gmem::preload
