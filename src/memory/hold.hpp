#pragma once
// Taking hold for the length of one call, and for longer where the call succeeds: before the call add(), after it keep(). What was not
// kept goes with this object: there is no moment in which a page is really pinned and may become private. Requests of several parts say
// with which one each range belongs.

#include "memory/holds.hpp"

namespace gmem::memory {

class Hold final {
public:
    Hold(PinKind kind, int descriptor, std::uint64_t group = 0, std::uint64_t tag = 0) noexcept : key_ { kind, descriptor, group, tag } {}
    ~Hold();
    Hold(Hold const &) = delete;

    // The next part of the request, with its own tag.
    void begin_part(std::uint64_t tag) noexcept;

    // Holds the pages that windows show in `r`. EFAULT: one is private or past the end of its file. ENOMEM: too many.
    Status add(os::AddressRange r) noexcept;
    // The same; what each window shows is tagged with its address.
    Status add_by_address(os::AddressRange r) noexcept;
    // The same, without what cannot be held.
    void add_what_is_shared(os::AddressRange r) noexcept;

    bool any() const noexcept { return taker_ != 0; }

    // It belongs to the object now: the first `parts` parts of it.
    void keep(std::uint32_t parts = all_parts) noexcept;
    // The same; the tags are known only now: one after the other.
    void keep_as(std::uint64_t first_tag, std::uint32_t parts = all_parts) noexcept;
    // As the youngest piece of a pipe: its tag is the number of bytes that were put in up to its end.
    void keep_in_pipe(std::uint64_t bytes) noexcept;

private:
    static constexpr std::uint32_t all_parts { ~std::uint32_t { 0 } };

    template <typename Add>
    static Status for_each_window(os::AddressRange r, Add add) noexcept;
    Status add_pages(GuestMemory &file, PageRange r) noexcept;
    template <typename Tag>
    void keep_with(std::uint32_t parts, Tag tag) noexcept;

    HoldKey key_;
    std::uint64_t taker_ { 0 }; // 0: nothing was added
    std::uint32_t part_ { 0 };
    bool begun_ { false };
};

} // namespace gmem::memory
