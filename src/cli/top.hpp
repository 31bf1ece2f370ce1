#pragma once
// gmem top: a session that runs, live in a terminal. docs/stats.md.

#include "cli/session_view.hpp"

#include <CLI/CLI.hpp>

namespace gmem::cli {

class TopCommand final {
public:
    explicit TopCommand(CLI::App &app);

    bool wanted() const { return command_->parsed(); }
    int run() const; // 0; 1: no session, or no terminal

private:
    int live(SessionView const &session) const;

    CLI::App *command_;
    SessionWish wish_;
    bool once_ { false };
    unsigned interval_ { 1000 }; // milliseconds
};

} // namespace gmem::cli
