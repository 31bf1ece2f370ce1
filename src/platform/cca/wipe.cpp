#include "platform/cca/wipe.hpp"

#include <cstring>

namespace gmem::platform::cca {
namespace {

// SplitMix64: not for keeping secrets, only for looking like nothing.
std::uint64_t scrambled(std::uint64_t n) noexcept
{
    n += 0x9e3779b97f4a7c15;
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9;
    n = (n ^ (n >> 27)) * 0x94d049bb133111eb;
    return n ^ (n >> 31);
}

std::uint64_t seed(Pages const &pages, PageNo p) noexcept
{
    auto s { scrambled(pages.physical(p)) };
    for (std::size_t i { 0 }; i < sizeof pages.vm->key; i += sizeof s) {
        std::uint64_t word;
        std::memcpy(&word, pages.vm->key + i, sizeof word);
        s = scrambled(s ^ word);
    }
    return s;
}

}

void wipe(Pages &pages, PageNo p) noexcept
{
    auto *const bytes { pages.page(p) };
    if (pages.vm->options.cca_wiped == CcaWiped::zeros) {
        std::memset(bytes, 0, page_size);
        return;
    }
    auto const s { seed(pages, p) };
    for (std::uint64_t i { 0 }; i < page_size; i += sizeof i) {
        std::uint64_t before;
        std::memcpy(&before, bytes + i, sizeof before);
        auto noise { scrambled(s + i) };
        if (noise == before)
            noise = ~noise;
        std::memcpy(bytes + i, &noise, sizeof noise);
    }
}

} // namespace gmem::platform::cca
