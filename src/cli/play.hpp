#pragma once
// gmem play: scenarios, each in a player of its own under gmem run.

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace gmem::cli {

class PlayCommand final {
public:
    explicit PlayCommand(CLI::App &app);

    bool wanted() const { return command_->parsed(); }

    // 0: every step of every scenario was as expected. 1: one was not. 2: a file is no scenario; then none is played.
    int run() const;

private:
    CLI::App *command_;
    std::vector<std::string> files_;
    bool quiet_ { false }, json_ { false }, check_ { false };
};

} // namespace gmem::cli
