#pragma once
// YAML, as far as scenarios use it: each question about a node names the node's line when the answer is no.

#include "scenario/refusal.hpp"

#include <yaml-cpp/yaml.h>

#include <string>
#include <utility>
#include <vector>

namespace gmem::scenario {

// A node and the file that it is in. Cheap to copy.
class Yaml final {
public:
    Yaml(std::string const &file, YAML::Node node) : file_ { &file }, node_ { std::move(node) } {}

    // The whole file. `file` must outlive the result.
    static Yaml load(std::string const &file);

    int line() const { return node_.Mark().line + 1; }
    [[noreturn]] void refuse(std::string const &sentence) const { throw Refusal { *file_, line(), sentence }; }

    // One word or sentence, not empty.
    std::string const &scalar(std::string const &what) const;

    // The keys in their order; each once.
    std::vector<std::pair<std::string, Yaml>> map(std::string const &what) const;

    // A list, of which a single word is the short form.
    std::vector<Yaml> list(std::string const &what) const;

    // For people: what the node says, on one line.
    std::string brief() const;

private:
    std::string const *file_;
    YAML::Node node_;
};

} // namespace gmem::scenario
