#pragma once
// Open file descriptions: what several descriptors, in one process or many, may have in common.

#include "os/syscall.hpp"

namespace gmem::os {

// Do both numbers of this process stand for one open file description? False also where the kernel does not tell.
bool same_description(int a, int b) noexcept;

// Do both numbers stand for ends of one pipe?
bool same_pipe(int a, int b) noexcept;

// FIONREAD: bytes that wait in a pipe. Either end may be asked. Or -errno.
long bytes_waiting(int fd) noexcept;

bool writable(int fd) noexcept;
// O_DIRECT on a file or a disk: a pipe means something else by it.
bool is_direct(int fd) noexcept;

// Calls `visit(number)` for every descriptor of this process until it says true; that number, or -1.
using DescriptorVisit = bool (*)(int fd, void *context);
int find_descriptor(DescriptorVisit visit, void *context) noexcept;

} // namespace gmem::os
