#pragma once
// Processes that live beside the driver and do one thing at a time for it: forked from the driver or from each other, so each has the
// handles and windows of its parent. Questions and answers go through memory that all of them have.

#include "tests/generated/subject.hpp"
#include "tests/generated/touch.hpp"

#include <array>
#include <span>
#include <sys/types.h>

namespace gmem::generated {

struct Question final {
    enum class What : std::uint32_t { look, write, convert, fallocate, map, unmap, close, import_file, pin, unpin, fork, leave } what;
    Handle file { 0 };
    std::uint64_t address { 0 }, offset { 0 }, length { 0 }, value { 0 };
};

struct PeerAnswer final {
    static constexpr std::size_t most_looks { 64 };

    int err { 0 };
    Handle handle { 0 };         // of a file or a pin; the pid of a fork
    std::uint64_t address { 0 };
    spec::Outcome outcome {};
    std::array<Touched, most_looks> seen {};
};

// One place in the shared memory for each process; pids are the driver's matter.
class Peers final {
public:
    static constexpr unsigned most { 7 };

    // Before the first fork of the program.
    static void prepare();

    // A process at the free place `place`, forked from this one; pins of this one are not its own. Its pid, or -errno.
    static pid_t fork_from_driver(Subject &subject, unsigned place, std::span<Handle const> pins);
    // Only asks.
    static void tell(unsigned place, Question const &q);
    // The answer; nothing when the process died or was silent for a minute.
    static PeerAnswer const *ask(unsigned place, pid_t pid, Question const &q);
    // A descriptor on its way to the peer, before the question import_file.
    static bool send(unsigned place, int fd);
    // Returns when the process has gone.
    static void wait_for_end(pid_t pid);
};

} // namespace gmem::generated
