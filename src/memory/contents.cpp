#include "memory/contents.hpp"

#include "memory/file_data.hpp"
#include "memory/host_report.hpp"
#include "memory/trusted_side.hpp"
#include "os/syscall.hpp"

#include <cstring>

namespace gmem::memory {
namespace {

// The first run of pages with memory in [from, limit).
std::optional<PageRange> next_allocated(GuestMemory &file, PageNo from, PageNo limit) noexcept
{
    auto const data { next_data(file, raw(from.to_bytes()), raw(limit.to_bytes())) };
    return data ? PageRange::make(PageNo { data->begin >> page_bits }, PageNo { data->end >> page_bits }) : std::nullopt;
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

} // namespace

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
            if (auto const verdict { trusted.host_access(p, platform::Access::write) }; is_mistake(verdict)) {
                report_host_access(file.facts().inode, p, trusted.state_name(p), platform::Access::write, verdict, call);
                continue;
            }
            auto *const page { reinterpret_cast<void *>(file.view() + raw(p.to_bytes())) };
            effect == platform::ContentEffect::zero ? static_cast<void>(std::memset(page, 0, page_size)) : scramble(page);
        }
        at = run->last();
    }
}

} // namespace gmem::memory
