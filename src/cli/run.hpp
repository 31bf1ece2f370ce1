#pragma once
// gmem run: the program with libgmem-preload.so loaded before it, in a session whose events are remembered or written to a trace.

#include <string>
#include <vector>

namespace gmem::cli {

struct RunOptions final {
    std::string engine;  // "", "userfaultfd" or "overlay"
    std::string opening; // "", "automatic", "installed" or "native"
    std::string peer_timeout;  // "", or milliseconds
    std::string huge_pages;    // "", "on" or "off"
    std::string in_place;      // "", "on" or "off"
    std::string vm_attributes; // "", "on" or "off"
    std::string vcpu;          // "", "real" or "scripted"
    std::string uapi;          // "", or a version of the proposal: platform/uapi.hpp
    std::string processor;     // "", "native", "snp" or "tdx": docs/qemu.md
    std::string measurement;   // "", or a path: docs/launch.md
    std::string platform;      // "", "auto", or a kind: platform/kind.hpp
    std::string observe;       // "", "on" or "off"
    std::string trace;         // "", or a path: docs/traces.md
    std::string report;        // "", "on" or "off": docs/reports/README.md
    std::string report_file, report_format, suppressions; // "", or a path, "text" or "json", a path
    bool report_handled { false };
    int error_exitcode { 0 };  // 0: the program's status is the status
    std::vector<std::string> uapi_options, platform_options; // NAME=VALUE: platform/words.hpp
    std::vector<std::string> inject; // docs/inject.md
    bool stats { false };
    std::string stats_file, stats_format; // "": standard error; by the file's name: docs/stats.md
    std::vector<std::string> command;
};

// The exit status, 125 to 127 as env(1) when the program cannot be started. Observed, the program is a child, and this process ends as it ended, by the same
// signal if need be. Not observed (and without a trace), this process becomes the program. With error_exitcode a program that was reported ends with that
// status, however it ended.
int run(RunOptions const &options);

inline constexpr int cannot_run { 125 };

} // namespace gmem::cli
