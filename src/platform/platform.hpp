#pragma once
// What KVM asks of a trusted side, one object a kind, without state of its own: everything is in Pages. The names are those of KVM's
// hooks (platform-models.md, section 0):
//
//   conversion to shared    veto -> (point of no return) -> make_shared -> converted, BEFORE anything else of the host looks at the page
//   conversion to private   veto -> (point of no return) -> converted; the trusted side hears of it at the first private use
//   private guest fault     make_private, then guest_access
//   launch                  the platform's own calls (snp/launch.hpp, tdx/launch.hpp, cca/realm.hpp)
//   pages leave the file    reclaim, before they do
//
// A page is "held" while its record is not that of a page of the host. make_shared and reclaim leave no held page behind; veto,
// host_access and guest_access change nothing.

#include "attributes/attribute.hpp"
#include "base/result.hpp"
#include "platform/pages.hpp"
#include "platform/solicited.hpp"
#include "platform/verdict.hpp"

namespace gmem::platform {

class Platform {
public:
    virtual Kind kind() const noexcept = 0;

    // Does the trusted side do anything to bytes or keep records? False for sw_protected: then no other hook is called. True: a real vCPU may only
    // reach a private page after make_private.
    virtual bool keeps_records() const noexcept = 0;
    // Does it encrypt? Then Pages::cipher is there, unless nobody ever sees ciphertext with these options.
    virtual bool encrypts() const noexcept = 0;
    virtual bool uses_cipher(Options const &) const noexcept { return encrypts(); }

    // May `r` (with all of its pages' frames from `first_frame` on, where a memslot has them; ~0: nowhere bound) be converted? Changes nothing.
    virtual Status veto(Pages const &, PageRange r, Attribute to, std::uint64_t first_frame) const noexcept = 0;

    // To-shared, for a run of held pages. Afterwards the host reads what it would read on that hardware, and none is held. May not fail: a page that the
    // firmware would not give back is what KVM calls leaked, and is held no more either; its host reads zeros.
    virtual void make_shared(Pages &, PageRange held) const noexcept = 0;

    // Has a guest asked for this conversion? Looked at before it is committed, where that makes a difference.
    virtual Solicited solicited(Pages const &, PageRange, Attribute /*to*/) const noexcept { return Solicited::yes; }

    // A conversion that veto let pass is committed, and make_shared was done with its held pages: requests of guests that it answers are
    // answered. Before the host's first look at the pages. Changes nothing about which are held. Idempotent: who dies in it leaves it to others.
    virtual void converted(Pages &, PageRange, Attribute /*to*/, Solicited) const noexcept {}

    // A guest has asked its VMM for a conversion of these pages of the file: KVM's own note of it.
    virtual void asked_for(Pages &, PageRange, Attribute /*to*/) const noexcept {}

    // A private guest access found the page not yet the guest's: KVM's fault path. `frame` is where the guest has it. Idempotent. EINVAL / EIO / ... as
    // KVM's own path answers.
    virtual Status make_private(Pages &, PageNo, std::uint64_t frame) const noexcept = 0;

    // What a well-behaved guest does next, so that the page is its own: PVALIDATE, TDG.MEM.PAGE.ACCEPT, ... For guests that cannot do it themselves.
    virtual void accept(Pages &, PageNo, std::uint64_t frame) const noexcept = 0;

    // The memslot that had the page at `frame` is going: KVM zaps. The page stays private.
    virtual void unmap(Pages &, PageNo, std::uint64_t frame) const noexcept = 0;

    // Punch hole, or the end of the file: the pages go back to the host. Nobody reads their bytes any more.
    virtual void reclaim(Pages &, PageRange held) const noexcept = 0;

    virtual bool held(Record const &) const noexcept = 0;

    virtual HostVerdict host_access(Pages const &, PageNo, Access) const noexcept = 0;
    virtual GuestVerdict guest_access(Pages const &, PageNo, std::uint64_t frame, Side, Access) const noexcept = 0;

    // What the verdict ciphertext shows: one page, into `out`.
    virtual void read_ciphertext(Pages const &, PageNo, std::byte *out) const noexcept = 0;

    // One word for the page's state in the vendor's language ("GUEST_VALID", "PENDING", ...): for dumps, docs and tests.
    virtual char const *state_name(Record const &) const noexcept = 0;

    // nullptr: the record is one that the platform's state machine can reach.
    virtual char const *audit(Record const &) const noexcept = 0;

protected:
    ~Platform() = default; // never deleted: objects live for ever
};

inline constexpr std::uint64_t no_frame { ~std::uint64_t { 0 } };

// The one object of a kind.
Platform const &platform_of(Kind) noexcept;

} // namespace gmem::platform
