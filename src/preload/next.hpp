#pragma once
// The next definition of an interposed symbol: libc's, a sanitizer's, another preload's. Foreign calls go there, so cancellation
// points, fork handlers and other people's hooks keep working.

#include <atomic>
#include <cstddef>

namespace gmem::preload {

class NextSymbol final {
public:
    constexpr explicit NextSymbol(char const *name) noexcept : name_ { name } {}

    void *get() noexcept
    {
        void *const known { address_.load(std::memory_order_acquire) };
        return known ? known : resolve();
    }

private:
    void *resolve() noexcept;

    char const *name_;
    std::atomic<void *> address_ { nullptr };
};

} // namespace gmem::preload

// Calls the next definition: GMEM_NEXT(close)(fd).
#define GMEM_NEXT(function)                                                                       \
    (*reinterpret_cast<decltype(&::function)>([]() noexcept {                                     \
        static constinit ::gmem::preload::NextSymbol next_symbol { #function };                          \
        return next_symbol.get();                                                                     \
    }()))
