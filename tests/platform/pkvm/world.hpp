#pragma once
// A small guest_memfd of a protected VM, in plain memory.

#include "platform/pkvm/pkvm.hpp"
#include "platform/pkvm/transitions.hpp"

#include <cstring>
#include <memory>
#include <vector>

namespace gmem::platform::pkvm {

inline constexpr std::uint16_t this_vm { 7 };
inline constexpr std::uint64_t first_frame { 0x80000 }; // the memslot's

struct World final {
    explicit World(std::uint64_t count, Options options = {})
        : bytes(count * page_size), records(count), vm { std::make_unique<VmState>() }
        , pages { bytes.data(), records.data(), PageNo { count }, vm.get(), 0x4000 }
    {
        vm->kind = Kind::pkvm;
        vm->phase = Phase::running;
        vm->options = options;
        vm->id = this_vm;
    }

    static std::uint64_t frame_of(PageNo p) { return first_frame + p.index(); }
    Caller guest(PageNo p) const { return { .handle = this_vm, .frame = frame_of(p) }; }
    PageState page(PageNo p) const { return record_as<PageState>(pages.record(p)); }
    void put(PageNo p, PageState const &s) { store_record(pages.record(p), s); }
    // As a state is reached, whatever the calls do.
    void put(PageNo p, State s)
    {
        auto const has_guest { sides(s).guest != Owner::nopage };
        put(p, { s, 0, has_guest ? this_vm : std::uint16_t { 0 }, s == State::lent_to_guest ? 1U : 0U, has_guest ? frame_of(p) : 0 });
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

inline constexpr PageNo page0 { 0 };

} // namespace gmem::platform::pkvm
