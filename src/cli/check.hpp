#pragma once
// gmem check: a trace against the executable specification.

#include <CLI/CLI.hpp>

#include <string>

namespace gmem::cli {

class CheckCommand final {
public:
    explicit CheckCommand(CLI::App &app);

    bool wanted() const { return command_->parsed(); }

    // 0: it agrees. 1: an event breaks the specification. 2: the file is no trace.
    int run() const;

private:
    CLI::App *command_;
    std::string file_;
    bool write_text_ { false }, quiet_ { false };
};

} // namespace gmem::cli
