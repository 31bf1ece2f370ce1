#include "kvm/launch/tdx_gate.hpp"

namespace gmem::kvm::launch {
namespace {

Error invalid(char const *site) noexcept { return Error::of(Why::bad_argument, site); }

// The width of guest physical addresses decides which bit says shared: the highest. KVM knows 48 and 52.
constexpr std::uint64_t shared_bit_of(std::uint32_t address_bits) noexcept
{
    return address_bits == 48 ? std::uint64_t { 1 } << 47 : address_bits == 52 ? std::uint64_t { 1 } << 51 : 0;
}

} // namespace

Result<std::uint64_t> parse_init_vm(uapi::TdxInitVm const &q, uapi::Cpuid2 const &cpuid, std::span<uapi::CpuidEntry2 const> entries) noexcept
{
    for (auto const r : q.reserved)
        if (r != 0)
            return invalid("tdx_init_vm.reserved");
    if (cpuid.padding != 0)
        return invalid("tdx_init_vm.padding");
    if (q.attributes & ~tdx_offer::attributes)
        return invalid("tdx_init_vm.attributes");
    if ((q.xfam & ~tdx_offer::xfam) != 0 || (q.xfam & tdx_offer::xfam_always) != tdx_offer::xfam_always)
        return invalid("tdx_init_vm.xfam");
    for (auto const &e : entries)
        if (e.function == 0x80000008)
            if (auto const bit { shared_bit_of(e.eax >> 16 & 0xff) }; bit != 0)
                return bit;
    return invalid("tdx_init_vm.address_bits");
}

Status parse_region(uapi::TdxInitMemRegion const &q, std::uint64_t shared_bit) noexcept
{
    if (q.source_addr % page_size != 0 || q.gpa % page_size != 0)
        return invalid("tdx_region.alignment");
    if (q.nr_pages == 0 || q.nr_pages >= std::uint64_t { 1 } << (63 - page_bits))
        return invalid("tdx_region.nr_pages");
    auto const size { q.nr_pages << page_bits };
    if (q.gpa + size <= q.gpa)
        return invalid("tdx_region.wrap");
    if ((q.gpa & shared_bit) != 0 || ((q.gpa + size - 1) & shared_bit) != 0)
        return invalid("tdx_region.shared");
    return Ok {};
}

} // namespace gmem::kvm::launch
