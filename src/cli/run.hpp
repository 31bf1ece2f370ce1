#pragma once
// gmem run: becomes the program, with libgmem-preload.so loaded before it.

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
    std::vector<std::string> uapi_options, platform_options; // NAME=VALUE: platform/words.hpp
    std::vector<std::string> command;
};

// Returns only when the program cannot be started: the exit status, 125 to 127 as env(1). On success the process is the program,
// so its exit status and signals are its own.
int run(RunOptions const &options);

inline constexpr int cannot_run { 125 };

} // namespace gmem::cli
