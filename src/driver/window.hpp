#pragma once
// The host's mapping of a guest_memfd, looked at by a program that expects SIGBUS where it may not look.

#include "driver/guest_memfd.hpp"
#include "driver/mapping.hpp"
#include "driver/page.hpp"

#include <optional>

namespace gmem::driver {

class Window final {
public:
    // Installs this program's handler of SIGBUS; a SIGBUS outside of read() and write() ends the program as ever.
    explicit Window(GuestMemfd const &file);

    // Offsets are bytes, page aligned. nullopt or false: SIGBUS.
    std::optional<Page> read(std::uint64_t offset) const;
    bool write(std::uint64_t offset, Page const &) const;

    std::byte *at(std::uint64_t offset) const { return mapping_.at(offset); }
    std::size_t size() const { return mapping_.size(); }

private:
    Mapping mapping_;
};

} // namespace gmem::driver
