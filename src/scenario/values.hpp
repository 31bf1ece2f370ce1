#pragma once
// Scalars of a scenario: a value, or a refusal that says what it should have been.

#include "scenario/names.hpp"
#include "scenario/scenario.hpp"
#include "scenario/yaml.hpp"

namespace gmem::scenario {

// Decimal or 0x; K, M and G multiply. "-1" and below are 64 bits two's complement.
std::uint64_t number(Yaml const &y, std::string const &what);
bool yes_or_no(Yaml const &y, std::string const &what);
std::uint64_t named(Yaml const &y, std::string const &what, std::span<Name const> names, bool or_number);

// One of the words, and its place among them.
std::size_t one_of(Yaml const &y, std::string const &what, std::initializer_list<std::string_view> words);

// "ram", "ram+4K" or a guest physical address. The memory must be one of the scenario's.
Place place(Yaml const &y, std::string const &what, Scenario const &of);

std::string memory_name(Yaml const &y, std::string const &what, Scenario const &of);

Side side(Yaml const &y, std::string const &what);
bool to_private(Yaml const &y, std::string const &what); // private or ram; shared or empty
std::string fill_text(Yaml const &y, std::string const &what);
std::vector<std::uint32_t> words32(Yaml const &y, std::string const &what);
std::vector<unsigned> nodes(Yaml const &y, std::string const &what); // "all": empty

// zeros, noise, a text that fills it, or a list of 32-bit words.
Content content(Yaml const &y, std::string const &what);

// "[ram, private]" or "[ram, private, huge]"
std::vector<StateChange> state_changes(Yaml const &y, std::string const &what, Scenario const &of);

} // namespace gmem::scenario
