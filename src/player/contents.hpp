#pragma once
// Bytes of pages: made from a text, and told apart.

#include "player/seen.hpp"

#include <set>

namespace gmem::player {

// `text` again and again, anew every 4096 bytes, so that pages of one text are equal; zeros where it is empty.
Bytes filled(std::string const &text, std::uint64_t size);
Bytes of_words(std::vector<std::uint32_t> const &words, std::uint64_t size);

// Every text that somebody wrote, so that noise is none of them.
using Texts = std::set<std::string>;

bool is_zero(Bytes const &bytes);

// Neither zeros nor any of the texts, and of many different bytes: what the wrong side of encryption gives.
bool is_noise(Bytes const &bytes, Texts const &texts);

bool is(scenario::Content const &wanted, Bytes const &bytes, Texts const &texts);

// For people: "zeros", "'a text'", "noise", or the first bytes.
std::string described(Bytes const &bytes, Texts const &texts);
std::string described(scenario::Content const &wanted);

} // namespace gmem::player
