#pragma once
// Host access through a window: section 4.1. The same for every window, thread and process.

#include "spec/state.hpp"

namespace gmem::spec {

enum class AccessOutcome : std::uint8_t { works, sigbus };

// At byte `offset` of the file. Reads and writes behave the same; in system calls SIGBUS is EFAULT.
inline AccessOutcome access(File const &file, std::uint64_t offset)
{
    if (offset >= file.size())
        return AccessOutcome::sigbus; // 4.1 (1)
    return file.pages[offset / page_size].state == PageState::shared ? AccessOutcome::works : AccessOutcome::sigbus; // (2)
}

// A system call that is handed [offset, offset + length) of the file: all of it, or EFAULT (4.1, last paragraph).
inline bool kernel_can_access(File const &file, std::uint64_t offset, std::uint64_t length)
{
    for (auto p { offset / page_size }; p <= (offset + length - 1) / page_size; ++p)
        if (access(file, p * page_size) == AccessOutcome::sigbus)
            return false;
    return true;
}

// What a host or a guest that may look at the page reads there: zero at first use, then what was written (4.3, 2.6).
inline std::uint8_t content(File const &file, std::uint64_t offset) { return file.pages[offset / page_size].byte; }
inline bool content_known(File const &file, std::uint64_t offset) { return !file.pages[offset / page_size].unknown; }

} // namespace gmem::spec
