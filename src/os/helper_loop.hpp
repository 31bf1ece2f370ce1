#pragma once
// What passes between a thread that asks and the helper thread that does: one system call at a time.

#include <atomic>
#include <cstdint>

namespace gmem::os {

enum class RequestState : std::uint32_t { idle, posted, done };

struct HelperRequest final {
    std::atomic<std::uint32_t> state { 0 }; // RequestState; both sides wait on it as a futex
    long nr { 0 };
    long arguments[6] {};
    long result { 0 };
};

inline constexpr unsigned most_kept_descriptors { 1024 };

// What the helper is born with. Lives as long as the process.
struct HelperBirth final {
    HelperRequest *request { nullptr };
    std::uint32_t *liveness { nullptr }; // held through a robust list: the kernel marks it when this process is gone
    int kept[most_kept_descriptors] {};  // ascending: the descriptors that stay open in the private table
    unsigned kept_count { 0 };
};

// Starts the thread: a descriptor table of its own, everything else shared. Returns its tid, or -errno.
long start_helper_thread(HelperBirth *birth, void *stack_top, void *tls) noexcept;

} // namespace gmem::os
