#pragma once
// The commands of the Realm Management Interface for one page: granules, and entries of a realm's translation table. What needs a realm's
// state or measurement is in realm.hpp, what needs a guest's request in rec.hpp. platform-models.md 4.1.
//
// A command that does not succeed has changed nothing.

#include "platform/cca/granule.hpp"
#include "platform/pages.hpp"

#include <cstddef>
#include <cstdint>

namespace gmem::platform::cca {

enum class Rmi : std::uint8_t {
    success = 0,
    error_input = 1, // RMI_ERROR_INPUT: an argument, or a granule that is in no state for it
    error_realm = 2, // RMI_ERROR_REALM: the realm is in no state for it
    error_rec = 3,   // RMI_ERROR_REC
    error_rtt = 4,   // RMI_ERROR_RTT: the entry is in no state for it; index is the level that the walk reached
    no_hash = 0xff,  // not of the RMM: there is no hash function here, or no memory for it
};

struct [[nodiscard]] RmiResult final {
    Rmi status;
    std::uint8_t index { 0 };

    constexpr explicit operator bool() const noexcept { return status == Rmi::success; }
    // As the command returns it in its first register.
    constexpr std::uint64_t value() const noexcept { return static_cast<std::uint64_t>(status) | std::uint64_t { index } << 8; }

    friend constexpr bool operator==(RmiResult, RmiResult) = default;
};
inline constexpr std::uint8_t leaf_level { 3 };
inline constexpr RmiResult rmi_success { Rmi::success };
inline constexpr RmiResult rmi_error_input { Rmi::error_input };
inline constexpr RmiResult rmi_error_realm { Rmi::error_realm };
inline constexpr RmiResult rmi_error_rtt { Rmi::error_rtt, leaf_level };

// What commands do to a granule. Those that make a granule something else than DATA stand for REALM_, REC_ and RTT_CREATE and _DESTROY.
enum class GranuleCommand : std::uint8_t {
    delegate,     // to the Realm PAS; the bytes stay, unseen
    undelegate,   // wiped as Options::cca_wiped says, and back to the host
    realm_create,
    realm_destroy,
    rec_create,
    rec_destroy,
    rec_create_aux,
    rec_destroy_aux,
    rtt_create,
    rtt_destroy,
};
inline constexpr std::size_t granule_commands { 10 };
RmiResult command(Pages &, PageNo, GranuleCommand) noexcept;

// RMI_DATA_CREATE_UNKNOWN (RTT_DATA_MAP): the granule becomes the page at an IPA of the protected half. Zero-filled, as TF-RMM does it; the RIPAS stays.
RmiResult data_create_unknown(Pages &, PageNo, std::uint64_t frame, AddressSpace) noexcept;

// RMI_DATA_DESTROY (RTT_DATA_UNMAP): the page leaves its IPA, which is DESTROYED for the realm if it was RAM. The granule stays delegated.
RmiResult data_destroy(Pages &, PageNo, std::uint64_t frame, AddressSpace) noexcept;

// RMI_RTT_MAP_UNPROTECTED and RMI_RTT_UNMAP_UNPROTECTED. `frame` is in the upper half.
RmiResult map_unprotected(Pages &, PageNo, std::uint64_t frame, AddressSpace) noexcept;
RmiResult unmap_unprotected(Pages &, PageNo, std::uint64_t frame, AddressSpace) noexcept;

// What commands do to an entry, in one table.
enum class EntryCommand : std::uint8_t {
    data_create,
    data_create_unknown,
    data_destroy,
    init_ripas,               // RMI_RTT_INIT_RIPAS
    set_ram,                  // RMI_RTT_SET_RIPAS, without RSI_CHANGE_DESTROYED
    set_empty,
    set_ram_destroyed_too,    // with it
    set_empty_destroyed_too,
};
inline constexpr std::size_t entry_commands { 8 };

// The page's state with the entry at `frame` as the command leaves it: granule and bytes are the caller's to change. False: RMI_ERROR_RTT.
bool step(PageState &, std::uint64_t frame, EntryCommand) noexcept;

} // namespace gmem::platform::cca
