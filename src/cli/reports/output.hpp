#pragma once
// Where reports go, each mistake once: repeated ones are counted, unwanted ones too.

#include "cli/reports/suppressions.hpp"

#include <cstdio>
#include <map>
#include <memory>

namespace gmem::cli::reports {

enum class Format : std::uint8_t { text, json };

class Output final {
public:
    // `path` empty: standard error. False: `complaint` says why not.
    bool open(std::string const &path, Format format, std::string &complaint);
    bool read_suppressions(std::string const &path, std::string &complaint) { return suppressions_.read(path, complaint); }

    // Written before it returns, where it is new and wanted. What repeat() counts the same mistake by.
    std::size_t add(Report const &r);
    void repeat(std::size_t which);

    // Nothing where there was nothing to say. `missed`: slots of the log that were never read.
    void summarise(std::uint64_t missed);

    // Reports that were wanted, repeated ones too.
    std::size_t wanted() const;

private:
    void write(std::string const &text);

    struct Closed final {
        void operator()(std::FILE *f) const noexcept { std::fclose(f); }
    };
    std::unique_ptr<std::FILE, Closed> file_;
    Format format_ { Format::text };
    Suppressions suppressions_;
    struct Distinct final {
        Kind kind;
        bool wanted;
        std::size_t count;
    };
    std::vector<Distinct> distinct_;
    std::map<std::pair<Kind, std::string>, std::size_t> known_; // index in distinct_
};

} // namespace gmem::cli::reports
