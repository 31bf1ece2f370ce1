#pragma once
// A session that somebody else runs: found, opened for reading, and its figures as they are now.

#include "cli/trace_file.hpp"
#include "observe/figures.hpp"

#include <memory>
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
    // Throws TraceRefusal.
    explicit SessionView(std::string path) : path_ { std::move(path) }, file_ { path_ } {}

    std::string const &path() const { return path_; }
    observe::LogReader const &log() const { return file_.reader(); }
    observe::Figures const &figures() const { return observe::figures_of(file_.header()); }
    std::string command() const { return file_.command(); }

private:
    std::string path_;
    TraceFile file_;
};

struct SessionWish final {
    pid_t process { 0 }; // of the session that is meant; 0: not said
    std::string path;    // the same; "": not said
};
// The one that is meant, or the only one there is. nullptr: `complaint` says why not, and which there are.
std::unique_ptr<SessionView> attach(SessionWish const &wish, std::string &complaint);

} // namespace gmem::cli
