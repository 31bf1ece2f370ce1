#pragma once

#include <cstdint>

namespace gmem::platform {

// Did a guest ask its VMM for a conversion, where the platform keeps account of that (pKVM)? platform-models.md 3.3.
enum class Solicited : std::uint8_t { no, yes };

} // namespace gmem::platform
