#include "cli/session_file.hpp"

#include "observe/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

std::uint64_t nanoseconds(clockid_t clock)
{
    timespec t {};
    clock_gettime(clock, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

// What the session was started with, for who reads the log: the GMEM_ variables.
void write_settings(observe::LogHeader &h)
{
    std::string settings;
    for (char **at { environ }; *at; ++at)
        if (std::string_view const word { *at }; word.starts_with("GMEM_") && !word.starts_with("GMEM_SESSION="))
            settings += (settings.empty() ? "" : " ") + std::string { word };
    std::memcpy(h.settings, settings.data(), std::min(settings.size(), sizeof h.settings - 1));
}

void write_command(observe::LogHeader &h, std::vector<std::string> const &command)
{
    std::string words;
    for (auto const &word : command)
        words += word + '\0';
    h.command_bytes = static_cast<std::uint32_t>(std::min(words.size(), sizeof h.command));
    std::memcpy(h.command, words.data(), h.command_bytes);
}

} // namespace

std::unique_ptr<SessionFile> SessionFile::make(std::string const &trace, std::vector<std::string> const &command, std::string &complaint)
{
    std::unique_ptr<SessionFile> s { new SessionFile };
    bool const keeps_all { !trace.empty() };
    if (keeps_all) {
        s->path_ = std::filesystem::absolute(trace);
        s->fd_ = open(s->path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        struct stat facts {};
        if (s->fd_ >= 0 && (fstat(s->fd_, &facts) != 0 || !S_ISREG(facts.st_mode))) {
            complaint = fmt::format("{}: a trace needs an ordinary file", trace);
            return nullptr;
        }
        // Emptied only when nobody else writes to it.
        if (s->fd_ >= 0 && flock(s->fd_, LOCK_EX | LOCK_NB) != 0) {
            complaint = fmt::format("{}: another session writes its trace there", trace);
            return nullptr;
        }
    } else {
        s->fd_ = memfd_create("gmem-session", MFD_CLOEXEC);
        s->path_ = fmt::format("/proc/{}/fd/{}", getpid(), s->fd_);
    }
    auto const slots { keeps_all ? trace_slots : ring_slots };
    s->size_ = observe::bytes_of_log(slots);
    if (s->fd_ < 0 || ftruncate(s->fd_, 0) != 0 || ftruncate(s->fd_, static_cast<off_t>(s->size_)) != 0 || fchmod(s->fd_, 0600) != 0
        || posix_fallocate(s->fd_, 0, observe::slots_at) != 0) {
        complaint = fmt::format("{}: {}", keeps_all ? trace : "the session's memory", std::strerror(errno));
        return nullptr;
    }
    void *const mapped { mmap(nullptr, s->size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, s->fd_, 0) };
    if (mapped == MAP_FAILED) {
        complaint = fmt::format("{}: {}", keeps_all ? trace : "the session's memory", std::strerror(errno));
        return nullptr;
    }
    s->begin_ = static_cast<std::byte *>(mapped);
    observe::Log::create(s->begin_, keeps_all ? observe::Keep::all : observe::Keep::latest, slots, nanoseconds(CLOCK_MONOTONIC), nanoseconds(CLOCK_REALTIME));
    write_settings(s->header());
    write_command(s->header(), command);
    return s;
}

void SessionFile::finish() noexcept
{
    auto const &h { header() };
    // A process that outlived the program still writes to its mapping, which must not lose its end: the lease is refused while somebody has one.
    if (h.keep == observe::Keep::all && fcntl(fd_, F_SETLEASE, F_WRLCK) == 0)
        (void)!ftruncate(fd_, static_cast<off_t>(observe::bytes_of_log(std::min(h.head.load(), h.limit.load()))));
}

SessionFile::~SessionFile()
{
    if (begin_)
        munmap(begin_, size_);
    if (fd_ >= 0)
        close(fd_);
}

} // namespace gmem::cli
