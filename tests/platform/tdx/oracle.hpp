#pragma once
// What TDX promises, as dumb as it can be said: five states of a page, a word that fills it, and two counts of vCPUs. Shares no code with the
// model but the names of its answers.

#include "platform/tdx/status.hpp"

#include <cstdint>
#include <vector>

namespace gmem::platform::tdx {

struct OraclePage {
    enum State { host, pending, mapped, pending_blocked, mapped_blocked } state { host };
    std::uint64_t frame { 0 };
    std::uint64_t blocked_at { 0 };
    std::uint64_t word { 0 };  // every word of the page, where `known`
    bool known { true };       // false: ciphertext; `word` is what it may not show
    bool in_td() const { return state != host; }
    bool secret() const { return state == mapped || state == mapped_blocked; }
    bool blocked() const { return state == pending_blocked || state == mapped_blocked; }
};

struct Oracle {
    explicit Oracle(std::uint64_t pages) : page(pages) {}

    std::vector<OraclePage> page;
    bool finalized { false };
    std::uint64_t epoch { 0 };
    unsigned inside_now { 0 }, inside_before { 0 };

    bool is_at(std::uint64_t p, std::uint64_t frame) const { return page[p].in_td() && page[p].frame == frame; }

    Seam add(std::uint64_t p, std::uint64_t frame)
    {
        if (finalized)
            return Seam::op_state_incorrect;
        if (page[p].in_td())
            return is_at(p, frame) ? Seam::ept_entry_state_incorrect : Seam::page_metadata_incorrect;
        page[p].state = OraclePage::mapped;
        page[p].frame = frame;
        return Seam::success;
    }
    Seam aug(std::uint64_t p, std::uint64_t frame)
    {
        if (page[p].in_td())
            return is_at(p, frame) ? Seam::ept_entry_state_incorrect : Seam::page_metadata_incorrect;
        page[p].state = OraclePage::pending;
        page[p].frame = frame;
        return Seam::success;
    }
    Seam accept(std::uint64_t p, std::uint64_t frame)
    {
        if (!finalized)
            return Seam::op_state_incorrect;
        if (!is_at(p, frame) || page[p].blocked())
            return Seam::ept_violation;
        if (page[p].state == OraclePage::mapped)
            return Seam::page_already_accepted;
        page[p].state = OraclePage::mapped;
        page[p].word = 0;
        page[p].known = true;
        return Seam::success;
    }
    Seam block(std::uint64_t p, std::uint64_t frame)
    {
        if (!is_at(p, frame))
            return Seam::ept_entry_state_incorrect;
        if (page[p].blocked())
            return Seam::gpa_range_already_blocked;
        page[p].state = page[p].state == OraclePage::mapped ? OraclePage::mapped_blocked : OraclePage::pending_blocked;
        page[p].blocked_at = epoch;
        return Seam::success;
    }
    Seam unblock(std::uint64_t p, std::uint64_t frame)
    {
        if (!is_at(p, frame))
            return Seam::ept_entry_state_incorrect;
        if (!page[p].blocked())
            return Seam::gpa_range_not_blocked;
        page[p].state = page[p].state == OraclePage::mapped_blocked ? OraclePage::mapped : OraclePage::pending;
        return Seam::success;
    }
    Seam track()
    {
        if (inside_before)
            return Seam::previous_tlb_epoch_busy;
        ++epoch;
        inside_before = inside_now;
        inside_now = 0;
        return Seam::success;
    }
    // The bytes stay: the raw call wipes nothing.
    Seam remove(std::uint64_t p, std::uint64_t frame)
    {
        if (!is_at(p, frame))
            return Seam::ept_entry_state_incorrect;
        if (finalized && !page[p].blocked())
            return Seam::gpa_range_not_blocked;
        // A vCPU that was inside when the page was blocked may still reach it.
        if (finalized && !(epoch > page[p].blocked_at && (inside_before == 0 || epoch - page[p].blocked_at > 1)))
            return Seam::tlb_tracking_not_done;
        page[p].state = OraclePage::host;
        return Seam::success;
    }
};

} // namespace gmem::platform::tdx
