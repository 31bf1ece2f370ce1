// The gates: what turns a caller's bytes into numbers that are right, or an errno. Pure functions against pure functions.

#include "fuzz/target.hpp"
#include "kvm/conversion_gate.hpp"
#include "kvm/creation_gate.hpp"
#include "kvm/file_gate.hpp"
#include "kvm/memslot_gate.hpp"
#include "spec/convert.hpp"
#include "spec/create.hpp"
#include "spec/file_operations.hpp"
#include "spec/memslot.hpp"
#include "tests/generated/choices.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>

using namespace gmem;

namespace {

constexpr std::uint64_t pages { 48 };

// Any number, with a liking for those at which rules change.
std::uint64_t number(generated::Choices &c)
{
    constexpr std::array<std::uint64_t, 12> edges { 0, 1, 2, 4, 8, page_size, pages *page_size, std::uint64_t { 1 } << 31, std::uint64_t { 1 } << 43, std::uint64_t { 1 } << 47,
        std::uint64_t { 1 } << 63, ~std::uint64_t { 0 } };
    switch (c.below(4)) {
    case 0:  return c.below(64) * page_size;
    case 1:  return edges[c.below(edges.size())] + c.below(3) - 1;
    case 2:  return edges[c.below(edges.size())] - c.below(3) * page_size;
    default: return c.below(std::uint64_t { 1 } << 32) << 32 | c.below(std::uint64_t { 1 } << 32);
    }
}

std::uint64_t rarely(generated::Choices &c) { return c.one_in(8) ? number(c) : 0; }

void same(int seen, int must, char const *gate)
{
    if (seen == must)
        return;
    std::cerr << gate << ": errno " << seen << ", must be " << must << "\n";
    std::abort();
}

template <typename T>
int errno_of(Result<T> const &r)
{
    return r ? 0 : r.error().err;
}

constexpr std::array<std::pair<platform::Uapi, spec::Profile>, 6> versions { {
    { platform::Uapi::mainline, spec::Profile::mainline }, { platform::Uapi::v8, spec::Profile::v8 }, { platform::Uapi::may1, spec::Profile::may1 },
    { platform::Uapi::rfc_v5, spec::Profile::rfc_v5 }, { platform::Uapi::rfc_v4, spec::Profile::rfc_v4 }, { platform::Uapi::feb, spec::Profile::feb } } };

void conversion(generated::Choices &c)
{
    bool const sound { c.one_in(2) }; // offset and size are right: the other fields decide
    auto const first { c.below(pages) };
    spec::ConvertCall call { sound ? first * page_size : number(c), sound ? (1 + c.below(pages - first)) * page_size : number(c), c.one_in(4) ? number(c) : c.below(2) * 8, c.one_in(4) ? number(c) : c.below(8), {}, rarely(c) };
    call.reserved[c.below(call.reserved.size())] = rarely(c);
    bool const has_private { !c.one_in(4) };
    auto const [ours, theirs] { versions[c.below(versions.size())] };
    spec::File const file { { .private_memory = has_private, .in_place_conversion = true, .profile = theirs }, true, std::vector<spec::Page>(pages) };
    kvm::uapi::MemoryAttributes2 request { call.offset, call.size, call.attributes, call.flags, call.error_offset, {} };
    std::copy(call.reserved.begin(), call.reserved.end(), std::begin(request.reserved));
    auto const parsed { kvm::parse_conversion(request, Bytes { pages * page_size }, has_private ? memory::Conversions::allowed : memory::Conversions::refused, platform::Profile::of(ours)) };
    same(errno_of(parsed), spec::convert_argument_errno(file, call), "parse_conversion");
    if (parsed)
        same(raw(parsed.value().range.offset()) == call.offset && raw(parsed.value().range.length()) == call.size && (parsed.value().to == Attribute::private_) == (call.attributes == 8), 1, "parse_conversion's range");
}

void creation(generated::Choices &c)
{
    spec::CreateCall const call { number(c), c.one_in(3) ? number(c) : c.below(4) };
    auto const parsed { kvm::parse_creation({ call.size, call.flags, { number(c) } }, kvm::uapi::guest_memfd_flag_mmap | kvm::uapi::guest_memfd_flag_init_shared) };
    same(errno_of(parsed), spec::create_errno(call, { .private_memory = true, .in_place_conversion = true }), "parse_creation");
    if (!parsed || call.size > pages * page_size) // the model has an entry a page
        return;
    auto const must { spec::created(call, { .private_memory = true, .in_place_conversion = true }) };
    auto const &birth { parsed.value() };
    same(birth.pages.index() == must.pages.size(), 1, "parse_creation's size");
    same((birth.initial == Attribute::shared) == (must.pages.front().state == spec::PageState::shared), 1, "parse_creation's initial attribute");
    same((birth.windows == memory::Windows::allowed) == must.mmap, 1, "parse_creation's windows");
}

void fallocation(generated::Choices &c)
{
    spec::FallocateCall const call { static_cast<int>(c.one_in(3) ? number(c) : c.below(4)), static_cast<std::int64_t>(number(c)), static_cast<std::int64_t>(number(c)) };
    spec::File file { {}, true, std::vector<spec::Page>(pages) };
    same(errno_of(kvm::parse_fallocate(call.mode, call.offset, call.length, Bytes { pages * page_size })), spec::fallocate(file, call), "parse_fallocate");
}

void memslot(generated::Choices &c)
{
    spec::MemslotCall const call { static_cast<std::uint32_t>(c.one_in(4) ? number(c) : c.below(4)), static_cast<std::uint32_t>(c.one_in(4) ? number(c) : c.below(8)), number(c), number(c),
        c.one_in(2) ? number(c) : 0, number(c) };
    auto const spaces { static_cast<std::uint32_t>(1 + c.below(2)) };
    kvm::uapi::UserspaceMemoryRegion2 request {};
    request.region = { call.slot, call.flags, call.gpa, call.size, call.userspace_addr };
    request.guest_memfd_offset = call.offset;
    same(errno_of(kvm::parse_memslot(request, { .slots = 100, .address_spaces = spaces })), spec::memslot_argument_errno({ 100, spaces, {} }, call), "parse_memslot");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size)
{
    generated::ByteChoices c { { data, size } };
    while (!c.exhausted())
        switch (c.below(4)) {
        case 0: conversion(c); break;
        case 1: creation(c); break;
        case 2: fallocation(c); break;
        case 3: memslot(c); break;
        }
    return 0;
}
