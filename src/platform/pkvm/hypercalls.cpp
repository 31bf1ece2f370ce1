#include "platform/pkvm/hypercalls.hpp"

#include <cerrno>

namespace gmem::platform::pkvm {
namespace {

struct Row final {
    Call call;
    bool exits;          // the VMM hears of it
    bool reserved_zero;  // arguments 2 and 3 must be 0
};
constexpr Row rows[] {
    { Call::guest_share_host, true, true },
    { Call::guest_unshare_host, true, true },
    { Call::guest_relinquish, false, false },
};

}

Answer hypercall(Pages &pages, PageNo p, std::uint16_t handle, Hypercall const &h, bool block_mapping) noexcept
{
    auto const &row { rows[static_cast<std::size_t>(h.function)] };
    if ((row.reserved_zero && (h.second | h.third)) || h.address % page_size)
        return { Answer::Then::resumes, Smccc::invalid_parameter, EINVAL };

    auto const before { pages.record(p) };
    auto const error { apply(pages, p, row.call, { .handle = handle, .frame = h.address >> page_bits, .block_mapping = block_mapping }) };
    if (error == 0 && h.function == Function::mem_unshare && pages.vm->options.pkvm_unshare == PkvmUnshare::after_conversion)
        pages.record(p) = before; // it would be right: Pkvm::make_private does it when the page is private
    switch (error) {
    case 0:      return { row.exits ? Answer::Then::exits : Answer::Then::resumes, Smccc::success, 0 };
    case ENOENT: return { Answer::Then::host_maps, Smccc::success, error };
    default:     return { Answer::Then::resumes, Smccc::invalid_parameter, error };
    }
}

} // namespace gmem::platform::pkvm
