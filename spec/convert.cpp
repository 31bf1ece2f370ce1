#include "spec/convert.hpp"

#include <algorithm>
#include <cerrno>

namespace gmem::spec {

int convert_argument_errno(File const &file, ConvertCall const &call)
{
    if (!file.vm.in_place_conversion)
        return ENOTTY; // 2.2 (2)
    if (call.flags != 0)
        return EINVAL; // (4)
    for (auto const word : call.reserved)
        if (word != 0)
            return EINVAL; // (5)
    if (!file.vm.private_memory)
        return EINVAL; // (6)
    if ((call.attributes & ~attribute_private) != 0)
        return EINVAL; // (7)
    if (call.size == 0 || call.offset + call.size < call.offset)
        return EINVAL; // (8)
    if (call.offset % page_size != 0 || call.size % page_size != 0)
        return EINVAL; // (9)
    if (call.offset >= file.size() || call.offset + call.size > file.size())
        return EINVAL; // (10)
    return 0;
}

std::optional<std::string> convert(File &file, ConvertCall const &call, Outcome const &seen)
{
    if (auto const must { convert_argument_errno(file, call) }; must != 0) {
        if (seen.err != must)
            return "2.2 (2)-(10): errno must be " + std::to_string(must);
        if (seen.error_offset)
            return "2.2: nothing is written back for argument errors";
        return std::nullopt;
    }
    auto const to { (call.attributes & attribute_private) ? PageState::private_ : PageState::shared };
    auto const first { file.pages.begin() + static_cast<std::ptrdiff_t>(call.offset / page_size) };
    auto const last { first + static_cast<std::ptrdiff_t>(call.size / page_size) };
    bool const already { std::all_of(first, last, [to](Page const &p) { return p.state == to; }) };

    if (seen.err == 0) {
        if (seen.error_offset)
            return "2.4: error_offset is left untouched on success";
        std::for_each(first, last, [to](Page &p) { p.state = to; }); // 2.6: bytes are kept
        return std::nullopt;
    }
    if (already)
        return "2.2 (12): a request that changes nothing succeeds";
    if (seen.err == EAGAIN && to == PageState::shared)
        return "2.5: to-shared never fails with EAGAIN";
    if (seen.err != EAGAIN && seen.err != ENOMEM)
        return "2.2: beyond the arguments only EAGAIN and ENOMEM exist";
    if (!seen.error_offset)
        return "2.4: EAGAIN and ENOMEM write error_offset";
    if (*seen.error_offset < call.offset || *seen.error_offset >= call.offset + call.size || *seen.error_offset % page_size != 0)
        return "2.4: error_offset is the offset of a page of the request";
    return std::nullopt; // 2.3: nothing has changed
}

} // namespace gmem::spec
