#pragma once
// What must be in place before the first gmem of a process, whichever door it comes through.

namespace gmem::library {

// Reads the GMEM_ variables that `gmem run` sets and registers the fork handlers. Idempotent, any thread. In the preload library
// it runs at load, so that its fork handlers are the first in a child.
void prepare_process() noexcept;

} // namespace gmem::library
