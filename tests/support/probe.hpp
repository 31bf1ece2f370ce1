#pragma once
// What an access to an address does: the value read, or the SIGBUS it raises. Safe in every thread.

#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <optional>
#include <unistd.h>

namespace gmem::test {

struct Probe final {
    std::optional<unsigned char> value; // empty: SIGBUS
    std::uintptr_t fault_address { 0 };
    int fault_code { 0 };

    bool readable() const { return value.has_value(); }
};

namespace detail {

inline thread_local sigjmp_buf escape;
inline thread_local volatile sig_atomic_t probing { 0 };
inline thread_local siginfo_t seen;

inline void on_sigbus(int, siginfo_t *info, void *)
{
    if (!probing)
        _exit(99); // a SIGBUS that nobody asked for: the invariant is broken
    seen = *info;
    siglongjmp(escape, 1);
}

} // namespace detail

// Once, before the first gmem: gmem's handler then hands over to this one.
inline void install_probe()
{
    struct sigaction action {};
    action.sa_sigaction = detail::on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, nullptr);
}

enum class Access { read, write };

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
__attribute__((no_sanitize("address", "thread")))
#endif
inline Probe probe(void *address, Access access = Access::read)
{
    Probe result;
    detail::probing = 1;
    if (sigsetjmp(detail::escape, 1) == 0) {
        auto *const byte { static_cast<volatile unsigned char *>(address) };
        auto const value { *byte };
        if (access == Access::write)
            *byte = value;
        result.value = value;
    } else {
        result.fault_address = reinterpret_cast<std::uintptr_t>(detail::seen.si_addr);
        result.fault_code = detail::seen.si_code;
    }
    detail::probing = 0;
    return result;
}

} // namespace gmem::test
