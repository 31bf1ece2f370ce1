#include "spec/file_operations.hpp"

#include <cerrno>
#include <limits>

namespace gmem::spec {
namespace {

// The modes of fallocate(2) that are handed on to a file system: which one may be combined with KEEP_SIZE, and which must be.
bool any_file_system_could(int mode)
{
    constexpr int collapse { 0x08 }, zero { 0x10 }, insert { 0x20 }, unshare { 0x40 }, write_zeroes { 0x80 };
    bool const keep { (mode & keep_size) != 0 };
    switch (mode & ~keep_size) {
    case 0:
    case zero:
    case unshare:      return true;
    case punch_hole:   return keep;
    case collapse:
    case insert:
    case write_zeroes: return !keep;
    default:           return false;
    }
}

} // namespace

int fallocate_errno(std::uint64_t file_size, FallocateCall const &call)
{
    // fallocate(2), before any file system is asked.
    if (call.offset < 0 || call.length <= 0)
        return EINVAL;
    if (!any_file_system_could(call.mode))
        return EOPNOTSUPP;
    if (call.offset > std::numeric_limits<std::int64_t>::max() - call.length)
        return EFBIG;
    // 4.4, row "without KEEP_SIZE, or any other mode bit": before alignment.
    if (call.mode != keep_size && call.mode != (keep_size | punch_hole))
        return EOPNOTSUPP;
    auto const first { static_cast<std::uint64_t>(call.offset) };
    auto const length { static_cast<std::uint64_t>(call.length) };
    if (first % page_size != 0 || length % page_size != 0)
        return EINVAL;
    if (call.mode == keep_size && first + length > file_size)
        return EINVAL; // 4.4: allocating beyond the end
    return 0;
}

int fallocate(File &file, FallocateCall const &call)
{
    if (auto const err { fallocate_errno(file.size(), call) }; err != 0)
        return err;
    if (call.mode == keep_size)
        return 0; // allocated pages read as before: zero at first use
    auto const first { static_cast<std::uint64_t>(call.offset) };
    auto const length { static_cast<std::uint64_t>(call.length) };
    for (auto p { first / page_size }; p < (first + length) / page_size && p < file.pages.size(); ++p)
        file.pages[p] = { file.pages[p].state, 0, 0 }; // the attribute stays; a pinned page goes on detached, for its pinner only
    return 0;
}

int mmap_errno(File const &file, MmapCall const &call)
{
    if (call.length == 0)
        return EINVAL;
    if (call.executable)
        return EPERM;
    if (!file.mmap)
        return ENODEV;
    if (!call.shared)
        return EINVAL;
    return 0;
}

int refusal_errno(Refused what)
{
    switch (what) {
    case Refused::truncate:
    case Refused::change_mode:
    case Refused::change_owner:
    case Refused::change_times: return EINVAL; // "any setattr"
    case Refused::read:
    case Refused::write:        return EINVAL; // no read or write operations
    case Refused::read_at:
    case Refused::write_at:
    case Refused::seek:         return ESPIPE;
    }
    return 0;
}

Facts facts(File const &file) { return { .size = file.size(), .block_size = page_size, .blocks = 0, .mode = 0100600 }; }

} // namespace gmem::spec
