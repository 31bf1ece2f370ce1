#include "memory/silent_process.hpp"

#include "base/text.hpp"
#include "observe/recording.hpp"
#include "os/say.hpp"

#include <atomic>

namespace gmem::memory {

void report_silent_process(std::uint64_t file, int pid, char const *deed, os::Nanoseconds waited) noexcept
{
    (void)observe::note(observe::Kind::silent_peer, { .file = file, .more = { static_cast<std::uint64_t>(pid), 0, static_cast<std::uint64_t>(raw(waited)) } });
    static constinit std::atomic<int> last_reported { 0 };
    if (last_reported.exchange(pid, std::memory_order_relaxed) == pid)
        return;
    char line[256];
    Text text { line };
    text << "pages stay shared (EAGAIN): process " << pid << " " << deed << " within " << static_cast<int>(raw(waited) / 1'000'000) << " ms; is it stopped?";
    os::say(text.view());
}

} // namespace gmem::memory
