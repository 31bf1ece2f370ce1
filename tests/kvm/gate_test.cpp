// The gates of kvm/: every line of specification 1.3, 2.2, 4.4 and 6.1 that is about numbers alone, and its place in the order.

#include "kvm/capabilities.hpp"
#include "kvm/conversion_gate.hpp"
#include "kvm/creation_gate.hpp"
#include "kvm/file_gate.hpp"
#include "kvm/frame_attributes.hpp"
#include "kvm/memslot_gate.hpp"
#include "kvm/real_slots.hpp"
#include "kvm/vm_attributes_gate.hpp"

#include <gtest/gtest.h>
#include <string>

using namespace gmem;
using namespace gmem::kvm;

namespace {

constexpr Bytes file { 16 * page_size };

// The step that refused, or "" for acceptance. A request that breaks several rules must name the first of them.
std::string refused_by(uapi::MemoryAttributes2 const &q, memory::Conversions c = memory::Conversions::allowed, platform::Uapi u = platform::Uapi::mainline)
{
    auto const r { parse_conversion(q, file, c, platform::Profile::of(u)) };
    return r ? "" : r.error().site;
}

std::string refused_by(uapi::UserspaceMemoryRegion2 const &q)
{
    auto const r { parse_memslot(q, { .slots = 100, .address_spaces = 1 }) };
    return r ? "" : r.error().site;
}

uapi::UserspaceMemoryRegion2 good_slot()
{
    uapi::UserspaceMemoryRegion2 q {};
    q.region = { .slot = 1, .flags = uapi::mem_guest_memfd, .guest_phys_addr = 0, .memory_size = page_size, .userspace_addr = 0 };
    return q;
}

} // namespace

TEST(ConversionGate, OrderOfChecks)
{
    uapi::MemoryAttributes2 q { .offset = 0, .size = page_size, .attributes = 8, .flags = 0, .error_offset = ~0ull, .reserved = {} };
    EXPECT_EQ(refused_by(q), ""); // the input value of error_offset is not checked
    // Break the rules from the last to the first: each time the newest, earlier one must speak.
    q.offset = raw(file);
    EXPECT_EQ(refused_by(q), "convert.end_of_file");
    q.offset = raw(file) + 1;
    EXPECT_EQ(refused_by(q), "convert.alignment");
    q.size = 0;
    EXPECT_EQ(refused_by(q), "convert.size");
    q.attributes = 8 | 1;
    EXPECT_EQ(refused_by(q), "convert.attributes");
    EXPECT_EQ(refused_by(q, memory::Conversions::refused), "convert.no_private_memory");
    q.reserved[10] = 1;
    EXPECT_EQ(refused_by(q, memory::Conversions::refused), "convert.reserved");
    q.flags = 1;
    EXPECT_EQ(refused_by(q, memory::Conversions::refused), "convert.flags");
}

TEST(ConversionGate, OrderOfChecksBeforeV6)
{
    using enum platform::Uapi;
    for (auto const u : { rfc_v4, rfc_v5, may1, feb }) {
        auto const by { [u](uapi::MemoryAttributes2 const &q) { return refused_by(q, memory::Conversions::refused, u); } };
        uapi::MemoryAttributes2 q { .offset = 0, .size = 0, .attributes = 9, .flags = 2, .error_offset = 0, .reserved = {} };
        EXPECT_EQ(by(q), "convert.no_private_memory");
        q.reserved[0] = 1;
        EXPECT_EQ(by(q), "convert.reserved");
        q.error_offset = 1;
        EXPECT_EQ(by(q), "convert.error_offset");
        for (std::uint64_t const wrong : { 3ull, 7ull, 8ull, 1ull << 63 }) {
            q.flags = wrong;
            EXPECT_EQ(by(q), "convert.flags") << wrong; // right after the struct was read
        }
    }
}

TEST(ConversionGate, TheModeIsHandedOn)
{
    using enum platform::Uapi;
    auto const mode { [](std::uint64_t flags, platform::Uapi u) {
        uapi::MemoryAttributes2 const q { .offset = 0, .size = page_size, .attributes = 0, .flags = flags, .error_offset = 0, .reserved = {} };
        return parse_conversion(q, file, memory::Conversions::allowed, platform::Profile::of(u)).value().mode;
    } };
    EXPECT_EQ(mode(0, mainline), platform::ContentMode::unspecified);
    EXPECT_EQ(mode(0, rfc_v5), platform::ContentMode::unspecified);
    EXPECT_EQ(mode(0, feb), platform::ContentMode::zero);
    EXPECT_EQ(mode(1, rfc_v4), platform::ContentMode::zero);
    EXPECT_EQ(mode(2, may1), platform::ContentMode::preserve);
    EXPECT_EQ(mode(4, feb), platform::ContentMode::encrypted);
}

TEST(ConversionGate, EveryReservedWordCounts)
{
    for (int i { 0 }; i < 11; ++i) {
        uapi::MemoryAttributes2 q { .offset = 0, .size = page_size, .attributes = 0, .flags = 0, .error_offset = 0, .reserved = {} };
        q.reserved[i] = 1ull << 63;
        EXPECT_EQ(refused_by(q), "convert.reserved") << i;
    }
}

TEST(ConversionGate, WrapAndEnd)
{
    uapi::MemoryAttributes2 q { .offset = page_size, .size = ~0ull & ~(page_size - 1), .attributes = 0, .flags = 0, .error_offset = 0, .reserved = {} };
    EXPECT_EQ(refused_by(q), "convert.size"); // the end is 2^64: it wraps to 0
    q.offset = 0;
    EXPECT_EQ(refused_by(q), "convert.end_of_file");
    q.offset = 15 * page_size;
    q.size = page_size;
    EXPECT_EQ(refused_by(q), "");
    q.size = 2 * page_size;
    EXPECT_EQ(refused_by(q), "convert.end_of_file");
}

TEST(CreationGate, FlagsThenSize)
{
    auto const site { [](std::uint64_t size, std::uint64_t flags) { auto const r { parse_creation({ size, flags, { 1, 2, 3, 4, 5, 6 } }, 3) }; return std::string { r ? "" : r.error().site }; } };
    EXPECT_EQ(site(page_size, 3), ""); // reserved is not checked
    EXPECT_EQ(site(page_size, 2), ""); // INIT_SHARED without MMAP is accepted
    EXPECT_EQ(site(0, 4), "create.flags");
    EXPECT_EQ(site(0, 0), "create.size");
    EXPECT_EQ(site(page_size + 1, 0), "create.size");
    EXPECT_EQ(site(1ull << 63, 0), "create.size"); // negative
    for (int bit { 2 }; bit < 64; ++bit)
        EXPECT_EQ(site(page_size, 1ull << bit), "create.flags") << bit;
    for (std::uint64_t n { 1 }; n < page_size; ++n)
        EXPECT_EQ(site(n, 0), "create.size") << n;
}

TEST(FileGate, ModeThenAlignmentThenEnd)
{
    auto const err { [](int mode, std::int64_t offset, std::int64_t length) { auto const r { parse_fallocate(mode, offset, length, file) }; return r ? 0 : r.error().err; } };
    EXPECT_EQ(err(1, 0, 4096), 0);
    EXPECT_EQ(err(3, 0, 4096), 0);
    EXPECT_EQ(err(0, 1, 4096), EOPNOTSUPP); // before alignment
    EXPECT_EQ(err(2, 0, 4096), EOPNOTSUPP);
    EXPECT_EQ(err(1 | 0x10, 1, 1), EOPNOTSUPP);
    constexpr std::int64_t beyond { INT64_MAX - 4095 };
    EXPECT_EQ(err(0, beyond, 8192), EFBIG);          // a mode that other file systems have: the end is looked at first
    EXPECT_EQ(err(2, beyond, 8192), EOPNOTSUPP);     // a mode that none has
    EXPECT_EQ(err(1 | 8, beyond, 8192), EOPNOTSUPP);
    EXPECT_EQ(err(8, beyond, 8192), EFBIG);
    EXPECT_EQ(err(1, 1, 4096), EINVAL);
    EXPECT_EQ(err(3, 0, 4097), EINVAL);
    EXPECT_EQ(err(1, 0, 17 * 4096), EINVAL);
    EXPECT_EQ(err(3, 0, 17 * 4096), 0); // punching beyond the end is accepted
    EXPECT_EQ(err(3, 100 * 4096, 4096), 0);
    EXPECT_EQ(err(1, -4096, 4096), EINVAL);
    EXPECT_EQ(err(1, 0, 0), EINVAL);
}

TEST(MemslotGate, OrderOfChecks)
{
    auto q { good_slot() };
    EXPECT_EQ(refused_by(q), "");
    // From the last to the first.
    q.region.guest_phys_addr = ~0ull & ~(page_size - 1);
    q.region.memory_size = 2 * page_size;
    EXPECT_EQ(refused_by(q), "memslot.gpa_wrap");
    q.region.slot = 1 << 16 | 1;
    EXPECT_EQ(refused_by(q), "memslot.address_space");
    q.guest_memfd_offset = 1;
    EXPECT_EQ(refused_by(q), "memslot.offset");
    q.region.userspace_addr = 1;
    EXPECT_EQ(refused_by(q), "memslot.userspace_addr");
    q.region.guest_phys_addr |= 1;
    EXPECT_EQ(refused_by(q), "memslot.gpa");
    q.region.memory_size |= 1;
    EXPECT_EQ(refused_by(q), "memslot.size");
    q.region.flags |= 1u << 31;
    EXPECT_EQ(refused_by(q), "memslot.flags");
    q.region.slot = 100;
    EXPECT_EQ(refused_by(q), "memslot.slot");
}

TEST(MemslotGate, Numbers)
{
    auto q { good_slot() };
    q.region.memory_size = (std::uint64_t { 1 } << 31) << page_bits;
    EXPECT_EQ(refused_by(q), "memslot.too_big");
    q = good_slot();
    q.guest_memfd_offset = ~0ull & ~(page_size - 1);
    q.region.memory_size = 2 * page_size;
    EXPECT_EQ(refused_by(q), "memslot.offset"); // wraps
    q = good_slot();
    q.region.userspace_addr = 0x8000'0000'0000;
    EXPECT_EQ(refused_by(q), "memslot.userspace_addr");
    q = good_slot();
    for (auto extra : { uapi::mem_log_dirty_pages, uapi::mem_readonly }) {
        q.region.flags = uapi::mem_guest_memfd | extra;
        EXPECT_EQ(refused_by(q), "memslot.flags");
        q.region.flags = extra;
        EXPECT_EQ(refused_by(q), "");
    }
}

TEST(CreationGate, FlagsThatThisVmLacks)
{
    EXPECT_TRUE(parse_creation({ 4096, 1, {} }, 1));
    auto const refused { parse_creation({ 1, 2, {} }, 1) };
    EXPECT_STREQ(refused.error().site, "create.flags");
}

TEST(VmAttributesGate, OrderOfChecks)
{
    auto const site { [](std::uint64_t address, std::uint64_t size, std::uint64_t attributes, std::uint64_t flags, std::uint64_t supported) {
        auto const r { parse_vm_attributes({ address, size, attributes, flags }, supported) };
        return std::string { r ? "" : r.error().site };
    } };
    EXPECT_EQ(site(1, 0, 9, 1, 8), "vm_attributes.flags");
    EXPECT_EQ(site(1, 0, 9, 0, 8), "vm_attributes.attributes");
    EXPECT_EQ(site(1, 0, 8, 0, 0), "vm_attributes.attributes");
    EXPECT_EQ(site(1, 0, 8, 0, 8), "vm_attributes.size");
    EXPECT_EQ(site(~0ull - 4095, 4096, 8, 0, 8), "vm_attributes.size");
    EXPECT_EQ(site(1, 4096, 8, 0, 8), "vm_attributes.alignment");
    EXPECT_EQ(site(4096, 4097, 8, 0, 8), "vm_attributes.alignment");
    EXPECT_EQ(site(0, 4096, 8, 0, 8), "");
    EXPECT_EQ(site(0, 4096, 0, 0, 0), "");
}

TEST(RealSlots, NumbersAreTakenOnce)
{
    RealSlots slots;
    ASSERT_TRUE(slots.reserve(5));
    EXPECT_EQ(slots.take(3), 3u);
    EXPECT_EQ(slots.take(3), 4u); // taken: from the top
    EXPECT_EQ(slots.take(7), 2u); // no such number
    EXPECT_EQ(slots.take(0), 0u);
    EXPECT_EQ(slots.free(), 1u);
    EXPECT_EQ(slots.take(0), 1u);
    EXPECT_EQ(slots.take(0), RealSlots::none);
    slots.give_back(3);
    EXPECT_EQ(slots.audit(), nullptr);
    EXPECT_EQ(slots.take(1), 3u);
    slots.clear();
}

TEST(FrameAttributes, TheWholeAddressSpace)
{
    FrameAttributes frames;
    EXPECT_EQ(frames.at(PageNo { 7 }), Attribute::shared);
    ASSERT_TRUE(frames.reserve());
    auto const r { *PageRange::make(PageNo { 5 }, PageNo { 1000 }) };
    ASSERT_TRUE(frames.stage(r));
    frames.commit(r, Attribute::private_);
    EXPECT_EQ(frames.at(PageNo { 4 }), Attribute::shared);
    EXPECT_EQ(frames.at(PageNo { 5 }), Attribute::private_);
    EXPECT_EQ(frames.end_of_run(PageNo { 0 }, PageNo { 9 }), PageNo { 5 });
    EXPECT_EQ(frames.end_of_run(PageNo { 6 }, PageNo { 9 }), PageNo { 9 });
    EXPECT_EQ(frames.end_of_run(PageNo { 6 }, PageNo { 2000 }), PageNo { 1000 });
    auto const top { *PageRange::make(PageNo { FrameAttributes::end.index() - 1 }, FrameAttributes::end) };
    ASSERT_TRUE(frames.stage(top));
    frames.commit(top, Attribute::private_);
    EXPECT_EQ(frames.at(top.first()), Attribute::private_);
    EXPECT_EQ(frames.at(FrameAttributes::end), Attribute::shared);
    auto const beyond { frames.stage(*PageRange::make(top.first(), PageNo { FrameAttributes::end.index() + 1 })) };
    EXPECT_EQ(beyond.error().err, ENOMEM);
    EXPECT_EQ(frames.audit(), nullptr);
    frames.clear();
}

TEST(Capabilities, ValueOnEachDescriptor)
{
    using enum AskedOn;
    auto const today { platform::Profile::of(platform::Uapi::mainline) };
    constexpr AskedOn everywhere[] { system, vm_with_private_memory, vm_without };
    struct { unsigned long which; Tracker tracker; long values[3]; } const table[] {
        { 250, Tracker::files, { 8, 8, 0 } }, { 250, Tracker::vms, { 0, 0, 0 } }, { 250, Tracker::nobody, { 0, 0, 0 } },
        { 233, Tracker::files, { 0, 0, 0 } }, { 233, Tracker::vms, { 8, 8, 0 } }, { 233, Tracker::nobody, { 0, 0, 0 } },
        { 244, Tracker::files, { 3, 3, 3 } }, { 244, Tracker::vms, { 3, 1, 3 } }, { 244, Tracker::nobody, { 3, 1, 3 } },
        { 232, Tracker::files, { 1, 1, 1 } }, { 232, Tracker::vms, { 1, 1, 1 } }, { 236, Tracker::vms, { 1, 1, 1 } },
    };
    for (auto const &row : table)
        for (int i { 0 }; i < 3; ++i)
            EXPECT_EQ(capability(row.which, everywhere[i], row.tracker, today, 77), row.values[i]) << row.which << " on " << i;
    EXPECT_EQ(capability(235, system, Tracker::files, today, 0), 3);
    EXPECT_EQ(capability(235, system, Tracker::files, today, 1 | 4), 7);
    EXPECT_EQ(capability(7, system, Tracker::files, today, 5), std::nullopt);
}
