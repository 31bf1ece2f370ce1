// What KVM does with each page of a launch, and the CPUID flow in both directions.

#include "launch_world.hpp"
#include "platform/snp/cpuid_page.hpp"
#include "platform/snp/populate.hpp"
#include "platform/snp/prepare.hpp"

#include <cerrno>

namespace gmem::platform::snp {
namespace {

Platform const &snp { platform_of(Kind::snp) };
constexpr PageNo page0 { 0 };
std::vector<std::byte> const zeros(page_size);
constexpr Populated ok {};

// A CPUID page with more features than the processor has, and as the firmware would have it.
std::vector<std::byte> cpuid_page(bool insecure)
{
    CpuidPage t {};
    t.count = 1;
    t.entries[0] = { 7, 0, 1, 0, { 0, 0xffffffff, 0, 0 }, 0 };
    if (!insecure)
        t.entries[0] = judged(t.entries[0]);
    std::vector<std::byte> page(page_size);
    std::memcpy(page.data(), &t, sizeof t);
    return page;
}

TEST(PopulatePage, InPlaceAndFromASource)
{
    World w { 2 };
    auto l { launching(w) };
    w.write(0, pattern());
    EXPECT_EQ(populate(w.pages, l, { .page = page0, .frame = 0x100 }), ok);
    EXPECT_EQ(w.bytes(0), pattern());
    EXPECT_EQ(w.state(0), "GUEST_VALID");
    auto source { pattern(1) };
    EXPECT_EQ(populate(w.pages, l, { .page = PageNo { 1 }, .frame = 0x101, .source = source.data() }), ok);
    EXPECT_EQ(w.bytes(1), pattern(1));
    EXPECT_EQ(source, pattern(1));
    snp.make_shared(w.pages, *PageRange::make(page0, PageNo { 2 }));
    EXPECT_NE(w.bytes(0), pattern()); // launched: the host gets ciphertext
}

TEST(PopulatePage, AZeroPageDoesNotReadItsSource)
{
    World w { 1 };
    auto l { launching(w) };
    w.write(0, pattern());
    EXPECT_EQ(populate(w.pages, l, { .page = page0, .frame = 0x100, .type = PageType::zero, .source = reinterpret_cast<std::byte *>(1) }), ok);
    EXPECT_EQ(w.bytes(0), zeros);
}

TEST(PopulatePage, TheVmsaGoesTheSameWay)
{
    World vmsa { 1 };
    auto l { launching(vmsa) };
    EXPECT_EQ(populate(vmsa.pages, l, { .page = page0, .frame = vmsa_frame, .type = PageType::vmsa }), ok);
    EXPECT_TRUE(vmsa.entry(0).vmsa);
    EXPECT_EQ(vmsa.entry(0).frame << 12, 0xFFFFFFFFF000u);
    EXPECT_EQ(l.finish({}), Firmware::success);
}

TEST(MustReject, PopulateOfASharedGfn)
{
    World w { 1 };
    auto l { launching(w) };
    w.write(0, pattern());
    auto source { zeros };
    EXPECT_EQ(populate(w.pages, l, { .page = page0, .frame = 0x100, .attribute = Attribute::shared, .source = source.data() }), (Populated { EINVAL }));
    EXPECT_EQ(w.bytes(0), pattern());
    EXPECT_EQ(w.records[0], Record {});
    EXPECT_EQ(populate(w.pages, l, { .page = PageNo { 1 }, .frame = 0x100 }), (Populated { EINVAL }));
    EXPECT_EQ(populate(w.pages, l, { .page = page0, .frame = no_frame }), (Populated { EINVAL }));
}

TEST(MustReject, PopulateTwice)
{
    World w { 2 };
    auto l { launching(w) };
    w.write(0, pattern());
    ASSERT_EQ(populate(w.pages, l, { .page = page0, .frame = 0x100 }), ok);
    auto const d { l.digest() };
    auto source { zeros };
    EXPECT_EQ(populate(w.pages, l, { .page = page0, .frame = 0x100, .source = source.data() }), (Populated { EEXIST }));
    EXPECT_EQ(w.bytes(0), pattern());
    EXPECT_EQ(l.digest(), d);
    ASSERT_TRUE(snp.make_private(w.pages, PageNo { 1 }, 0x101)); // also what a fault made private
    EXPECT_EQ(populate(w.pages, l, { .page = PageNo { 1 }, .frame = 0x101 }), (Populated { EEXIST }));
}

TEST(MustReject, PopulateAfterFinishLeavesThePageTheHosts)
{
    World w { 1 };
    auto l { launching(w) };
    ASSERT_EQ(l.finish({}), Firmware::success);
    w.write(0, pattern());
    EXPECT_EQ(populate(w.pages, l, { .page = page0, .frame = 0x100 }), (Populated { EIO, Firmware::invalid_guest_state }));
    EXPECT_EQ(w.records[0], Record {});
    EXPECT_EQ(w.bytes(0), pattern());
}

// Seed 002, in place: the seven steps. Conversions are the attribute and the hooks that go with it.
TEST(CpuidFlow, InPlaceBothDirections)
{
    World w { 1 };
    auto l { launching(w) };
    auto const all { PageRange::one(page0) };
    w.write(0, cpuid_page(true));                                               // 1. load it into shared memory
    ASSERT_TRUE(snp.veto(w.pages, all, Attribute::private_, 0x100));            // 2. to private, preserved
    EXPECT_EQ(w.bytes(0), cpuid_page(true));
    EXPECT_EQ(populate(w.pages, l, { .page = page0, .frame = 0x100, .type = PageType::cpuid }), (Populated { EIO, Firmware::invalid_param })); // 3. refused
    EXPECT_EQ(l.digest(), LaunchDigest {});
    EXPECT_FALSE(snp.held(w.records[0]));
    snp.make_shared(w.pages, all);                                              // 4. to shared, preserved
    EXPECT_EQ(snp.host_access(w.pages, page0, Access::read).what, HostVerdict::What::plain);
    EXPECT_EQ(w.bytes(0), cpuid_page(false));                                   // 5. the host reads the corrected table, in plain
    EXPECT_EQ(populate(w.pages, l, { .page = page0, .frame = 0x100, .type = PageType::cpuid }), ok); // 6., 7. and it is accepted
    EXPECT_NE(l.digest(), LaunchDigest {});
    EXPECT_EQ(w.state(0), "GUEST_VALID");
    EXPECT_EQ(w.bytes(0), cpuid_page(false));
    // From here on the page is the guest's: shared again, the host reads noise.
    snp.make_shared(w.pages, all);
    EXPECT_NE(w.bytes(0), cpuid_page(false));
}

TEST(CpuidFlow, WithASourceTheCorrectionIsCopiedBack)
{
    World w { 1 };
    auto l { launching(w) };
    auto source { cpuid_page(true) };
    Populate const what { .page = page0, .frame = 0x100, .type = PageType::cpuid, .source = source.data() };
    EXPECT_EQ(populate(w.pages, l, what), (Populated { EIO, Firmware::invalid_param }));
    EXPECT_EQ(source, cpuid_page(false));
    EXPECT_EQ(populate(w.pages, l, what), ok);
}

TEST(CpuidFlow, TheFirmwareItselfLeavesThePagePreGuest)
{
    World w { 1 };
    auto l { launching(w) };
    w.write(0, cpuid_page(true));
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0x100, true)), Eax::success);
    LaunchUpdate const u { .page = page0, .type = PageType::cpuid };
    EXPECT_EQ(l.update(w.pages, u), Firmware::invalid_param);
    EXPECT_EQ(w.state(0), "PRE_GUEST");
    EXPECT_EQ(w.bytes(0), cpuid_page(false)); // unencrypted
    EXPECT_EQ(l.digest(), LaunchDigest {});
    EXPECT_EQ(snp.host_access(w.pages, page0, Access::write).then, HostVerdict::Then::host_crash);
    EXPECT_EQ(l.update(w.pages, u), Firmware::success);
}

TEST(CpuidFlow, AMalformedTableComesBackAsItWas)
{
    World w { 1 };
    auto l { launching(w) };
    auto page { cpuid_page(true) };
    page[0] = std::byte { 65 };
    w.write(0, page);
    EXPECT_EQ(populate(w.pages, l, { .page = page0, .frame = 0x100, .type = PageType::cpuid }), (Populated { EIO, Firmware::invalid_param }));
    EXPECT_EQ(w.bytes(0), page);
    EXPECT_EQ(w.records[0], Record {});
}

} // namespace
} // namespace gmem::platform::snp
