#pragma once
// Descriptors of gmems that another process made: they come over a socket, or are there when a program begins.

#include <sys/socket.h>

namespace gmem::preload {

// What a received message carries. Nothing to do, and nothing asked, where it carries no descriptors.
void welcome(msghdr const &message) noexcept;

// What this process was born with: exec closes neither a gmem's descriptor without FD_CLOEXEC nor asks anybody.
void welcome_inherited() noexcept;

} // namespace gmem::preload
