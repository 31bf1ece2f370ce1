#pragma once
// The first look at a trace: which memory it is about, from when to when, how much of what.

#include "attributes/attribute.hpp"
#include "cli/trace_file.hpp"

#include <array>
#include <map>
#include <vector>

namespace gmem::cli::picture {

inline constexpr std::uint64_t page_bytes { 4096 };
inline constexpr std::uint64_t most_pages { std::uint64_t { 1 } << 32 }; // 16 TiB, gmem's own limit of a file

// Memory with one attribute a page: a guest_memfd, or, where the VM keeps the attributes, the addresses of a VM's guest.
struct Space final {
    enum class Of : std::uint8_t { file, vm };

    Of of;
    std::uint64_t id;        // inode, or what the trace calls the VM
    std::uint64_t pages { 0 };
    Attribute initial { Attribute::shared };
    bool initial_is_known { false }; // else: the opposite of what was first converted to
    std::uint64_t conversions { 0 };
};

// Where an event was. Pages; `count` is never 0, and all are in the space.
struct Place final {
    std::uint32_t space;
    std::uint64_t first, count;
};

struct Survey final {
    static constexpr std::size_t most_spaces { 4096 };

    std::vector<Space> spaces;
    std::uint64_t begin { 0 }, end { 0 }; // CLOCK_MONOTONIC, nanoseconds
    std::array<std::uint64_t, observe::kinds> of_kind {};
    std::uint64_t events { 0 };  // that something can be made of
    std::uint64_t failed { 0 };  // of them
    std::uint64_t ordinary { 0 }; // conversions that worked
    std::uint64_t missing { 0 }; // cut off by the death of their writer
    std::uint64_t strange { 0 }; // what no gmem writes

    static Survey of(TraceFile const &trace);

    // Calls visit(EventNo, Event const &, Place const *) for each event that is counted in `events`; no Place where it is not about pages.
    template <typename Visit>
    void for_each(TraceFile const &trace, Visit &&visit) const
    {
        (void)trace.reader().for_each([&](observe::EventNo n, observe::Event const &e) {
            if (!is_plausible(e, trace.reader().header()))
                return;
            auto const place { place_of(e) };
            visit(n, e, place ? &*place : nullptr);
        });
    }

private:
    static bool is_plausible(observe::Event const &e, observe::LogHeader const &h) noexcept;
    std::optional<Place> place_of(observe::Event const &e) const;
    void note(observe::Event const &e);

    std::map<std::pair<Space::Of, std::uint64_t>, std::uint32_t> numbers_;
};

inline bool is_conversion(observe::Event const &e) noexcept { return e.kind == observe::Kind::convert || e.kind == observe::Kind::vm_attributes; }
// A file is made with an attribute for all its pages; its number may have been another file's before.
inline bool changes_state(observe::Event const &e) noexcept { return e.result >= 0 && (is_conversion(e) || e.kind == observe::Kind::create); }
inline Attribute target(observe::Event const &e) noexcept { return e.detail ? Attribute::private_ : Attribute::shared; }

} // namespace gmem::cli::picture
