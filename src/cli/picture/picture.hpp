#pragma once
// gmem report: a trace as a page for a browser. docs/report.md.

#include <string>

namespace CLI {
class App;
}

namespace gmem::cli {

class PictureCommand final {
public:
    explicit PictureCommand(CLI::App &app);

    bool wanted() const;
    int run() const; // the exit status: 0, or 1 and one sentence where the trace or the page's file is not to be used

private:
    CLI::App *report_;
    std::string trace_, output_;
};

} // namespace gmem::cli
