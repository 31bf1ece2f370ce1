#pragma once
// The log of this process's session: append() may be called from any thread, signal handler and lock. Nothing waits for anybody.

#include "observe/log_layout.hpp"

#include <cstddef>
#include <span>

namespace gmem::observe {

class Log final {
public:
    // Is there one? What is not asked for costs this.
    static bool on() noexcept { return header_.load(std::memory_order_relaxed) != nullptr; }

    // From now on events go there: `begin` is a mapping of bytes_of_log() of a log that create() made, kept for ever.
    static void use(std::byte *begin) noexcept;
    static void use_nothing() noexcept { header_.store(nullptr, std::memory_order_release); }
    static LogHeader *header() noexcept { return header_.load(std::memory_order_acquire); }

    // Writes a header into zeroed memory. `capacity` in slots.
    static void create(std::byte *begin, Keep keep, std::uint64_t capacity, std::uint64_t monotonic, std::uint64_t realtime) noexcept;

    // The event's number; EventNo::none where it was dropped, or there is no log. `behind`: what bytes_behind(e) says.
    static EventNo append(Event const &e, std::span<std::byte const> behind = {}) noexcept;

    // What of event n is known only later: where it is still in its place.
    static void amend(EventNo n, Event const &now) noexcept;
    // Event n did not happen after all: readers pass over it.
    static void withdraw(EventNo n) noexcept;

    // Is event n still in its place?
    static bool keeps(EventNo n) noexcept;

private:
    static bool make_room(LogHeader &h, std::uint64_t end) noexcept;
    static std::atomic<LogHeader *> header_;
};

} // namespace gmem::observe
