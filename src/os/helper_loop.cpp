// The helper thread's own code: a bare thread (os/bare_thread.hpp).

#include "os/helper_loop.hpp"

#include "os/bare_thread.hpp"
#include "os/syscall.hpp"

#include <linux/futex.h>

namespace gmem::os {
namespace {

// A private copy of everything the program had open would keep its pipes and sockets alive.
void close_all_but_kept(HelperBirth const &birth) noexcept
{
    unsigned from { 0 };
    for (unsigned i { 0 }; i <= birth.kept_count; ++i) {
        auto const last { i < birth.kept_count };
        unsigned const to { last ? static_cast<unsigned>(birth.kept[i]) : ~0u };
        if (to > from || !last)
            bare_syscall(SYS_close_range, from, last ? to - 1 : to, 0);
        from = to + 1;
    }
}

} // namespace

void serve_requests(void *argument) noexcept
{
    auto const *const birth { static_cast<HelperBirth const *>(argument) };
    close_all_but_kept(*birth);

    HelperRequest *const request { birth->request };
    auto *const state { reinterpret_cast<std::uint32_t *>(&request->state) };
    constexpr auto posted { static_cast<std::uint32_t>(RequestState::posted) };
    constexpr auto done { static_cast<std::uint32_t>(RequestState::done) };

    // Tell the starter that the private table is ready.
    __atomic_store_n(state, done, __ATOMIC_RELEASE);
    bare_syscall(SYS_futex, reinterpret_cast<long>(state), FUTEX_WAKE, 1);

    for (;;) {
        std::uint32_t const seen { __atomic_load_n(state, __ATOMIC_ACQUIRE) };
        if (seen != posted) {
            bare_syscall(SYS_futex, reinterpret_cast<long>(state), FUTEX_WAIT, seen, 0);
            continue;
        }
        long const *const a { request->arguments };
        request->result = request->nr == start_thread_request ? start_bare_thread(*reinterpret_cast<BareThread const *>(a[0]))
                                                              : bare_syscall(request->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
        __atomic_store_n(state, done, __ATOMIC_RELEASE);
        bare_syscall(SYS_futex, reinterpret_cast<long>(state), FUTEX_WAKE, 1);
    }
}

} // namespace gmem::os
