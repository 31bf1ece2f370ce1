#include "memory/file_data.hpp"

#include "os/syscall.hpp"

#include <algorithm>
#include <unistd.h>

namespace gmem::memory {

namespace {

// lseek and not mincore: what is swapped out is there.
long seek(GuestMemory &file, std::uint64_t at, int whence) noexcept
{
    auto const own { file.own_copy().get() };
    return own >= 0 ? os::system_call(SYS_lseek, own, at, whence) : os::Helper::call(SYS_lseek, file.file(), at, whence);
}

} // namespace

// The end of the stretch does not matter: to look for it page by page would take as long as there are pages, each time.
bool has_memory(GuestMemory &file, PageNo p) noexcept
{
    auto const at { raw(p.to_bytes()) };
    return seek(file, at, SEEK_DATA) == static_cast<long>(at);
}

std::optional<FileData> next_data(GuestMemory &file, std::uint64_t from, std::uint64_t limit) noexcept
{
    auto const data { seek(file, from, SEEK_DATA) };
    if (os::failed(data) || static_cast<std::uint64_t>(data) >= limit) // ENXIO: nothing from here on
        return std::nullopt;
    auto const hole { seek(file, static_cast<std::uint64_t>(data), SEEK_HOLE) };
    if (os::failed(hole))
        return std::nullopt;
    return FileData { static_cast<std::uint64_t>(data), std::min(limit, static_cast<std::uint64_t>(hole)) };
}

} // namespace gmem::memory
