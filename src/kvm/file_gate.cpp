#include "kvm/file_gate.hpp"

namespace gmem::kvm {
namespace {

constexpr int keep_size { 1 }, punch_hole { 2 }, collapse { 8 }, zero { 0x10 }, insert { 0x20 }, unshare { 0x40 }, write_zeroes { 0x80 };

// Does fallocate(2) hand the mode on to a file system at all? If not, it says so before it looks at the end of the range.
bool passes_on(int mode) noexcept
{
    int const keep { mode & keep_size };
    switch (mode & ~keep_size) {
    case 0:
    case zero:
    case unshare:      return true;
    case punch_hole:   return keep != 0;
    case collapse:
    case insert:
    case write_zeroes: return keep == 0;
    default:           return false;
    }
}

} // namespace

Result<FallocateRequest> parse_fallocate(int mode, std::int64_t offset, std::int64_t length, Bytes file_size) noexcept
{
    // The file system layer comes first: it knows no file yet, only numbers (fallocate(2)).
    if (offset < 0 || length <= 0)
        return Error::of(Why::bad_argument, "fallocate.sign");
    if (!passes_on(mode))
        return Error::of(Why::not_supported, "fallocate.mode");
    if (offset > INT64_MAX - length)
        return Error::with_errno(EFBIG, "fallocate.end");
    bool const punch { mode == (keep_size | punch_hole) };
    if (!punch && mode != keep_size)
        return Error::of(Why::not_supported, "fallocate.mode");
    auto const first { static_cast<std::uint64_t>(offset) };
    auto const size { static_cast<std::uint64_t>(length) };
    if (first % page_size || size % page_size)
        return Error::of(Why::bad_argument, "fallocate.alignment");
    if (!punch && first + size > raw(file_size))
        return Error::of(Why::bad_argument, "fallocate.end_of_file");
    auto const range { *PageRange::make(PageNo::holding(Bytes { first }), PageNo::holding(Bytes { first + size })) };
    return FallocateRequest { punch ? FallocateRequest::What::punch : FallocateRequest::What::allocate, range };
}

} // namespace gmem::kvm
