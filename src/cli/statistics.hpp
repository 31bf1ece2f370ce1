#pragma once
// The figures of a session as numbers of one moment, and the three forms in which they are told. docs/stats.md.

#include "observe/figures.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace gmem::cli {

struct FileStatistics final {
    std::uint64_t file; // inode; 0: all that were forgotten
    std::string platform;
    std::uint64_t size, private_bytes, shared_bytes, allocated, most_private, most_shared, most_allocated; // bytes
    std::array<std::uint64_t, 2> conversions, converted; // to shared and to private; bytes
    std::uint64_t largest, unchanged, refused, again, no_memory, requests, faults, punched, recoveries, launched;
    std::array<std::array<std::uint64_t, observe::FileFigures::sizes>, 2> by_size;
    struct UnderWay final {
        std::uint64_t offset, size, done, to, began; // size 0: nothing is
    } conversion, launch;

    // What two sources would have taken: when what was converted is never given back, and when it always is.
    std::uint64_t two_sources_kept() const noexcept { return most_private + most_shared; }
    std::uint64_t two_sources_given_back() const noexcept { return most_allocated + std::min(most_allocated, largest); }
    // And copied.
    std::uint64_t copied() const noexcept { return converted[0] + converted[1]; }
};

struct Statistics final {
    std::string command;
    std::vector<FileStatistics> files;
    std::uint64_t files_past { 0 }, files_not_counted { 0 };
    FileStatistics past {};
    std::array<std::uint64_t, observe::ExitFigures::reasons> exits {};
    std::uint64_t events { 0 }, events_dropped { 0 };
};

Statistics statistics_of(observe::LogHeader const &log, std::string command);

// In the order of ExitFigures::Reason.
extern char const *const exit_names[observe::ExitFigures::reasons];

enum class StatisticsForm { text, json, prometheus };
std::string told(Statistics const &, StatisticsForm form);
std::string statistics_as_json(Statistics const &); // in a file of its own: the JSON library is the slowest header here

// To standard output where `path` is empty; otherwise the file is replaced at once, as collectors want it. False: `complaint` says why not.
bool put_out(std::string const &text, std::string const &path, std::string &complaint);
// By its name, where nothing was said: .json, .prom, else text. False: not a form.
bool choose_form(std::string const &name, std::string const &path, StatisticsForm &form);

std::string in_units(std::uint64_t bytes);

} // namespace gmem::cli
