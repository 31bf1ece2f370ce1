#pragma once
// What each platform does with the pages of a launch, one callback each. A launch through KVM's ioctls and one through the C interface go the same way.

#include "gmem/realm.h"
#include "kvm/launch/populate.hpp"
#include "platform/cca/realm.hpp"
#include "platform/snp/launch.hpp"
#include "platform/tdx/populate.hpp"

namespace gmem::kvm::launch {

// sev_gmem_post_populate(), and what it leaves of the firmware's answer.
class SnpPages final : public Populator {
public:
    struct What final {
        platform::snp::PageType type;
        std::uint64_t frame;    // the first, at which
        std::uintptr_t source;  // the program's address is; 0 for none
        bool in_place;          // may there be none?
        bool sev_device { true }; // is the firmware to be had?
    };
    SnpPages(platform::snp::Launch &firmware, What const &what) noexcept : firmware_ { firmware }, what_ { what } {}

    int page(PageOfLaunch const &at) noexcept override;
    platform::snp::Firmware answer() const noexcept { return answer_; }

private:
    int injected(PageOfLaunch const &at) noexcept;
    void correct(PageOfLaunch const &at) const noexcept;

    platform::snp::Launch &firmware_;
    What what_;
    platform::snp::Firmware answer_ { platform::snp::Firmware::success };
};

// SNP_LAUNCH_START and SNP_ACTIVATE, with the guest's ASID and key.
platform::snp::Firmware begin(platform::snp::Launch &, platform::snp::LaunchStart const &, std::uint16_t asid, std::byte const (&key)[crypto::xts_key_bytes]) noexcept;

// TDH.MNG.CREATE to TDH.MNG.INIT, with the TD's key number. 0, or -ENOMEM, -EIO and there is no TD.
long begin(std::optional<platform::tdx::Td> &, std::uint16_t id) noexcept;

// Pages that went in and that nobody had ever touched: the TD would start, and hang without a word.
struct NeverWritten final {
    std::uint64_t first { 0 }, pages { 0 }; // frame of the first, and how many
};
// Says so, once for all of them, and forgets them.
void warn(NeverWritten &, platform::tdx::Measure) noexcept;

// tdx_gmem_post_populate(), and which pages it found that nobody had ever touched.
class TdxPages final : public Populator {
public:
    TdxPages(platform::tdx::Td &td, platform::tdx::Measure measure, bool in_place, NeverWritten &never_written) noexcept
        : td_ { td }, measure_ { measure }, in_place_ { in_place }, never_written_ { never_written } {}

    int page(PageOfLaunch const &at) noexcept override;

private:
    platform::tdx::Td &td_;
    platform::tdx::Measure measure_;
    bool in_place_;
    NeverWritten &never_written_;
};

// KVM_ARM_RMI_POPULATE. A page that is not the realm's RAM yet becomes it first (RMI_RTT_INIT_RIPAS), which is measured as well.
class RealmPages final : public Populator {
public:
    RealmPages(platform::cca::Realm &realm, bool measure) noexcept : realm_ { realm }, measure_ { measure } {}

    int page(PageOfLaunch const &at) noexcept override;

private:
    platform::cca::Realm &realm_;
    bool measure_;
};
int errno_of(platform::cca::RmiResult) noexcept;

// RMI_REALM_CREATE and RMI_REC_CREATE with the words of gmem/realm.h; nullptr: those of a VMM that does not choose (docs/launch.md). 0, or -EINVAL: words that do
// not exist; -ENXIO: the RMM refuses; -ENOMEM.
long begin(platform::cca::Realm &, gmem_realm_parameters const *) noexcept;
long add_rec(platform::cca::Realm &, gmem_realm_rec const &) noexcept;

// The machine that VMSAs are pages of: KVM's own, and as the guest's memory is, encrypted.
class VmsaPages final {
public:
    // The guest's ASID and key.
    VmsaPages(std::uint16_t asid, std::byte const (&key)[crypto::xts_key_bytes]) noexcept;
    ~VmsaPages();
    VmsaPages(VmsaPages const &) = delete;
    explicit operator bool() const noexcept { return cipher_ != nullptr; }

    // To be filled, then added as that of vCPU `ordinal`; what is in it afterwards is ciphertext.
    std::byte *page() noexcept { return bytes_; }
    platform::snp::Firmware add(platform::snp::Launch &firmware, std::uint32_t ordinal) noexcept;

private:
    alignas(page_size) std::byte bytes_[page_size] {};
    platform::Record record_ {};
    platform::VmState state_ {};
    crypto::Cipher *cipher_;
};

} // namespace gmem::kvm::launch
