#include "crypto/primitives.hpp"

#include <atomic>

namespace gmem::crypto {
namespace {

constinit std::atomic<Primitives const *> installed { nullptr };

}

Primitives const *primitives() noexcept { return installed.load(std::memory_order_acquire); }

void install(Primitives const &p) noexcept
{
    Primitives const *none { nullptr };
    installed.compare_exchange_strong(none, &p, std::memory_order_acq_rel);
}

} // namespace gmem::crypto
