#pragma once
// One report: what is said of one thing that went wrong. Plain data, made by rules.hpp, written by text.cpp and json.cpp.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gmem::cli::reports {

// Stable names: suppression files and docs/reports/ use them.
enum class Kind : std::uint8_t {
    private_access,
    private_syscall,
    pinned_conversion,
    platform_refusal,
    unwritten_measured,
    pinned_at_exit,
    ping_pong,
    foreign_userspace_addr,
    host_kernel_access,
};
struct KindText final {
    std::string_view name, advice;
};
inline constexpr std::size_t kinds { static_cast<std::size_t>(Kind::host_kernel_access) + 1 };
extern std::array<KindText, kinds> const kind_texts;
inline KindText const &text_of(Kind k) { return kind_texts[static_cast<std::size_t>(k)]; }

struct CallFrame final {
    std::string function; // empty: not known
    std::string file;     // empty: no debug information
    int line { 0 };
    std::string module_;  // path of the program's file; empty: the address lies in none
    std::uint64_t offset { 0 }; // in it, as addr2line wants it; the address itself without a module
    bool inlined { false };
};

struct CallStack final {
    std::string title; // empty: of what the report is about
    std::uint32_t process { 0 }, thread { 0 };
    std::vector<CallFrame> frames;
    std::string remark; // what the reader of it should know: no symbols, cut short
};

struct Fact final {
    std::string_view name;
    std::uint64_t value;
};

struct Report final {
    Kind kind {};
    std::uint64_t time { 0 }; // CLOCK_MONOTONIC, nanoseconds
    std::uint32_t process { 0 }, thread { 0 };
    std::string headline;
    std::vector<std::string> details;
    std::vector<Fact> facts; // the numbers of headline and details, for programs
    std::vector<CallStack> stacks;
    std::vector<std::string> history; // latest last
    std::string identity; // two reports of one kind and identity are the same mistake; empty: the first stack tells
};

std::string frame_words(CallFrame const &f, std::string const &module_); // "store_header at vmm.c:83 (vmm+0x1461)"; `module_`: how its file is called
std::string as_text(Report const &r);
std::string as_json(Report const &r); // one line

} // namespace gmem::cli::reports
