#pragma once
// A VM of one platform with one page to convert, and the two who look at it.

#include "driver/guest.hpp"
#include "driver/launch.hpp"
#include "driver/matrix/cell.hpp"
#include "driver/window.hpp"

#include <optional>

namespace gmem::driver::matrix {

class Subject final {
public:
    // The launch has begun, where the platform has one; the page is shared and nobody has written to it. pkvm: the guest has had the page and shared it.
    explicit Subject(Platform);

    static constexpr std::uint64_t offset { page_size }; // of the page; not 0, so that error_offset says something

    Platform platform() const { return platform_; }
    bool is_launched() const; // has the platform a launch at all?

    // The page as the launch's image, in place; or from `copy`, where the platform cannot.
    void load(Page const &copy);
    void end_launch();

    Converted convert(To to, std::uint64_t flags) const { return file_.convert(offset, page_size, to, flags); }

    // A conversion as the guest asks for it where it has to (pkvm in both directions, cca to private), and has taken it over afterwards (to private: PVALIDATE,
    // ACCEPT). Only where the launch has ended.
    Converted convert_with_guest(To to, std::uint64_t flags);
    // The guest has asked too late: the page is private already (cca).
    void take_over_unasked();

    void host_writes(Page const &);
    void guest_writes(Page const &);
    std::optional<Page> host_reads() const { return window_.read(offset); }
    std::optional<Page> guest_reads(Side side) { return guest_->read(gpa, side); }

private:
    static constexpr std::uint64_t base { 0x200000 }, gpa { base + offset }, size { 4 * page_size };

    std::optional<gmem_guest_op> request(To to) const; // of the guest, to its VMM
    void take_over();

    Platform platform_;
    Vm vm_;
    SnpLaunch snp_ { vm_ };
    TdxLaunch tdx_ { vm_ };
    RealmLaunch realm_ { vm_ };
    std::optional<Guest> guest_;
    GuestMemfd file_;
    Window window_;
};

} // namespace gmem::driver::matrix
