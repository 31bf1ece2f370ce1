#pragma once
// KVM_ARM_RMI_POPULATE for one page: what a realm finds there when it starts. platform-models.md 4.3; guest_memfd specification 5.4.

#include "base/result.hpp"
#include "platform/cca/realm.hpp"

#include <cstddef>
#include <cstdint>

namespace gmem::platform::cca {

// Delegates the page and fills it with `source`, a page of the host's. The RMM wants source and destination to be different granules: in place (no source)
// the bytes that are there have to be carried around through `bounce`, a page of the host's, wiped afterwards. `measure` is the MEASURE flag.
//   EOPNOTSUPP  neither a source nor a bounce page
//   ENXIO       the RMM refuses: the realm runs, the IPA is not RAM yet or not protected, the granule is in use. As far as the page was delegated for
//               this call it is given back, wiped: its bytes are lost, as on hardware
//   ENOMEM      no hash function
Status populate(Realm &, Pages &, PageNo, std::uint64_t frame, std::byte const *source, bool measure, std::byte *bounce = nullptr) noexcept;

} // namespace gmem::platform::cca
