#pragma once
// One gmem's part in its session's figures (observe/figures.hpp). Without a session, and for a file that found no entry: one load and a branch.

#include "attributes/attribute_map.hpp"
#include "observe/figures.hpp"

namespace gmem::memory {

class GuestMemory;

class FileFigures final {
public:
    // Of a file that this process has just taken, and of one that it gives up.
    void enter(GuestMemory const &file) noexcept;
    void leave(GuestMemory &file) noexcept;
    // The child has it too.
    void continue_in_child() noexcept;

    // nullptr: nobody counts.
    observe::FileFigures *entry() const noexcept
    {
        if (!entry_) [[likely]]
            return nullptr;
        return entry_->file.load(std::memory_order_relaxed) == inode_ ? entry_ : nullptr;
    }

    void count_refused(int err) const noexcept;
    // How much memory the file has now.
    void look(GuestMemory &file) const noexcept;

private:
    observe::FileFigures *entry_ { nullptr };
    std::uint64_t inode_ { 0 };
};

// Shows `r` as under way, since `time`: nanoseconds, CLOCK_MONOTONIC.
void begin(observe::Progress &p, PageRange r, Attribute to, std::uint64_t time) noexcept;

// Shows a conversion as under way for a scope, and counts it. Under the file's lock.
class CountedConversion final {
public:
    CountedConversion(GuestMemory &file, PageRange r, Attribute to, std::uint64_t began) noexcept : file_ { file }, range_ { r }, to_ { to }, entry_ { entry_of(file) }
    {
        if (entry_) [[unlikely]]
            begin(began);
    }
    ~CountedConversion()
    {
        if (entry_) [[unlikely]]
            entry_->under_way.size.store(0, std::memory_order_relaxed);
    }
    CountedConversion(CountedConversion const &) = delete;

    // Of its stages, `stage` of four are done.
    void at(unsigned stage) noexcept
    {
        if (entry_) [[unlikely]]
            entry_->under_way.done.store(entry_->under_way.size.load(std::memory_order_relaxed) / 4 * stage, std::memory_order_relaxed);
    }
    // Before the attributes change.
    void look() noexcept
    {
        if (entry_) [[unlikely]]
            changes_ = pages_to_change();
    }
    void done() noexcept
    {
        if (entry_) [[unlikely]]
            count();
    }

private:
    static observe::FileFigures *entry_of(GuestMemory const &file) noexcept;
    void begin(std::uint64_t time) noexcept;
    void count() noexcept;
    std::uint64_t pages_to_change() const noexcept;

    GuestMemory &file_;
    PageRange range_;
    Attribute to_;
    observe::FileFigures *entry_;
    std::uint64_t changes_ { 0 };
};

} // namespace gmem::memory
