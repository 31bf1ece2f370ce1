#pragma once
// Where --inject meets a gmem (observe/inject.hpp): each asks first, and does nothing without it.

#include "memory/guest_memory.hpp"
#include "memory/peers.hpp"

namespace gmem::memory::injected {

// Of an Error: no retry of gmem's own.
inline constexpr char refusal_site[] { "inject.convert" };

// A conversion that would change something is refused: EAGAIN or ENOMEM, at a page of it. Nothing has been changed yet.
Status refusal(GuestMemory const &file, PageRange r, Attribute to) noexcept;

// Sleeps, before any lock is taken.
void delay(GuestMemory const &file, PageRange r, Attribute to) noexcept;

// A page of `r` is a memory failure from now on: of the file, until it is punched.
void poison(GuestMemory const &file, PageRange r) noexcept;

// ENOMEM for an allocation.
Status allocation(GuestMemory const &file, PageRange r) noexcept;

// One of the peers that are about to be asked dies.
void kill_peer(GuestMemory const &file, Peers &peers, PageRange r) noexcept;

} // namespace gmem::memory::injected
