#pragma once
// How the calls on memory read and write entries: the 4 KiB ones in the pages' records, the 2 MiB ones in both.

#include "platform/tdx/memory_calls.hpp"

namespace gmem::platform::tdx {

inline PageRecord record_at(Pages const &pages, PageNo p) noexcept { return record_as<PageRecord>(pages.record(p)); }

// Aligned, inside of the file, with the entry that the level needs.
Seam well_formed(Pages const &, Place const &) noexcept;

// Does the entry above lead to the entry of the place?
Seam walk(Place const &) noexcept;

// Do all pages of the place belong to nobody?
bool unassigned(Pages const &, Place const &) noexcept;

// The pages of the place become the TD's, under a new entry.
void give(TdState const &, Pages &, Place const &, Entry) noexcept;
// The pages' entry changes, with the epoch that it has to remember.
void change(Pages &, Place const &, Entry, std::uint64_t block_epoch) noexcept;
// The pages are nobody's again.
void take(Pages &, Place const &) noexcept;

std::uint64_t block_epoch_at(Pages const &, Place const &) noexcept;

} // namespace gmem::platform::tdx
