// libgmem-preload.so: gmem inside somebody else's process.
//
// House rules of this folder
//   1. gmem's own work uses raw system calls (os/); a foreign call goes to the next definition of its symbol.
//   2. On a path taken for a foreign descriptor: no malloc, stdio, locks or exceptions. One array lookup.
//   3. Async-signal-safe everywhere: our SIGBUS handler may interrupt the program anywhere, and its handlers may interrupt ours.
//   4. Survives fork, vfork, exec, close_range, dup, and calls before this constructor has run.
//   5. Exports the interposed names and nothing else (exports.map); needs libc and nothing else. Tests diff both.
//   6. Success leaves errno alone.

#include "library/prepare.hpp"
#include "memory/sigbus.hpp"
#include "preload/arrivals.hpp"
#include "os/signal_calls.hpp"
#include "preload/forks.hpp"
#include "preload/processor.hpp"

#include <pthread.h>

namespace gmem::preload {
namespace {

// The mask that exec handed down: a SIGBUS that really is blocked (by who is not under gmem, or by posix_spawn) is so no more.
void take_over_mask() noexcept
{
    using memory::Sigbus;
    Sigbus::translate_masks();
    auto const mask { os::signal_mask() };
    if (!(mask & (Sigbus::bit | Sigbus::stand_in_bit)))
        return;
    (void)Sigbus::install();
    if (mask & Sigbus::bit)
        os::set_signal_mask(Sigbus::to_kernel(mask));
}

[[gnu::constructor]] void start() noexcept
{
    process_is_this();
    take_over_mask();
    Processor::begin();
    library::prepare_process(); // its fork handlers are registered before the program's, so they run first in a child
    welcome_inherited();
    pthread_atfork(nullptr, nullptr, &in_child);
}

} // namespace
} // namespace gmem::preload
