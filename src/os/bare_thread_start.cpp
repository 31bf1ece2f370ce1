#include "os/bare_thread.hpp"
#include "os/mapping_calls.hpp"

namespace gmem::os {
namespace {

constexpr std::size_t stack_bytes { 16384 };

}

Status start_bare_thread(BareEntry entry, void *argument) noexcept
{
    // Stack, then the page that stands where a TLS block would be.
    GMEM_TRY(stack, map_anonymous(stack_bytes + page_size, MAP_PRIVATE));
    auto *const top { reinterpret_cast<std::byte *>(stack + stack_bytes) };
    auto const tid { start_bare_thread({ .entry = entry, .argument = argument, .stack_top = top, .tls = reinterpret_cast<void **>(top),
        .alive = nullptr, .table = BareTable::of_the_starter }) };
    if (!failed(tid))
        return Ok {};
    unmap({ stack, stack + stack_bytes + page_size });
    return Error::os(tid, "thread.clone");
}

} // namespace gmem::os
