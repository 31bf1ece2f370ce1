#pragma once
// What passes between a thread that asks and the helper thread that does: one system call at a time.

#include <atomic>
#include <cstdint>

namespace gmem::os {

enum class RequestState : std::uint32_t { idle, posted, done };

// Not a system call: a bare thread that shares the helper's descriptors. Argument 0: a BareThread.
inline constexpr long start_thread_request { -1 };

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
    int kept[most_kept_descriptors] {}; // ascending: the descriptors that stay open in the private table
    unsigned kept_count { 0 };
};

// The helper's life. `birth` is a HelperBirth.
void serve_requests(void *birth) noexcept;

} // namespace gmem::os
