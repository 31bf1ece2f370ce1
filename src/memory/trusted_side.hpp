#pragma once
// The trusted side of one guest_memfd: the model of its platform, the records of its pages, and which of them the platform holds. Made on
// the spot from the file; has no state of its own.
//
// Invariants (audit() proves them):
//   S1  a bit of the held map is set exactly while the platform holds that page, except where the journal says that somebody is at it.
//   S2  what the held map and the records of a range need is resident before anything of it changes: hooks that may not fail do not fail.
//   S3  a held page is private, or it is on its way to shared and the journal says so.
//
// Callers hold the file's lock.

#include "memory/guest_memory.hpp"
#include "platform/platform.hpp"

namespace gmem::memory {

class TrustedSide final {
public:
    explicit TrustedSide(GuestMemory &file) noexcept : file_ { file }, platform_ { platform::platform_of(file.header().vm.kind) } {}

    platform::Platform const &platform() const noexcept { return platform_; }
    platform::Pages pages() const noexcept;

    // Step 2 of a conversion: may the platform's firmware, or its rules, refuse? Changes nothing.
    Status veto(PageRange r, Attribute to) const noexcept;

    // After the point of no return: whatever of `r` the platform holds is the host's again.
    void make_shared(PageRange r) noexcept;

    // Has a guest asked for it? Before the commit.
    platform::Solicited solicited(PageRange r, Attribute to) const noexcept;

    // After the commit, before any window of `r` is opened: guests' requests that the conversion answers are answered. Once, or once more after the process was
    // killed in between: the journal knows.
    void converted(PageRange r, Attribute to, platform::Solicited asked) noexcept;

    // Before pages leave the file.
    void reclaim(PageRange r) noexcept;

    // The guest's first private use of a page, at the frame where it has it. ENOMEM, or what KVM's fault path answers.
    Status make_private(PageNo p, std::uint64_t frame, GuestMemory::Accepts who) noexcept;

    // KVM zaps what a memslot showed: pages stay private.
    void unmap(PageRange r, std::uint64_t first_frame) noexcept;

    // Before the platform's own calls change records of `r`: ENOMEM at r.first(). Then the calls, then settle() of the same pages, whatever came of the
    // calls: a process that is killed in between leaves a journal. No conversion, and no other call of this class, in between.
    Status stage(PageRange r) noexcept;
    // After such calls: the held map follows the records.
    void settle(PageRange r) noexcept;

    // What a host access that no window gates would meet. Changes nothing.
    platform::HostVerdict host_access(PageNo p, platform::Access a) const noexcept;
    // The platform's word for the page's state.
    char const *state_name(PageNo p) const noexcept;

    char const *audit() const noexcept;

private:
    // Has the platform ever heard of the page? Its record may be looked at then.
    bool knows(PageNo p) const noexcept;
    template <typename Visit>
    void for_each_held_run(PageRange r, Visit &&visit) noexcept;
    // Calls `visit(run)` for runs that cover all pages of `r` of which the platform knows anything.
    template <typename Visit>
    void for_each_known_run(PageRange r, Visit &&visit) noexcept;

    GuestMemory &file_;
    platform::Platform const &platform_;
};

} // namespace gmem::memory
