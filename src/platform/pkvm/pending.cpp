#include "platform/pkvm/pending.hpp"

namespace gmem::platform::pkvm {
namespace {

constexpr std::uint32_t none { VmState::most_pending };

std::uint32_t find(VmState const &vm, PageRange pages, bool to_private) noexcept
{
    for (std::uint32_t i { 0 }; i < vm.next_pending && i < VmState::most_pending; ++i) {
        auto const &r { vm.pending[i] };
        if (r.to_private == to_private && r.first_frame <= pages.first().index() && pages.last().index() <= r.last_frame)
            return i;
    }
    return none;
}

void remove(VmState &vm, std::uint32_t at) noexcept
{
    for (auto i { at + 1 }; i < vm.next_pending; ++i)
        vm.pending[i - 1] = vm.pending[i];
    vm.pending[--vm.next_pending] = {};
}

void append(VmState &vm, PendingRequest r) noexcept
{
    if (vm.next_pending >= VmState::most_pending)
        remove(vm, 0);
    vm.pending[vm.next_pending++] = r;
}

}

void record_request(VmState &vm, PageRange pages, bool to_private) noexcept
{
    if (find(vm, pages, to_private) == none)
        append(vm, { pages.first().index(), pages.last().index(), to_private });
}

bool requested(VmState const &vm, PageRange pages, bool to_private) noexcept { return find(vm, pages, to_private) != none; }

void consume_request(VmState &vm, PageRange pages, bool to_private) noexcept
{
    auto const at { find(vm, pages, to_private) };
    if (at == none)
        return;
    auto &r { vm.pending[at] };
    PendingRequest const after { pages.last().index(), r.last_frame, to_private };
    r.last_frame = pages.first().index();
    if (r.first_frame == r.last_frame && after.first_frame == after.last_frame)
        remove(vm, at);
    else if (r.first_frame == r.last_frame)
        r = after; // keeps its age
    else if (after.first_frame < after.last_frame)
        append(vm, after);
}

} // namespace gmem::platform::pkvm
