#pragma once
// What a person, or a program, is told of a scenario as it is played.

#include "player/judge.hpp"

namespace gmem::player {

enum class Voice : std::uint8_t { full, quiet, json };

// On standard output, each step when it has happened.
class Teller final {
public:
    Teller(Voice voice, scenario::Scenario const &scenario) : voice_ { voice }, scenario_ { scenario } {}

    void begin() const;
    void step(Stage const &stage, std::size_t number, scenario::Step const &step, Seen const &seen, std::optional<Difference> const &difference) const;
    // Something that every scenario takes for granted did not work. Step 0: before the first.
    void broken(std::size_t number, int line, std::string const &sentence) const;
    void end(std::size_t steps) const;

private:
    Voice voice_;
    scenario::Scenario const &scenario_;
};

// Lines become "a; b".
std::string one_line(std::string const &text);

} // namespace gmem::player
