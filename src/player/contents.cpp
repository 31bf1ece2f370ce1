#include "player/contents.hpp"

#include "driver/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace gmem::player {
namespace {

constexpr std::size_t block { 16 }; // AES'

// Some aligned block of `bytes` is what `text` would have there.
bool has_a_block_of(std::string const &text, Bytes const &bytes)
{
    auto const whole { filled(text, bytes.size()) };
    for (std::size_t at { 0 }; at + block <= bytes.size(); at += block)
        if (std::memcmp(bytes.data() + at, whole.data() + at, block) == 0)
            return true;
    return false;
}

std::size_t different_bytes(Bytes const &bytes)
{
    std::array<bool, 256> seen {};
    for (auto const b : bytes)
        seen[std::to_integer<std::size_t>(b)] = true;
    return static_cast<std::size_t>(std::count(seen.begin(), seen.end(), true));
}

} // namespace

Bytes filled(std::string const &text, std::uint64_t size)
{
    Bytes bytes(size);
    for (std::size_t i { 0 }; i < size && !text.empty(); ++i)
        bytes[i] = static_cast<std::byte>(text[i % driver::page_size % text.size()]);
    return bytes;
}

Bytes of_words(std::vector<std::uint32_t> const &words, std::uint64_t size)
{
    Bytes bytes(size);
    std::memcpy(bytes.data(), words.data(), std::min<std::size_t>(size, words.size() * sizeof words[0]));
    return bytes;
}

bool is_zero(Bytes const &bytes)
{
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte { 0 }; });
}

// 256 random bytes have 162 different ones, give or take 6; a text of 64 characters has 64.
bool is_noise(Bytes const &bytes, Texts const &texts)
{
    return different_bytes(bytes) > 100 && !has_a_block_of("", bytes)
        && std::none_of(texts.begin(), texts.end(), [&](auto const &text) { return has_a_block_of(text, bytes); });
}

bool is(scenario::Content const &wanted, Bytes const &bytes, Texts const &texts)
{
    switch (wanted.kind) {
    case scenario::Content::Kind::zeros: return is_zero(bytes);
    case scenario::Content::Kind::noise: return is_noise(bytes, texts);
    case scenario::Content::Kind::text: return bytes == filled(wanted.text, bytes.size());
    case scenario::Content::Kind::words: return wanted.words.size() * 4 <= bytes.size() && std::memcmp(bytes.data(), wanted.words.data(), wanted.words.size() * 4) == 0;
    }
    __builtin_unreachable();
}

std::string described(Bytes const &bytes, Texts const &texts)
{
    if (is_zero(bytes))
        return "zeros";
    for (auto const &text : texts)
        if (bytes == filled(text, bytes.size()))
            return fmt::format("'{}'", text);
    std::string first;
    for (std::size_t i { 0 }; i < std::min<std::size_t>(bytes.size(), 16); ++i)
        first += fmt::format("{}{:02x}", i && i % 4 == 0 ? " " : "", std::to_integer<unsigned>(bytes[i]));
    return fmt::format("{} ({} ...)", is_noise(bytes, texts) ? "noise" : "bytes", first);
}

std::string described(scenario::Content const &wanted)
{
    switch (wanted.kind) {
    case scenario::Content::Kind::zeros: return "zeros";
    case scenario::Content::Kind::noise: return "noise";
    case scenario::Content::Kind::text: return fmt::format("'{}'", wanted.text);
    case scenario::Content::Kind::words: return fmt::format("words {:#x}", fmt::join(wanted.words, " "));
    }
    __builtin_unreachable();
}

} // namespace gmem::player
