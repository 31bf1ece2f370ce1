#pragma once
// A small guest_memfd of a realm, in plain memory.

#include "platform/cca/cca.hpp"
#include "platform/cca/rmi.hpp"

#include <cstring>
#include <memory>
#include <vector>

namespace gmem::platform::cca {

inline constexpr AddressSpace space { 40 };
inline constexpr std::uint64_t first_frame { 0x100 }; // the memslot's: 1 MiB
inline constexpr PageNo page0 { 0 }, page1 { 1 };

struct World final {
    explicit World(std::uint64_t count, Options options = {})
        : bytes(count * page_size), records(count), vm { std::make_unique<VmState>() }
        , pages { bytes.data(), records.data(), PageNo { count }, vm.get(), 0x9000 }
    {
        vm->kind = Kind::cca;
        vm->options = options;
        vm->id = 3;
        vm->key[5] = std::byte { 0x21 };
    }

    static std::uint64_t frame_of(PageNo p) { return first_frame + p.index(); }
    PageState page(PageNo p) const { return record_as<PageState>(pages.record(p)); }
    void put(PageNo p, PageState const &s) { store_record(pages.record(p), s); }
    // As a state is reached, whatever the commands do.
    void put(PageNo p, Granule g, Entry e = {})
    {
        PageState s { g, g == Granule::undelegated ? Pas::non_secure : Pas::realm, e, false, {}, 0 };
        s.frame = s.has_entry() || g == Granule::data ? frame_of(p) : 0;
        put(p, s);
    }

    void write(PageNo p, unsigned char value) { std::memset(pages.page(p), value, page_size); }
    // What every byte of the page is; -1: they differ.
    int value(PageNo p) const
    {
        auto const *const b { pages.page(p) };
        return std::memcmp(b, b + 1, page_size - 1) == 0 ? std::to_integer<int>(*b) : -1;
    }

    std::vector<std::byte> bytes;
    std::vector<Record> records;
    std::unique_ptr<VmState> vm;
    Pages pages;
};

inline constexpr Granule all_granules[] { Granule::undelegated, Granule::delegated, Granule::rd, Granule::rec, Granule::rec_aux, Granule::data, Granule::rtt };
inline constexpr Ripas all_ripas[] { Ripas::empty, Ripas::ram, Ripas::destroyed };
inline constexpr Hipas all_hipas[] { Hipas::unassigned, Hipas::assigned };

} // namespace gmem::platform::cca
