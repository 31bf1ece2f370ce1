// gmem-player: one scenario, from its first step to the first that differs. `gmem play` runs it under `gmem run`, and has looked at its words.

#include "player/perform.hpp"
#include "player/tell.hpp"
#include "scenario/parse.hpp"

#include <cstdio>
#include <exception>
#include <string_view>

namespace {

using namespace gmem;

constexpr int passed { 0 }, differs { 1 }, usage_error { 2 };

int play(scenario::Scenario const &s, player::Voice voice)
{
    player::Teller const teller { voice, s };
    teller.begin();
    std::size_t number { 0 };
    int line { 0 };
    try {
        player::Stage stage { s };
        for (auto const &step : s.steps) {
            ++number;
            line = step.line;
            auto const seen { player::perform(stage, step) };
            auto const difference { player::judge(stage, step, seen) };
            teller.step(stage, number, step, seen, difference);
            if (difference)
                return differs;
        }
    } catch (driver::Failure const &f) {
        teller.broken(number, line, f.what());
        return differs;
    }
    teller.end(number);
    return passed;
}

} // namespace

int main(int argc, char **argv)
{
    std::string_view const word { argc == 3 ? argv[1] : "" };
    if (word != "full" && word != "quiet" && word != "json") {
        std::fputs("gmem-player full|quiet|json FILE, under gmem run; people use gmem play\n", stderr);
        return usage_error;
    }
    try {
        return play(scenario::parse(argv[2]), word == "json" ? player::Voice::json : word == "quiet" ? player::Voice::quiet : player::Voice::full);
    } catch (std::exception const &e) {
        std::fprintf(stderr, "gmem: %s\n", e.what());
        return usage_error;
    }
}
