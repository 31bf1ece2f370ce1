#include "kvm/unasked.hpp"

#include "kvm/hypercall.hpp"
#include "kvm/vcpu.hpp"
#include "observe/inject.hpp"
#include "os/signals.hpp"

#include <algorithm>

namespace gmem::kvm {

long tell(uapi::RunPage &page, Unasked const &request) noexcept
{
    bool const to_private { request.to == Attribute::private_ };
    if (request.as_hypercall) {
        page.exit_reason = uapi::exit_hypercall;
        page.hypercall = { .nr = hypercall_map_gpa_range, .arguments = { request.gpa, 1, to_private ? map_gpa_encrypted : 0, 0, 0, 0 }, .result = 0, .flags = uapi::hypercall_long_mode };
        return 0;
    }
    page.exit_reason = uapi::exit_memory_fault;
    page.memory_fault = { .flags = to_private ? uapi::memory_exit_private : 0, .gpa = request.gpa, .size = page_size };
    return -EFAULT;
}

// Of all pages that memslots show of guest_memfds, one: the opposite of what it is, if nothing else was wished.
std::optional<Unasked> Vm::unasked() noexcept
{
    auto const struck { observe::Inject::at(observe::Fault::request, { observe::Call::run, 0, 0, std::uint64_t { 1 } << 52 }) };
    if (!struck)
        return std::nullopt;
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    std::uint64_t pages { 0 };
    auto const each { [&](auto &&visit) GMEM_NO_THREAD_SAFETY {
        for (auto const &slot : slots_.ever_used(0)) {
            auto const first { std::max(struck->offset, slot.gpa) }, last { std::min(struck->offset + struck->size, slot.gpa + slot.size) };
            if (slot.exists() && slot.file_alive() && first < last)
                visit(slot, first, (last - first) >> page_bits);
        }
    } };
    each([&](Slot const &, std::uint64_t, std::uint64_t count) { pages += count; });
    if (pages == 0)
        return std::nullopt;
    auto left { struck->chance % pages };
    std::optional<Unasked> chosen;
    each([&](Slot const &slot, std::uint64_t first, std::uint64_t count) GMEM_NO_THREAD_SAFETY {
        if (!chosen && left < count) {
            auto const gpa { first + (left << page_bits) };
            auto const now { tracks_frames() ? frames_.at(PageNo::holding(Bytes { gpa })) : slot.file->at(PageNo::holding(Bytes { slot.file_offset + (gpa - slot.gpa) })) };
            auto const wished { struck->choice & (observe::request_shared | observe::request_private) };
            bool const to_private { wished ? wished == observe::request_private : now == Attribute::shared };
            chosen = { gpa, to_private ? Attribute::private_ : Attribute::shared, (struck->choice & observe::request_as_hypercall) != 0 };
        }
        left -= std::min(left, chosen ? 0 : count);
    });
    return chosen;
}

// What the real KVM waits for of its last exit is completed first: the VMM's answer lies where the new exit goes. KVM_RUN does that before it looks at
// immediate_exit.
std::optional<long> Vcpu::meet_unasked(int fd, unsigned long argument) noexcept
{
    if (page_->immediate_exit)
        return std::nullopt;
    auto const request { vm_->unasked() };
    if (!request)
        return std::nullopt;
    page_->immediate_exit = 1;
    auto const completed { os::system_call(SYS_ioctl, fd, uapi::run, argument) };
    page_->immediate_exit = 0;
    return completed == -EINTR ? tell(*page_, *request) : exit_stands(completed) ? completed : correct(fd, completed);
}

} // namespace gmem::kvm
