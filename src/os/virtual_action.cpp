#include "os/virtual_action.hpp"

#include "os/signals.hpp"

namespace gmem::os {

void VirtualAction::begin(KernelSigaction const &real) noexcept
{
    SignalsBlocked blocked;
    Locked guard { lock_ };
    action_ = real;
}

void VirtualAction::exchange(int signal, KernelSigaction const *next, KernelSigaction *previous, Realize realize) noexcept
{
    SignalsBlocked blocked;
    Locked guard { lock_ };
    auto const before { action_ };
    if (next) {
        action_ = *next;
        if (realize)
            realize(signal, action_);
    }
    if (previous)
        *previous = before;
}

KernelSigaction VirtualAction::now() noexcept
{
    SignalsBlocked blocked;
    Locked guard { lock_ };
    return action_;
}

KernelSigaction VirtualAction::take() noexcept
{
    SignalsBlocked blocked;
    Locked guard { lock_ };
    auto const taken { action_ };
    if (taken.flags & SA_RESETHAND)
        action_.handler = reinterpret_cast<void *>(SIG_DFL);
    return taken;
}

} // namespace gmem::os
