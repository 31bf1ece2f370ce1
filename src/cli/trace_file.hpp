#pragma once
// A session's log, opened for reading: a trace on disk, of a session that is over, was killed, or still goes on, or the memory of one that goes on.

#include "observe/log_reader.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_map>

namespace gmem::cli {

// One sentence that says why a file is no trace.
struct TraceRefusal final : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class TraceFile final {
public:
    // Throws TraceRefusal.
    explicit TraceFile(std::string const &path);
    ~TraceFile();
    TraceFile(TraceFile const &) = delete;

    observe::LogReader const &reader() const noexcept { return *reader_; }
    observe::LogHeader const &header() const noexcept { return reader_->header(); }

    // The words that the session was started with, each as a shell would take it.
    std::string command() const;

    // The bytes behind an event, as text that can be printed; empty where they are not there.
    std::string text_behind(observe::EventNo n, observe::Event const &e) const;

private:
    void *mapped_ { nullptr };
    std::size_t size_ { 0 };
    std::optional<observe::LogReader> reader_ {};
};

// Who the processes of a trace are, as far as it has been read.
class TraceTasks final {
public:
    // To be told of every event, in order.
    void meet(TraceFile const &file, observe::EventNo n, observe::Event const &e);

    // At most 15 characters, as the kernel's; "?" where its beginning is not there.
    std::string const &name_of(std::uint32_t process) const;
    std::string const &path_of(std::uint32_t process) const;

private:
    struct Task final {
        std::string path, name;
    };
    std::unordered_map<std::uint32_t, Task> tasks_ {};
};

} // namespace gmem::cli
