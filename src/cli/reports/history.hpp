#pragma once
// What the log said of each guest_memfd: who made which pages private, what is bound, pinned and mapped, and what happened lately. Bounded: of a very long
// history the beginning is forgotten, which whoever asks then hears.

#include "cli/reports/processes.hpp"

#include <deque>
#include <map>

namespace gmem::cli::reports {

struct Past final {
    observe::Event event;
    StackId stack { no_stack };
};

class FileHistory final {
public:
    void see(Past const &p);

    // What made the page at `offset` what it is: a conversion, or the file's creation. nullptr: forgotten.
    Past const *origin(std::uint64_t offset) const;
    bool is_private(std::uint64_t offset) const;

    // A memslot that shows `offset`; nullptr: none.
    observe::Event const *slot_of(std::uint64_t offset) const;
    // A pin on bytes [begin, end) that is held; nullptr: none is known.
    Past const *pin_in(std::uint64_t begin, std::uint64_t end) const;
    std::vector<Past> const &pins() const noexcept { return pins_; }

    // The latest `most` events about the page at `offset`, latest last.
    std::vector<observe::Event> latest(std::uint64_t offset, std::size_t most) const;
    observe::Event const *creation() const noexcept { return created_ ? &created_->event : nullptr; }

private:
    struct Change final {
        std::uint64_t end;
        Past what;
    };
    static constexpr std::size_t most_changes { 1 << 16 }, most_recent { 4096 }, most_pins { 65536 };

    void change(Past const &p);
    void unpin(observe::Event const &e);

    std::optional<Past> created_;
    bool forgot_ { false };
    std::map<std::uint64_t, Change> changes_; // by begin; they do not overlap
    std::deque<observe::Event> recent_;
    std::vector<observe::Event> slots_;
    std::vector<Past> pins_;
};

// Where a process shows a file.
struct WindowSeen final {
    std::uint64_t begin, end, file, offset;
};

class History final {
public:
    void see(Past const &p);
    FileHistory const &file(std::uint64_t inode) const;
    std::map<std::uint64_t, FileHistory> const &files() const noexcept { return files_; }

    // Does `address` of a process show byte `offset` of the file?
    bool shows(std::uint32_t process, std::uint64_t address, std::uint64_t file, std::uint64_t offset) const;

private:
    void see_window(observe::Event const &e);

    std::map<std::uint64_t, FileHistory> files_;
    std::unordered_map<std::uint32_t, std::vector<WindowSeen>> windows_; // by process
};

} // namespace gmem::cli::reports
