#pragma once
// gmem in this process: the helper thread, the userfaultfd, the policy. Started by the first gmem; until then a process under
// `gmem run` has no thread and no descriptor of ours.
//
// Invariants:
//   P1  started() implies that the helper runs and holds every hidden descriptor.
//   P2  the engine never changes after start; the opening policy changes only by set_opening().

#include "base/result.hpp"
#include "memory/opening.hpp"
#include "os/clock.hpp"
#include "os/hidden_fd.hpp"
#include "os/mutex.hpp"
#include "os/own_copy.hpp"

namespace gmem::memory {

enum class Engine : std::uint8_t { userfaultfd, overlay };

constexpr char const *name(Engine e) noexcept { return e == Engine::userfaultfd ? "userfaultfd" : "overlay"; }

// What the user asked for; empty: choose by probing.
struct Wishes final {
    std::optional<Engine> engine;
    Opening opening { Opening::automatic };
    os::Nanoseconds peer_timeout { os::milliseconds(100) };
};

class Process final {
public:
    // Must come before start(); the CLI has checked the words, so unknown ones are ignored here.
    static void wish(Wishes w) noexcept { wishes_ = w; }

    // Idempotent. Fails with the errno of what is missing; then nothing of ours is left behind.
    static Status start() noexcept;
    static bool started() noexcept { return os::Helper::running(); }

    static Engine engine() noexcept { return engine_; }
    static os::HiddenFd &userfaultfd() noexcept { return userfaultfd_; }
    static os::HelperFd empty_file() noexcept { return empty_file_; }
    static os::OwnCopy &empty_copy() noexcept { return empty_copy_; }

    // The way of opening in force, never `automatic`: see docs/windows.md.
    static Opening opening() noexcept { return opening_; }
    static void set_opening(Opening wished) noexcept;

    // How long a conversion waits for a process that does not close its windows: then EAGAIN, and a line that names it.
    static os::Nanoseconds peer_timeout() noexcept { return wishes_.peer_timeout; }

    // In a forked child: a new helper that holds `kept` (ascending), a new userfaultfd.
    static Status restart_in_child(int const *kept, unsigned kept_count) noexcept;

private:
    static Status begin(int const *kept, unsigned kept_count) noexcept;
    static Opening policy(Opening wished) noexcept;

    static Wishes wishes_;
    static Engine engine_;
    static Opening opening_;
    static os::HiddenFd userfaultfd_;
    static os::HelperFd empty_file_;
    static os::OwnCopy empty_copy_;
    static os::Mutex start_lock_;
};

} // namespace gmem::memory
