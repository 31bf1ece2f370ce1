#pragma once
// Threads without libc: no TLS of their own, no stack guard, no signal ever. What they run may not be instrumented, protected by a
// stack canary, or call anything that is (src/CMakeLists.txt sees to the flags); inline functions that they use are always_inline.

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>

namespace gmem::os {

using BareEntry = void (*)(void *argument); // never returns: it ends with exit_bare_thread()

// Whose descriptors the thread has.
enum class BareTable : long { own_copy, of_the_starter };

// Where a bare thread stands. `tls` is a page that stands where a TLS block would be.
struct BareThread final {
    BareEntry entry;
    void *argument;
    std::byte *stack_top;
    void **tls;
    std::uint32_t *alive; // may be null; otherwise the kernel zeroes it and wakes a futex waiter when the thread is gone
    BareTable table;
};

// Everything else is shared with the caller, whose signals must be blocked: the mask is inherited. The tid, or -errno.
long start_bare_thread(BareThread const &how) noexcept;

// The same for a thread that runs as long as the process, on a stack of its own with the caller's descriptors.
Status start_bare_thread(BareEntry entry, void *argument) noexcept;

[[noreturn]] void exit_bare_thread() noexcept;

} // namespace gmem::os
