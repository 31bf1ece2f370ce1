#include "kvm/conversion_gate.hpp"

#include <algorithm>

namespace gmem::kvm {
namespace {

Error invalid(char const *site) noexcept { return Error::of(Why::bad_argument, site); }

} // namespace

Result<ConversionRequest> parse_conversion(uapi::MemoryAttributes2 const &q, Bytes file_size, memory::Conversions conversions, platform::Profile const &profile) noexcept
{
    auto const mode { profile.mode_of(q.flags) };
    if (!mode)
        return invalid("convert.flags"); // 2.2 (4)
    if (profile.error_offset_zero_on_entry && q.error_offset != 0)
        return invalid("convert.error_offset"); // platform-models.md 6
    if (std::any_of(std::begin(q.reserved), std::end(q.reserved), [](std::uint64_t w) { return w != 0; }))
        return invalid("convert.reserved"); // (5)
    if (conversions == memory::Conversions::refused)
        return invalid("convert.no_private_memory"); // (6)
    if (q.attributes & ~uapi::memory_attribute_private)
        return invalid("convert.attributes"); // (7)
    if (q.size == 0 || q.offset + q.size < q.offset)
        return invalid("convert.size"); // (8)
    if (q.offset % page_size || q.size % page_size)
        return invalid("convert.alignment"); // (9)
    if (q.offset >= raw(file_size) || q.offset + q.size > raw(file_size))
        return invalid("convert.end_of_file"); // (10)
    auto const range { PageRange::make(PageNo::holding(Bytes { q.offset }), PageNo::holding(Bytes { q.offset + q.size })) };
    return ConversionRequest { *range, q.attributes & uapi::memory_attribute_private ? Attribute::private_ : Attribute::shared, *mode };
}

} // namespace gmem::kvm
