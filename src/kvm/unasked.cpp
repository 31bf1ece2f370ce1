#include "kvm/unasked.hpp"

#include "kvm/hypercall.hpp"
#include "kvm/vcpu.hpp"
#include "observe/inject.hpp"
#include "os/signals.hpp"

#include <algorithm>

namespace gmem::kvm {
namespace {

// Calls visit(slot, gpa, pages) for the pages of guest_memfds that memslots show and that [begin, end) touches.
template <typename Visit>
void for_each_shown(SlotTable const &slots, std::uint64_t begin, std::uint64_t end, Visit &&visit) noexcept
{
    for (auto const &slot : slots.ever_used(0)) {
        auto const first { std::max(begin & ~(page_size - 1), slot.gpa) }, last { std::min((end + page_size - 1) & ~(page_size - 1), slot.gpa + slot.size) };
        if (slot.exists() && slot.file_alive() && first < last)
            visit(slot, first, (last - first) >> page_bits);
    }
}

std::uint64_t pages_shown(SlotTable const &slots, std::uint64_t begin, std::uint64_t end) noexcept
{
    std::uint64_t pages { 0 };
    for_each_shown(slots, begin, end, [&pages](Slot const &, std::uint64_t, std::uint64_t count) { pages += count; });
    return pages;
}

// observe::Target::first, in frames.
std::uint64_t first_shown(void const *slots, std::uint64_t begin, std::uint64_t end) noexcept
{
    auto first { end };
    for_each_shown(*static_cast<SlotTable const *>(slots), begin << page_bits, end << page_bits, [&first](Slot const &, std::uint64_t gpa, std::uint64_t) { first = std::min(first, gpa >> page_bits); });
    return first;
}

} // namespace

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
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const struck { observe::Inject::at(observe::Fault::request, { observe::Call::run, 0, 0, std::uint64_t { 1 } << 52, &first_shown, &slots_ }) };
    if (!struck)
        return std::nullopt;
    auto left { struck->chance % pages_shown(slots_, struck->offset, struck->offset + struck->size) };
    std::optional<Unasked> chosen;
    for_each_shown(slots_, struck->offset, struck->offset + struck->size, [&](Slot const &slot, std::uint64_t first, std::uint64_t count) GMEM_NO_THREAD_SAFETY {
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
// immediate_exit. A signal handler or another thread of the VMM's may set that meanwhile: theirs is 1, ours is another word for the same.
std::optional<long> Vcpu::meet_unasked(int fd, unsigned long argument) noexcept
{
    if (page_->immediate_exit)
        return std::nullopt;
    auto const request { vm_->unasked() };
    if (!request)
        return std::nullopt;
    constexpr std::uint8_t ours { 2 };
    std::uint8_t seen { 0 };
    (void)__atomic_compare_exchange_n(&page_->immediate_exit, &seen, ours, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    auto const completed { os::system_call(SYS_ioctl, fd, uapi::run, argument) };
    seen = ours;
    (void)__atomic_compare_exchange_n(&page_->immediate_exit, &seen, std::uint8_t { 0 }, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return completed == -EINTR ? tell(*page_, *request) : exit_stands(completed) ? completed : correct(fd, completed);
}

} // namespace gmem::kvm
