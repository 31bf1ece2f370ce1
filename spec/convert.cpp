#include "spec/convert.hpp"

#include "spec/pins.hpp"

#include <algorithm>
#include <cerrno>

namespace gmem::spec {

int convert_argument_errno(VmRules const &vm, std::uint64_t file_size, ConvertCall const &call)
{
    if (!vm.in_place_conversion)
        return ENOTTY; // 2.2 (2)
    if (!mode_of(vm.profile, call.flags))
        return EINVAL; // (4); 2.6: unknown flags, two together
    if (error_offset_must_be_zero(vm.profile) && call.error_offset != 0)
        return EINVAL; // platform-models.md 6
    for (auto const word : call.reserved)
        if (word != 0)
            return EINVAL; // (5)
    if (!vm.private_memory)
        return EINVAL; // (6)
    if ((call.attributes & ~attribute_private) != 0)
        return EINVAL; // (7)
    if (call.size == 0 || call.offset + call.size < call.offset)
        return EINVAL; // (8)
    if (call.offset % page_size != 0 || call.size % page_size != 0)
        return EINVAL; // (9)
    if (call.offset >= file_size || call.offset + call.size > file_size)
        return EINVAL; // (10)
    return 0;
}

int convert_argument_errno(File const &file, ConvertCall const &call) { return convert_argument_errno(file.vm, file.size(), call); }

namespace {

// 2.6: what is left in a page of the range after success.
void apply(Page &page, VmRules vm, Direction direction, Mode mode)
{
    switch (touch(vm.profile, vm.platform, direction, mode, vm.launch)) {
    case Touch::nothing:
        page.unknown = page.unknown || firmware_changes_bytes(vm.platform);
        break;
    case Touch::zeroes:
        page.byte = 0;
        page.unknown = direction == Direction::to_private && firmware_changes_bytes(vm.platform);
        break;
    case Touch::scrambles:
        page.unknown = true; // a hole still reads zeros
        break;
    }
}

// A call whose arguments are right.
struct Request final {
    PageState to;
    Direction direction;
    Mode mode;
    std::uint64_t first, last; // pages
};

Request request_of(VmRules const &vm, ConvertCall const &call)
{
    bool const to_private { (call.attributes & attribute_private) != 0 };
    auto const first { call.offset / page_size };
    return { to_private ? PageState::private_ : PageState::shared, to_private ? Direction::to_private : Direction::to_shared, *mode_of(vm.profile, call.flags), first, first + call.size / page_size };
}

bool is_already(File const &file, Request const &r)
{
    auto const begin { file.pages.begin() };
    return std::all_of(begin + static_cast<std::ptrdiff_t>(r.first), begin + static_cast<std::ptrdiff_t>(r.last), [&r](Page const &p) { return p.state == r.to; });
}

} // namespace

Touch touched(File const &before, ConvertCall const &call)
{
    auto const &vm { before.vm };
    auto const request { request_of(vm, call) };
    if (is_already(before, request) && !mode_counts_without_change(vm.profile))
        return Touch::nothing;
    return touch(vm.profile, vm.platform, request.direction, request.mode, vm.launch);
}

Complaint convert(File &file, ConvertCall const &call, Outcome const &seen, Transient transient)
{
    if (auto const must { convert_argument_errno(file, call) }; must != 0) {
        if (seen.err != must)
            return "2.2 (2)-(10): errno must be " + std::to_string(must);
        if (seen.error_offset)
            return "2.2: nothing is written back for argument errors";
        return std::nullopt;
    }
    auto const &vm { file.vm };
    auto const request { request_of(vm, call) };
    auto const first { request.first }, last { request.last };
    auto const from { file.pages.begin() + static_cast<std::ptrdiff_t>(first) };
    auto const end { file.pages.begin() + static_cast<std::ptrdiff_t>(last) };
    // 2.6: first under the lock, before anybody looks whether the attributes are there already.
    if (auto const must { content_errno(vm.profile, vm.platform, request.direction, request.mode, vm.launch) }; must != 0) {
        if (seen.err != must)
            return "2.6: this content mode is not supported here, errno must be " + std::to_string(must);
        if (seen.error_offset != call.offset)
            return "2.6: error_offset of EOPNOTSUPP is the offset of the request";
        return std::nullopt;
    }
    bool const already { is_already(file, request) };
    // 2.5: pages that match already count too.
    auto const offender { request.to == PageState::private_ ? first_pinned(file, first, last).value_or(last) : last };
    bool const held { offender < last };

    if (seen.err == 0) {
        if (seen.error_offset)
            return "2.4: error_offset is left untouched on success";
        if (held && !already)
            return "2.2 (14): page " + std::to_string(offender) + " is in use, EAGAIN";
        bool const applies { !already || mode_counts_without_change(vm.profile) };
        std::for_each(from, end, [&](Page &p) {
            p.state = request.to;
            if (applies)
                apply(p, vm, request.direction, request.mode);
        });
        return std::nullopt;
    }
    if (already)
        return "2.2 (12): a request that changes nothing succeeds";
    if (seen.err == EAGAIN && request.to == PageState::shared)
        return "2.5: to-shared never fails with EAGAIN";
    if (seen.err != EAGAIN && seen.err != ENOMEM)
        return "2.2: beyond the arguments only EAGAIN and ENOMEM exist";
    if (!seen.error_offset)
        return "2.4: EAGAIN and ENOMEM write error_offset";
    if (seen.err == ENOMEM && *seen.error_offset != call.offset)
        return "2.2 (13): error_offset of ENOMEM is the offset of the request";
    if (seen.err == EAGAIN && held) {
        auto const must { offender * page_size };
        if (transient == Transient::excluded ? *seen.error_offset != must : *seen.error_offset > must)
            return "2.4: error_offset is the first offending page, " + std::to_string(offender);
    } else if (seen.err == EAGAIN && transient == Transient::excluded)
        return "3.1: nothing holds a page of the request";
    if (*seen.error_offset < call.offset || *seen.error_offset >= call.offset + call.size || *seen.error_offset % page_size != 0)
        return "2.4: error_offset is the offset of a page of the request";
    return std::nullopt; // 2.3: nothing has changed
}

} // namespace gmem::spec
