#include "observe/who.hpp"

#include "os/syscall.hpp"

#include <atomic>

namespace gmem::observe {
namespace {

constinit std::atomic<std::uint32_t> generation { 1 };

struct Remembered final {
    std::uint32_t generation;
    Who who;
};
// Of a library that is there from the start: no allocation at the first use.
[[gnu::tls_model("initial-exec")]] constinit thread_local Remembered remembered { 0, { 0, 0 } };

} // namespace

Who who() noexcept
{
    auto const now { generation.load(std::memory_order_relaxed) };
    if (remembered.generation != now) [[unlikely]]
        remembered = { now, { static_cast<std::uint32_t>(os::system_call(SYS_getpid)), static_cast<std::uint32_t>(os::system_call(SYS_gettid)) } };
    return remembered.who;
}

void forget_who() noexcept { generation.fetch_add(1, std::memory_order_relaxed); }

} // namespace gmem::observe
