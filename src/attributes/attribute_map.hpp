#pragma once
// Which pages of a guest_memfd are private: PageBits with a meaning. A view on shared memory; see page_bits.hpp for who may write
// and read, and for the invariants.

#include "attributes/attribute.hpp"
#include "attributes/page_bits.hpp"

namespace gmem {

class AttributeMap final {
public:
    static constexpr PageBitsLayout layout(PageNo pages) noexcept { return PageBits::layout(pages); }

    AttributeMap(std::byte *base, PageNo pages) noexcept : bits_ { base, pages }, pages_ { pages } {}

    // On zero-filled memory: every page gets `initial`.
    void initialise(Attribute initial) noexcept { bits_.set(all(), is_set(initial)); }

    Attribute at(PageNo p) const noexcept { return bits_.test(p) ? Attribute::private_ : Attribute::shared; }

    // The first page of r that does not have `a`; nullopt means "nothing to do".
    std::optional<PageNo> first_differing(PageRange r, Attribute a) const noexcept { return bits_.first_with(r, !is_set(a)); }
    std::optional<PageRange> next_run(PageNo from, PageNo limit, Attribute a) const noexcept { return bits_.next_run(from, limit, is_set(a)); }
    std::uint64_t count(Attribute a) const noexcept { return bits_.count(all(), is_set(a)); }

    // Everything that can fail happens in stage(); commit() cannot.
    template <typename MakeResident>
    bool stage(PageRange r, MakeResident &&make_resident) noexcept
    {
        return bits_.stage(r, make_resident);
    }
    void commit(PageRange r, Attribute a) noexcept { bits_.set(r, is_set(a)); }

    char const *audit() const noexcept { return bits_.audit(); }
    // "0-4:S 4-6:P": stable, for tests and the command line.
    void dump(Text &out) const noexcept { bits_.dump(out, 'S', 'P'); }

private:
    static constexpr bool is_set(Attribute a) noexcept { return a == Attribute::private_; }
    PageRange all() const noexcept { return *PageRange::make(PageNo { 0 }, pages_); }

    PageBits bits_;
    PageNo pages_;
};

} // namespace gmem
