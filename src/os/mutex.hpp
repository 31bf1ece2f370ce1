#pragma once
// A futex mutex of one process, and locks that the compiler checks.

#include <atomic>
#include <cstdint>

#if defined(__clang__)
#define GMEM_THREAD_SAFETY(x) __attribute__((x))
#else
#define GMEM_THREAD_SAFETY(x)
#endif
#define GMEM_CAPABILITY(name) GMEM_THREAD_SAFETY(capability(name))
#define GMEM_SCOPED_CAPABILITY GMEM_THREAD_SAFETY(scoped_lockable)
#define GMEM_GUARDED_BY(m) GMEM_THREAD_SAFETY(guarded_by(m))
#define GMEM_REQUIRES(...) GMEM_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define GMEM_ACQUIRE(...) GMEM_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define GMEM_RELEASE(...) GMEM_THREAD_SAFETY(release_capability(__VA_ARGS__))
#define GMEM_EXCLUDES(...) GMEM_THREAD_SAFETY(locks_excluded(__VA_ARGS__))
#define GMEM_RETURNS_LOCK(m) GMEM_THREAD_SAFETY(lock_returned(m))
#define GMEM_NO_THREAD_SAFETY GMEM_THREAD_SAFETY(no_thread_safety_analysis)

namespace gmem::os {

// Zero-filled memory is an unlocked Mutex. Not recursive. The owner must have signals blocked (SignalsBlocked): a handler
// of the program that runs on the owner's thread and touches a window would wait for itself.
class GMEM_CAPABILITY("mutex") Mutex final {
public:
    void lock() noexcept GMEM_ACQUIRE()
    {
        std::uint32_t expected { free };
        if (!state_.compare_exchange_strong(expected, held, std::memory_order_acquire))
            lock_contended();
    }
    void unlock() noexcept GMEM_RELEASE()
    {
        if (state_.exchange(free, std::memory_order_release) == contended)
            wake_one();
    }
    // After fork, in the child: the thread that held a process-private lock may not exist here.
    void reset_after_fork() noexcept { state_.store(free, std::memory_order_relaxed); }
    // For bare_lock() (os/bare_lock.hpp), which speaks the same protocol.
    std::uint32_t *word() noexcept { return reinterpret_cast<std::uint32_t *>(&state_); }

private:
    enum : std::uint32_t { free, held, contended }; // bare_lock() knows the numbers

    void lock_contended() noexcept;
    void wake_one() noexcept;

    std::atomic<std::uint32_t> state_ { free };
};
static_assert(sizeof(Mutex) == 4 && std::atomic<std::uint32_t>::is_always_lock_free);

class GMEM_SCOPED_CAPABILITY Locked final {
public:
    explicit Locked(Mutex &m) noexcept GMEM_ACQUIRE(m) : m_ { m } { m_.lock(); }
    ~Locked() GMEM_RELEASE() { m_.unlock(); }
    Locked(Locked const &) = delete;

private:
    Mutex &m_;
};

} // namespace gmem::os
