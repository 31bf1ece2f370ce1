#include "memory/gate.hpp"

#include "memory/overlay_gate.hpp"
#include "memory/process.hpp"
#include "memory/userfaultfd_gate.hpp"

// The engine is chosen once for the process: a branch that is always predicted.
#define GMEM_GATE(call) (Process::engine() == Engine::userfaultfd ? userfaultfd_gate::call : overlay_gate::call)

namespace gmem::memory::gate {

Status arm(Window &w) noexcept { return GMEM_GATE(arm(w)); }
Status close_all_again(Window &w) noexcept { return GMEM_GATE(close_all_again(w)); }
Status close(Window &w, PageRange r) noexcept { return GMEM_GATE(close(w, r)); }
Status can_open(Window &w, PageRange r) noexcept { return GMEM_GATE(can_open(w, r)); }
void open(Window &w, PageRange r, Opening how) noexcept { GMEM_GATE(open(w, r, how)); }
Status reopen(Window &w, PageNo p) noexcept { return GMEM_GATE(reopen(w, p)); }
void open_lazily(Window &w, PageRange r) noexcept { GMEM_GATE(open_lazily(w, r)); }

} // namespace gmem::memory::gate
