#pragma once
// gmem stats: the figures of a session that runs, once. docs/stats.md.

#include "cli/session_view.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace gmem::cli {

class StatsCommand final {
public:
    explicit StatsCommand(CLI::App &app);

    bool wanted() const { return command_->parsed(); }
    int run() const; // 0; 1: no session, or not one; 2: not such a format

private:
    CLI::App *command_;
    SessionWish wish_;
    std::string format_, output_;
};

} // namespace gmem::cli
