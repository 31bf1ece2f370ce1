#pragma once
// Content modes: what a conversion is answered that asks for one, and who reads what afterwards. guest_memfd specification 0.1, 2.6 and
// platform-models.md 6, 7.1 to 7.6, in their order: a function for each platform.

#include <cstdint>
#include <optional>

namespace gmem::spec {

enum class Profile : std::uint8_t { mainline, v8, may1, rfc_v5, rfc_v4, feb };
enum class Platform : std::uint8_t { sw_protected, snp, tdx, pkvm, cca };
enum class Direction : std::uint8_t { to_private, to_shared };
enum class Mode : std::uint8_t { unspecified, zero, preserve, encrypted }; // preserve: READABLE in the February proposal
enum class Launch : std::uint8_t { under_way, finished };                  // pKVM and SW_PROTECTED have none: no difference

// What the caller's flags ask for (2.6, 6); nothing: EINVAL. In the February proposal, which has no numbers: 1 ZERO, 2 READABLE, 4 ENCRYPTED.
std::optional<Mode> mode_of(Profile profile, std::uint64_t flags);

// 0, EOPNOTSUPP, or EINVAL where the version has no such flag.
int content_errno(Profile profile, Platform platform, Direction direction, Mode mode, Launch launch);

enum class Reads : std::uint8_t {
    host_bytes,  // what the host wrote before
    guest_bytes, // what the guest wrote before
    zeros,
    noise,       // the wrong side of encryption
    random,      // scrambled
    sigbus,
    undefined,   // nothing is said
    nobody       // nobody can look
};
struct Readers final {
    Reads host, guest;

    friend bool operator==(Readers, Readers) = default;
};

// What both sides read after the call, whether it succeeded or not.
//   to private: the host has written to the shared page. While the launch is under way the page is then loaded in place (LAUNCH_UPDATE, INIT_MEM_REGION,
//               POPULATE) and the guest looks once it runs; later, it accepts the page first. On pKVM it has asked for the conversion.
//   to shared:  launch under way: the page was made private and not loaded (a CPUID page that the firmware refused), and the guest looks once it runs.
//               Later: the guest has written to its private page. It looks through the shared side.
// The platforms' options have their defaults.
Readers readers_after(Profile profile, Platform platform, Direction direction, Mode mode, Launch launch);

// What guest_memfd does to the bytes of the pages of the range that have memory (2.6, last rows of 7).
enum class Touch : std::uint8_t { nothing, zeroes, scrambles };
Touch touch(Profile profile, Platform platform, Direction direction, Mode mode, Launch launch);

// May the outcome leave other bytes than before even though guest_memfd touches none (2.6: "firmware may have side effects")?
bool firmware_changes_bytes(Platform platform);

// 6: is error_offset looked at on entry? Is the mode applied where no attribute changes?
bool error_offset_must_be_zero(Profile profile);
bool mode_counts_without_change(Profile profile);

} // namespace gmem::spec
