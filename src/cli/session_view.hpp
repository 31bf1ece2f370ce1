#pragma once
// A session that somebody else runs: found, opened for reading, and its figures as they are now.

#include "observe/figures.hpp"
#include "observe/log_reader.hpp"

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gmem::cli {

struct FoundSession final {
    std::string path; // GMEM_SESSION
    std::vector<pid_t> processes;
};
// Of this user's processes, those that are in a session; by the session.
std::vector<FoundSession> find_sessions();

class SessionView final {
public:
    // nullptr: `complaint` says why not.
    static std::unique_ptr<SessionView> open(std::string const &path, std::string &complaint);
    ~SessionView();
    SessionView(SessionView const &) = delete;

    std::string const &path() const { return path_; }
    observe::LogReader const &log() const { return *log_; }
    observe::Figures const &figures() const { return observe::figures_of(log_->header()); }
    std::string command() const;

private:
    SessionView() = default;

    std::string path_;
    std::byte const *begin_ { nullptr };
    std::size_t size_ { 0 };
    std::optional<observe::LogReader> log_;
};

struct SessionWish final {
    pid_t process { 0 }; // of the session that is meant; 0: not said
    std::string path;    // the same; "": not said
};
// The one that is meant, or the only one there is. nullptr: `complaint` says why not, and which there are.
std::unique_ptr<SessionView> attach(SessionWish const &wish, std::string &complaint);

} // namespace gmem::cli
