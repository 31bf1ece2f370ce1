#pragma once
// The log of a session, as `gmem run` makes it before the program begins: a trace that the user named, or memory that goes with the last process.

#include "observe/log_layout.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gmem::cli {

class SessionFile final {
public:
    // How many events fit: a trace grows up to that, memory of the session's is a ring of so many.
    static constexpr std::uint64_t trace_slots { std::uint64_t { 1 } << 27 }; // 16 GiB
    static constexpr std::uint64_t ring_slots { std::uint64_t { 1 } << 16 };  // 8 MiB

    // `trace` empty: no trace. nullptr: `complaint` says why not.
    static std::unique_ptr<SessionFile> make(std::string const &trace, std::vector<std::string> const &command, std::string &complaint);
    ~SessionFile();
    SessionFile(SessionFile const &) = delete;

    // For GMEM_SESSION.
    std::string const &path() const noexcept { return path_; }
    observe::LogHeader &header() const noexcept { return *reinterpret_cast<observe::LogHeader *>(begin_); }
    std::byte *begin() const noexcept { return begin_; }
    std::size_t size() const noexcept { return size_; }

    // Cuts a trace to what is in it, when nobody else has it any more.
    void finish() noexcept;

private:
    SessionFile() = default;

    int fd_ { -1 };
    std::string path_;
    std::byte *begin_ { nullptr };
    std::size_t size_ { 0 };
};

} // namespace gmem::cli
