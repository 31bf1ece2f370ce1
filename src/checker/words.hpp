#pragma once
// What is written as NAME=VALUE: settings of a session, and the numbers of events.

#include "checker/trace.hpp"

#include <string_view>

namespace gmem::checker {

// From the GMEM_ words of a session.
Facts facts_of(std::string_view settings);

// From the words of a `trace` line; nothing: one is not known.
bool add_fact(Facts &facts, std::string_view name, std::string_view value);

std::optional<spec::Profile> profile_of(std::string_view name);
std::string_view name_of(spec::Profile p);
std::string_view name_of(Order o);

// Decimal, or hexadecimal with 0x; with a minus sign, its two's complement.
std::optional<std::uint64_t> number_of(std::string_view text);

// "EAGAIN" -> -EAGAIN, "0", "-11".
std::optional<std::int32_t> result_of(std::string_view text);

// The next word, which ends at a space; a word with quotes ends behind the second one. Empty at the end.
std::string_view next_word(std::string_view &rest);

} // namespace gmem::checker
