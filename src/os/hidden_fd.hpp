#pragma once
// A descriptor that the program must not be able to close: it lives in the helper's table, and for speed a second copy may
// stand at a high number of the program's own table.

#include "os/helper.hpp"

#include <atomic>
#include <utility>

namespace gmem::os {

// Invariants:
//   D1  in_helper_ is open in the helper's table for as long as this object holds it.
//   D2  own_ is -1 or was our copy when last seen; a copy found closed or foreign (EBADF, ENOTTY) is forgotten for good.
class HiddenFd final {
public:
    constexpr HiddenFd() noexcept = default;
    constexpr HiddenFd(HelperFd in_helper, int own) noexcept : in_helper_ { in_helper }, own_ { own } {}
    HiddenFd(HiddenFd const &) = delete;
    HiddenFd &operator=(HiddenFd const &) = delete;

    void adopt(HelperFd in_helper, int own) noexcept
    {
        in_helper_ = in_helper;
        own_.store(own, std::memory_order_release);
    }

    // ioctl through our copy while it lives, through the helper otherwise. The kernel's result.
    long ioctl(unsigned long command, void *argument) noexcept
    {
        auto const own { own_.load(std::memory_order_acquire) };
        if (own >= 0 && may_ioctl(own, command)) [[likely]] {
            auto const result { system_call(SYS_ioctl, own, command, argument) };
            if (result != -EBADF && result != -ENOTTY) [[likely]]
                return result;
            own_.store(-1, std::memory_order_release);
        }
        return Helper::call(SYS_ioctl, in_helper_, command, argument);
    }

    static bool may_ioctl(int fd, unsigned long command) noexcept
    {
        return !Restrictions::any() || Restrictions::permitted(SYS_ioctl, { fd, static_cast<long>(command), 0, 0, 0, 0 });
    }

    HelperFd in_helper() const noexcept { return in_helper_; }
    int own() const noexcept { return own_.load(std::memory_order_acquire); }

    // The program is about to take our number (dup2): give it up and go through the helper.
    int yield_own() noexcept { return own_.exchange(-1, std::memory_order_acq_rel); }

private:
    HelperFd in_helper_ { HelperFd::none };
    std::atomic<int> own_ { -1 };
};

// Moves `fd` (owned, consumed) to a high number of the caller's table, close-on-exec, where programs seldom look. -errno on failure.
int move_out_of_the_way(int fd) noexcept;

} // namespace gmem::os
