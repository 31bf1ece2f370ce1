#pragma once
// A trace that was opened for reading. Its bytes come from anywhere: the reader trusts nothing in them.

#include "observe/log_reader.hpp"

#include <optional>
#include <string>

namespace gmem::cli::picture {

class Trace final {
public:
    // nullopt: `complaint` says why not, in one sentence.
    static std::optional<Trace> open(std::string const &path, std::string &complaint);
    Trace(Trace &&o) noexcept;
    ~Trace();

    observe::LogReader const &log() const noexcept { return log_; }

private:
    Trace(observe::LogReader log, void *begin, std::size_t size) noexcept : log_ { log }, begin_ { begin }, size_ { size } {}

    observe::LogReader log_;
    void *begin_;
    std::size_t size_;
};

} // namespace gmem::cli::picture
