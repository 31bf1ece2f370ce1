#pragma once
// A host access through a mapping: section 4.1.

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

} // namespace gmem::spec
