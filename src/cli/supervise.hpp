#pragma once
// gmem run's own process, while the program runs as its child: it passes on what is meant for the program, and ends as the program ends.

#include <functional>

namespace gmem::cli {

// Forks; the child calls `become` (which returns only when it fails, with an exit status). The parent passes signals that processes send to it on to the
// child, and waits for it; it calls `begun` first. Returns waitpid's status, or -1: no process could be made.
int supervise(std::function<int()> const &become, std::function<void()> const &begun);

// Ends this process as a child with such a status ended: by its exit status, or by the signal that it died of, without a core file of ours.
[[noreturn]] void end_as(int status);

} // namespace gmem::cli
