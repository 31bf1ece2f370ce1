#include "preload/unseen.hpp"

#include "memory/process.hpp"
#include "os/say.hpp"

#include <atomic>

namespace gmem::preload {
namespace {

constinit std::atomic<std::uint32_t> said { 0 };

std::string_view sentence(Unseen what) noexcept
{
    switch (what) {
    case Unseen::vhost:
        return "vhost in the kernel reaches guest memory by itself: what it holds is not known, such pages are converted all the same";
    case Unseen::ring_entries:
        return "io_uring: buffers of ordinary entries are not known while their I/O is under way, registered buffers are";
    }
    __builtin_unreachable();
}

} // namespace

void met(Unseen what) noexcept
{
    auto const bit { 1u << static_cast<unsigned>(what) };
    if ((said.load(std::memory_order_relaxed) & bit) || !memory::Process::started())
        return;
    if (!(said.fetch_or(bit, std::memory_order_relaxed) & bit))
        os::say(sentence(what));
}

} // namespace gmem::preload
