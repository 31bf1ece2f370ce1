#pragma once
// What the RMM and the granule protection table know of one page, and the entry of the realm's translation table (RTT) that the page is
// bound to. platform-models.md 4.1, 4.2 (RMM specification 1.0, TF-RMM).
//
// The physical side is the granule's: its state, and the physical address space that the granule protection table (GPT) puts it in. The
// realm's side is the IPA's: HIPAS (is something mapped), RIPAS (what the realm takes it for). A page is at one IPA at a time; an entry of
// an IPA that the page has left for another one is forgotten, unless it is mapped.
//
// Invariants (audit):
//   C1  a granule is in the Realm PAS if and only if it is delegated, whatever has become of it since.
//   C2  an entry is ASSIGNED if and only if the granule is DATA.
//   C3  there is a frame only where there is an entry.

#include <cstddef>
#include <cstdint>

namespace gmem::platform::cca {

enum class Granule : std::uint8_t { undelegated, delegated, rd, rec, rec_aux, data, rtt };
inline constexpr std::size_t granule_states { 7 };

enum class Pas : std::uint8_t { non_secure, secure, realm, root };

enum class Hipas : std::uint8_t { unassigned, assigned };
enum class Ripas : std::uint8_t { empty, ram, destroyed }; // zero is what an entry starts with

struct Entry final {
    Hipas hipas;
    Ripas ripas;

    friend constexpr bool operator==(Entry, Entry) = default;
};

// The record of a page.
struct PageState final {
    Granule granule;
    Pas pas;
    Entry entry;
    bool alias;              // the unprotected alias of the IPA is mapped (ASSIGNED_NS)
    std::uint8_t unused[3];
    std::uint64_t frame;     // of the IPA, in the protected half

    constexpr bool has_entry() const noexcept { return entry != Entry {} || alias; }
    // The entry of an IPA, as far as this page has to do with it.
    constexpr Entry entry_at(std::uint64_t f) const noexcept { return f == frame ? entry : Entry {}; }

    friend constexpr bool operator==(PageState const &, PageState const &) = default;
};
static_assert(sizeof(PageState) == 16);

// The IPA space of a realm. Its upper half is the unprotected alias of the lower half: the same frames, shared with the host.
struct AddressSpace final {
    unsigned ipa_bits { 48 }; // 32 to 52

    constexpr std::uint64_t frames() const noexcept { return std::uint64_t { 1 } << (ipa_bits - 12); }
    constexpr bool is_protected(std::uint64_t frame) const noexcept { return frame < frames() / 2; }
    constexpr bool is_unprotected(std::uint64_t frame) const noexcept { return !is_protected(frame) && frame < frames(); }
    constexpr std::uint64_t alias_of(std::uint64_t frame) const noexcept { return frame + frames() / 2; }
};

} // namespace gmem::platform::cca
