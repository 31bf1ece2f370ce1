#pragma once
// Which reports nobody wants to see: --suppressions. One a line: the kind's name, and globs that some frame of some stack of the report matches.
//
//     # the firmware is loaded like that
//     unwritten-measured function=load_firmware*
//     private-access     file=*/third_party/* module=*libfoo.so*
//     *                  function=known_to_be_wrong

#include "cli/reports/report.hpp"

namespace gmem::cli::reports {

class Suppressions final {
public:
    // Reads a file. False: `complaint` says what is wrong, and in which line.
    bool read(std::string const &path, std::string &complaint);
    bool add_line(std::string const &line, std::string &complaint);

    bool apply_to(Report const &r) const;

private:
    struct Rule final {
        std::string kind, function, file, module_; // globs; empty: anything
    };
    std::vector<Rule> rules_;
};

} // namespace gmem::cli::reports
