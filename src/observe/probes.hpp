#pragma once
// USDT probes gmem:KIND at the events that have a file or a VM, for bpftrace and perf: docs/traces.md. A probe is a nop and a note in the file until somebody
// attaches to it. Built without sys/sdt.h there are none.

#include "observe/event.hpp"

#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define GMEM_PROBE(name, e) STAP_PROBE12(gmem, name, (e).file, (e).offset, (e).size, (e).result, (e).duration, (e).detail, (e).value, (e).at, (e).more[0], (e).more[2], (e).more[3], (e).more[4])
#else
#define GMEM_PROBE(name, e) static_cast<void>(e)
#endif

namespace gmem::observe {

// arg0 file, arg1 offset, arg2 size, arg3 result, arg4 duration, arg5 detail, arg6 value, arg7 at, arg8 more[0], arg9 more[2], arg10 more[3], arg11 more[4].
inline void fire(Event const &e) noexcept
{
    switch (e.kind) {
    case Kind::create:        GMEM_PROBE(create, e); break;
    case Kind::release:       GMEM_PROBE(release, e); break;
    case Kind::map:           GMEM_PROBE(map, e); break;
    case Kind::unmap:         GMEM_PROBE(unmap, e); break;
    case Kind::convert:       GMEM_PROBE(convert, e); break;
    case Kind::punch:         GMEM_PROBE(punch, e); break;
    case Kind::allocate:      GMEM_PROBE(allocate, e); break;
    case Kind::policy:        GMEM_PROBE(policy, e); break;
    case Kind::bind:          GMEM_PROBE(bind, e); break;
    case Kind::unbind:        GMEM_PROBE(unbind, e); break;
    case Kind::pin:           GMEM_PROBE(pin, e); break;
    case Kind::unpin:         GMEM_PROBE(unpin, e); break;
    case Kind::access:        GMEM_PROBE(access, e); break;
    case Kind::kernel_access: GMEM_PROBE(kernel_access, e); break;
    case Kind::recover:       GMEM_PROBE(recover, e); break;
    case Kind::vm_attributes: GMEM_PROBE(vm_attributes, e); break;
    case Kind::memory_fault:  GMEM_PROBE(memory_fault, e); break;
    case Kind::hypercall:     GMEM_PROBE(hypercall, e); break;
    case Kind::guest_access:  GMEM_PROBE(guest_access, e); break;
    case Kind::host_access:   GMEM_PROBE(host_access, e); break;
    case Kind::pre_fault:     GMEM_PROBE(pre_fault, e); break;
    case Kind::launch:        GMEM_PROBE(launch, e); break;
    case Kind::silent_peer:   GMEM_PROBE(silent_peer, e); break;
    case Kind::injected:      GMEM_PROBE(injected, e); break;
    case Kind::told:          GMEM_PROBE(told, e); break;
    case Kind::nothing: // these are for the log's readers
    case Kind::process:
    case Kind::module_:
    case Kind::stack:         break;
    }
}

} // namespace gmem::observe
