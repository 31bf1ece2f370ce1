#include "memory/contents.hpp"

#include "base/text.hpp"
#include "memory/trusted_side.hpp"
#include "os/say.hpp"
#include "os/syscall.hpp"

#include <algorithm>
#include <cstring>
#include <unistd.h>

namespace gmem::memory {
namespace {

// lseek and not mincore: what is swapped out counts.
long seek(GuestMemory &file, std::uint64_t at, int whence) noexcept
{
    auto const own { file.own_copy().get() };
    return own >= 0 ? os::system_call(SYS_lseek, own, at, whence) : os::Helper::call(SYS_lseek, file.file(), at, whence);
}

// The first run of pages with memory in [from, limit).
std::optional<PageRange> next_allocated(GuestMemory &file, PageNo from, PageNo limit) noexcept
{
    auto const data { seek(file, raw(from.to_bytes()), SEEK_DATA) };
    if (os::failed(data)) // ENXIO: nothing from here on
        return std::nullopt;
    auto const hole { seek(file, static_cast<std::uint64_t>(data), SEEK_HOLE) };
    if (os::failed(hole))
        return std::nullopt;
    auto const first { std::max(from, PageNo { static_cast<std::uint64_t>(data) >> page_bits }) };
    return PageRange::make(first, std::min(limit, PageNo { static_cast<std::uint64_t>(hole) >> page_bits }));
}

void scramble(void *page) noexcept
{
    auto *const bytes { static_cast<unsigned char *>(page) };
    for (std::size_t done { 0 }; done < page_size;) {
        auto const got { os::system_call(SYS_getrandom, bytes + done, page_size - done, 0) };
        if (os::failed(got)) { // never once the machine has booted; nobody may rely on the bytes all the same
            std::memset(bytes + done, 0x5a, page_size - done);
            return;
        }
        done += static_cast<std::size_t>(got);
    }
}

void report_host_crash(PageNo p, char const *fault, char const *call) noexcept
{
    char line[256];
    Text text { line };
    text << "the host kernel would have crashed in " << call << ": " << fault << " on page " << p.index() << ", which the guest still holds";
    os::say(text.view());
}

} // namespace

// The end of the run does not matter: to look for it page by page would take as long as there are pages, each time.
bool has_memory(GuestMemory &file, PageNo p) noexcept { return seek(file, raw(p.to_bytes()), SEEK_DATA) == static_cast<long>(raw(p.to_bytes())); }

void apply_to_contents(GuestMemory &file, PageRange r, platform::ContentEffect effect, char const *call) noexcept
{
    if (effect == platform::ContentEffect::none)
        return;
    TrustedSide const trusted { file };
    for (auto at { r.first() }; at < r.last();) {
        auto const run { next_allocated(file, at, r.last()) };
        if (!run)
            return;
        for (auto p { run->first() }; p < run->last(); p = p.plus(1)) {
            if (auto const verdict { trusted.host_access(p, platform::Access::write) }; !verdict.allowed()) {
                report_host_crash(p, verdict.name, call);
                continue;
            }
            auto *const page { reinterpret_cast<void *>(file.view() + raw(p.to_bytes())) };
            effect == platform::ContentEffect::zero ? static_cast<void>(std::memset(page, 0, page_size)) : scramble(page);
        }
        at = run->last();
    }
}

} // namespace gmem::memory
