#pragma once
// The program of `gmem run`: where it is, and whether a preloaded library can reach it.

#include <string>
#include <vector>

namespace gmem::cli {

struct Program final {
    enum class Reach {
        reachable,
        not_found,      // exit 127
        not_executable, // exit 126
        unreachable,    // exit 125, `why` says it in a sentence
    };
    Reach reach { Reach::reachable };
    std::string path;
    std::string why;
    std::vector<std::string> load_first; // sanitizer runtimes that insist on being the first library

    // As execvp would find it; scripts are followed to their interpreter.
    static Program find(std::string const &name);
};

} // namespace gmem::cli
