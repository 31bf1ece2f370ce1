#pragma once
// gmem measure: what a launch would measure, from a description of it. docs/measure.md.

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}

namespace gmem::cli {

// Options as they stood on the command line, of all names in one row: the order is what is measured.
struct MeasureWord final {
    std::string option; // "--page"
    std::string text;
};

struct MeasureDescription final {
    std::string platform; // "snp", "tdx" or "cca"
    std::string hash { "sha256" }; // cca
    std::string realm;             // cca; empty: the chain begins with zeros
    bool zero_vmsa_tsc { false };  // snp
    std::vector<MeasureWord> words;
};

struct MeasureReport final {
    std::string platform, what, algorithm;
    std::string digest; // hexadecimal
    std::uint64_t pages { 0 };
    std::vector<std::string> notes; // what the caller may not have meant, one sentence each
};

// Throws MeasureRefusal (cli/measure_words.hpp).
MeasureReport measure(MeasureDescription const &);

// In a file of its own: the JSON library is the slowest header here.
std::string report_as_json(MeasureReport const &);

// The subcommand.
class MeasureCommand final {
public:
    explicit MeasureCommand(CLI::App &app);

    bool wanted() const;
    int run() const; // the exit status: 0, or 2 when the description is wrong

private:
    struct Platform final {
        CLI::App *app;
        std::vector<CLI::Option *> ordered;
    };
    CLI::App *add(CLI::App &measure, char const *name, char const *help);
    void add_ordered(char const *name, char const *form, char const *help);
    MeasureDescription description() const;

    CLI::App *measure_;
    std::vector<Platform> platforms_;
    MeasureDescription options_;
    bool as_json_ { false };
};

} // namespace gmem::cli
