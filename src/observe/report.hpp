#pragma once
// Asks who reads the session's log to look at once, because something in it is to be told to a person: gmem run's reports.

namespace gmem::observe {

class Report final {
public:
    // Does somebody read the log, and tell?
    static bool is_told() noexcept;

    // What was noted last is worth telling now. Nobody waits.
    static void ask() noexcept;

    // The same by a thread that is about to die: returns when the reader has looked, at the latest after 10 s; at once where nobody reads.
    static void ask_and_wait() noexcept;
};

} // namespace gmem::observe
