#pragma once
// What a conversion asks of the trusted side. The order is fixed by the caller:
//   veto -> (point of no return) -> make_shared, before the host can look.

#include "attributes/attribute.hpp"
#include "base/result.hpp"

#include <concepts>

namespace gmem::platform {

template <typename P>
concept Platform = requires(P p, PageRange r, Attribute to) {
    { P::name } -> std::convertible_to<char const *>;
    { p.veto(r, to) } noexcept -> std::same_as<Status>;    // may refuse; must not change anything
    { p.make_shared(r) } noexcept -> std::same_as<void>;   // to-shared only; may not refuse
};

} // namespace gmem::platform
