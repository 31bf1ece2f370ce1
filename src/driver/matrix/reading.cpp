#include "driver/matrix/reading.hpp"

#include <cstdint>
#include <cstring>

namespace gmem::driver::matrix {
namespace {

using Words = std::array<std::uint64_t, page_size / sizeof(std::uint64_t)>;

Words words_of(Page const &page)
{
    Words words;
    std::memcpy(words.data(), page.data(), page_size);
    return words;
}

// An odd multiplier is a permutation of the 64-bit numbers; its high half never vanishes for what we multiply.
Page patterned(std::uint64_t first)
{
    Words words;
    for (std::size_t i { 0 }; i < words.size(); ++i)
        words[i] = (first + i) * 0x9e3779b97f4a7c15;
    Page page;
    std::memcpy(page.data(), words.data(), page_size);
    return page;
}

} // namespace

Page host_page() { return patterned(0x10001); }
Page guest_page() { return patterned(0x20001); }

Reading classify(Page const &page)
{
    if (page == host_page())
        return Reading::host_bytes;
    if (page == guest_page())
        return Reading::guest_bytes;
    if (page == Page {})
        return Reading::zeros;
    auto const found { words_of(page) }, hosts { words_of(host_page()) }, guests { words_of(guest_page()) };
    for (std::size_t i { 0 }; i < found.size(); ++i)
        if (found[i] == 0 || found[i] == hosts[i] || found[i] == guests[i])
            return Reading::mixed;
    return Reading::scrambled;
}

std::string_view word_of(Reading reading, bool same_again)
{
    switch (reading) {
    case Reading::host_bytes:  return "host-bytes";
    case Reading::guest_bytes: return "guest-bytes";
    case Reading::zeros:       return "zeros";
    case Reading::scrambled:   return same_again ? "noise" : "random";
    case Reading::mixed:       return "mixed";
    }
    __builtin_unreachable();
}

} // namespace gmem::driver::matrix
