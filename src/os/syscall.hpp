#pragma once
// The one place where gmem enters the kernel. Results are the kernel's own: >= 0, or -errno. libc's errno is never touched,
// interposed symbols are never called, no cancellation point is passed: this runs inside somebody else's process.

#include "os/seccomp.hpp"

#include <sys/syscall.h>

#ifdef GMEM_FAILURE_POINTS
#include "os/failure_points.hpp"
#endif

#if !defined(__x86_64__)
#error "gmem talks to x86-64 Linux; another architecture needs its own syscall.hpp"
#endif

namespace gmem::os {

// The bare instruction, for code that has no TLS and must not be instrumented.
[[gnu::always_inline]] inline long bare_syscall(long nr, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) noexcept
{
    long result;
    register long r10 asm("r10") { d };
    register long r8 asm("r8") { e };
    register long r9 asm("r9") { f };
    asm volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}

template <typename T>
long word(T v) noexcept
{
    if constexpr (__is_enum(T))
        return static_cast<long>(v);
    else if constexpr (requires { static_cast<long>(v); })
        return static_cast<long>(v);
    else
        return reinterpret_cast<long>(v);
}

// For a thread that the program restricted with seccomp: does itself what is allowed, has the rest done by the helper.
long restricted_call(long nr, long const (&arguments)[6]) noexcept;

// What such a thread answers where it may not even ask who it is.
extern int own_process_id;

// system_call(SYS_madvise, address, length, MADV_DONTNEED): integers and pointers as they come.
template <typename... Args>
long system_call(long nr, Args... args) noexcept
{
#ifdef GMEM_FAILURE_POINTS
    if (auto const err { failure_at_call(nr) })
        return -err;
#endif
    if (Restrictions::any()) [[unlikely]] {
        long const words[6] { word(args)... };
        return restricted_call(nr, words);
    }
    return bare_syscall(nr, word(args)...);
}

constexpr bool failed(long result) noexcept { return result < 0 && result >= -4095; }

} // namespace gmem::os
