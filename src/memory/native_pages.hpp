#pragma once
// Which pages of a window are natively open (outside any userfaultfd registration). Shared by the parts of a split window.
//
// Invariants:
//   N1  a page whose bit is clear is registered: without a PTE it raises SIGBUS.
//   N2  runs_ is the number of natively open runs: what this window costs in VMAs, within the program's own splits.

#include "attributes/page_bits.hpp"
#include "base/result.hpp"

namespace gmem::memory {

// What the agent registered for another process's conversion: it writes plain data here, under Space::lock(), and the bits follow
// when they are next asked. Only the agent adds, only NativePages takes away.
struct ClosedByAgent final {
    static constexpr unsigned most { 16 };

    std::uint32_t count { 0 };
    std::uint64_t first[most] {}, last[most] {};
};

class NativePages final {
public:
    // For file pages [first, first + pages): all clear. One reference for the caller.
    static Result<NativePages *> create(PageNo first, std::uint64_t pages) noexcept;

    void acquire() noexcept { ++references_; }
    void release() noexcept; // the last one frees

    bool test(PageNo p) noexcept
    {
        settle();
        return bits().test(own(p));
    }
    bool any(PageRange r) noexcept
    {
        settle();
        return runs_ != 0 && bits().first_with(own(r), true).has_value();
    }

    // The first run inside r that is natively open (or, with false, registered).
    std::optional<PageRange> next_run(PageRange r, bool native) noexcept;

    void set(PageRange r, bool native) noexcept;

    // The agent looks at these two: plain data.
    std::uint64_t runs_ { 0 };
    ClosedByAgent closed_by_agent;

    // Natively open runs of all windows of this process.
    static std::uint64_t runs_of_process() noexcept { return all_runs_; }

private:
    PageBits bits() const noexcept { return { base_, PageNo { pages_ } }; }
    PageNo own(PageNo p) const noexcept { return PageNo { p.index() - first_.index() }; }
    PageRange own(PageRange r) const noexcept { return *PageRange::make(own(r.first()), own(r.last())); }
    std::uint64_t edges_around(PageRange r) const noexcept;
    void settle() noexcept
    {
        if (closed_by_agent.count != 0) [[unlikely]]
            apply_what_the_agent_did();
    }
    void apply_what_the_agent_did() noexcept;
    void set_settled(PageRange r, bool native) noexcept;

    std::uint64_t references_ { 1 };
    PageNo first_ { 0 };
    std::uint64_t pages_ { 0 };
    std::size_t bytes_ { 0 };
    std::byte *base_ { nullptr };

    static std::uint64_t all_runs_; // changes under Space::lock()
};

} // namespace gmem::memory
