// What KVM's hooks do to pages and bytes, and what each access meets.

#include "world.hpp"

#include "platform/tdx/host_view.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::tdx;

namespace {

constexpr PageNo p0 { 0 };
constexpr std::uint64_t f0 { 100 };
constexpr std::uint64_t secret { 0x5ec2e75ec2e75ec2 };

// The guest uses page 0 and has written its secret.
void guest_owns(World &w)
{
    w.run();
    ASSERT_TRUE(w.platform.make_private(w.pages, p0, f0));
    w.platform.accept(w.pages, p0, f0);
    ASSERT_STREQ(w.platform.state_name(w.records[0]), "MAPPED");
    fill(w.bytes(0), secret);
}

Options removed_as(TdxRemoved r)
{
    Options o;
    o.tdx_removed = r;
    return o;
}

GuestVerdict::What guest(World &w, Side side = Side::private_, Access access = Access::read, std::uint64_t frame = f0)
{
    return w.platform.guest_access(w.pages, p0, frame, side, access).what;
}

}

TEST(Hooks, ARecordOfZerosIsAPageOfTheHost)
{
    World w { 2 };
    EXPECT_EQ(w.platform.kind(), Kind::tdx);
    EXPECT_TRUE(w.platform.keeps_records());
    EXPECT_TRUE(w.platform.encrypts());
    EXPECT_FALSE(w.platform.uses_cipher({})); // a launch needs a hash, a conversion nothing
    EXPECT_FALSE(w.platform.uses_cipher(removed_as(TdxRemoved::poison)));
    EXPECT_TRUE(w.platform.uses_cipher(removed_as(TdxRemoved::noise)));
    EXPECT_FALSE(w.platform.held({}));
    EXPECT_STREQ(w.platform.state_name({}), "FREE");
    EXPECT_EQ(w.platform.audit({}), nullptr);
    EXPECT_NE(w.platform.audit({ 1, 0 }), nullptr);
    EXPECT_TRUE(w.platform.veto(w.pages, PageRange::one(p0), Attribute::shared, f0));
}

TEST(Hooks, AGuestStartsWithZeros)
{
    World w { 2 };
    w.run();
    fill(w.bytes(0), 0x77);
    EXPECT_EQ(guest(w), GuestVerdict::What::retry);
    ASSERT_TRUE(w.platform.make_private(w.pages, p0, f0));
    EXPECT_TRUE(w.platform.held(w.records[0]));
    EXPECT_STREQ(w.platform.state_name(w.records[0]), "PENDING");
    EXPECT_TRUE(all_words(w.bytes(0), 0x77));
    ASSERT_TRUE(w.platform.make_private(w.pages, p0, f0)); // again: nothing new
    w.platform.accept(w.pages, p0, f0);
    EXPECT_EQ(guest(w), GuestVerdict::What::plain);
    EXPECT_TRUE(all_words(w.bytes(0), 0));
    fill(w.bytes(0), secret);
    ASSERT_TRUE(w.platform.make_private(w.pages, p0, f0));
    w.platform.accept(w.pages, p0, f0); // again: the guest's bytes stay
    EXPECT_TRUE(all_words(w.bytes(0), secret));
}

TEST(Hooks, BeforeFinalizeAPrivateFaultIsTheEnd)
{
    World w { 2 };
    auto const s { w.platform.make_private(w.pages, p0, f0) };
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().err, EIO);
    EXPECT_EQ(w.records[0], Record {});
    EXPECT_EQ(guest(w), GuestVerdict::What::vm_dead);
    EXPECT_EQ(guest(w, Side::shared), GuestVerdict::What::plain);
}

TEST(Hooks, APageAtAnotherFrameIsRefused)
{
    World w { 2 };
    guest_owns(w);
    auto const s { w.platform.make_private(w.pages, p0, f0 + 1) };
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().err, EIO);
    EXPECT_EQ(guest(w, Side::private_, Access::read, f0 + 1), GuestVerdict::What::retry);
    w.platform.unmap(w.pages, p0, f0 + 1); // not where it is
    EXPECT_TRUE(w.platform.held(w.records[0]));
    w.platform.unmap(w.pages, p0, f0);
    EXPECT_FALSE(w.platform.held(w.records[0]));
    EXPECT_FALSE(any_word(w.bytes(0), secret));
    EXPECT_TRUE(w.platform.make_private(w.pages, p0, f0 + 1));
}

TEST(Contents, ZerosAfterRemove)
{
    World w { 2 };
    guest_owns(w);
    auto const epoch { w.vm.epoch };
    w.platform.make_shared(w.pages, PageRange::one(p0));
    EXPECT_EQ(w.records[0], Record {});
    EXPECT_TRUE(all_words(w.bytes(0), 0));
    EXPECT_EQ(w.vm.epoch, epoch + 1); // TRACK
}

TEST(Contents, BeforeFinalizeNothingIsTracked)
{
    World w { 2 };
    fill(w.bytes(0), secret);
    ASSERT_EQ(page_add(w.td(), w.pages, { p0, f0 }, nullptr), Seam::success);
    w.platform.make_shared(w.pages, PageRange::one(p0));
    EXPECT_EQ(w.vm.epoch, 0u);
    EXPECT_EQ(w.records[0], Record {});
    EXPECT_TRUE(all_words(w.bytes(0), 0)); // PRIVATE, populate, SHARED gives zeros: why PRESERVE to shared is refused
}

TEST(Contents, NoiseIsTheCiphertextOfThatPage)
{
    World w { 2, removed_as(TdxRemoved::noise) };
    guest_owns(w);
    std::byte shown[page_size];
    w.platform.read_ciphertext(w.pages, p0, shown);
    EXPECT_TRUE(all_words(w.bytes(0), secret)); // looking changes nothing
    w.platform.make_shared(w.pages, PageRange::one(p0));
    EXPECT_FALSE(any_word(w.bytes(0), secret));
    EXPECT_EQ(std::memcmp(shown, w.bytes(0), page_size), 0);
    crypto::primitives()->decrypt_page(w.cipher, w.pages.physical(p0), w.bytes(0));
    EXPECT_TRUE(all_words(w.bytes(0), secret)); // noise of the TD's key, at this physical page
}

TEST(Contents, NoiseWithoutCipherIsZerosAndNeverTheSecret)
{
    World w { 2, removed_as(TdxRemoved::noise) };
    w.pages.cipher = nullptr;
    guest_owns(w);
    w.platform.make_shared(w.pages, PageRange::one(p0));
    EXPECT_TRUE(all_words(w.bytes(0), 0));
}

TEST(Contents, PoisonStaysUntilItIsWritten)
{
    World w { 2, removed_as(TdxRemoved::poison) };
    guest_owns(w);
    auto const held { w.platform.host_access(w.pages, p0, Access::read) };
    EXPECT_EQ(held.what, HostVerdict::What::fault);
    EXPECT_STREQ(held.name, "#MC");
    w.platform.make_shared(w.pages, PageRange::one(p0));
    EXPECT_FALSE(any_word(w.bytes(0), secret));
    EXPECT_EQ(w.records[0], Record {});
    EXPECT_EQ(w.platform.host_access(w.pages, p0, Access::read).then, HostVerdict::Then::poisoned);
    EXPECT_TRUE(w.platform.host_access(w.pages, p0, Access::write).allowed());
    std::memset(w.bytes(0), 1, page_size - 64);
    EXPECT_EQ(w.platform.host_access(w.pages, p0, Access::read).what, HostVerdict::What::fault); // one line is left
    std::memset(w.bytes(0) + page_size - 64, 1, 8);
    EXPECT_EQ(w.platform.host_access(w.pages, p0, Access::read).what, HostVerdict::What::plain);
}

TEST(Contents, PoisonIsGoneAfterAccept)
{
    World w { 2, removed_as(TdxRemoved::poison) };
    guest_owns(w);
    w.platform.make_shared(w.pages, PageRange::one(p0));
    guest_owns(w);
    EXPECT_TRUE(all_words(w.bytes(0), secret));
}

TEST(Contents, APageThatTheTdNeverWroteKeepsTheHostsBytes)
{
    World w { 2 };
    w.run();
    fill(w.bytes(0), 0x88);
    w.platform.make_shared(w.pages, PageRange::one(p0)); // never in the Secure-EPT
    EXPECT_TRUE(all_words(w.bytes(0), 0x88));
    ASSERT_TRUE(w.platform.make_private(w.pages, p0, f0)); // there, but never accepted
    EXPECT_EQ(w.platform.host_access(w.pages, p0, Access::read).what, HostVerdict::What::plain);
    w.platform.make_shared(w.pages, PageRange::one(p0));
    EXPECT_TRUE(all_words(w.bytes(0), 0x88));
    EXPECT_EQ(w.records[0], Record {});
}

TEST(Contents, OnAProcessorWithTheErratumEverythingIsWiped)
{
    for (auto const how : { TdxRemoved::zeros, TdxRemoved::noise, TdxRemoved::poison }) {
        auto options { removed_as(how) };
        options.tdx_cpu = TdxCpu::partial_write_erratum;
        World w { 2, options };
        guest_owns(w);
        w.platform.make_shared(w.pages, PageRange::one(p0));
        EXPECT_TRUE(all_words(w.bytes(0), 0));
        fill(w.bytes(0), 0x99);
        ASSERT_TRUE(w.platform.make_private(w.pages, p0, f0));
        w.platform.make_shared(w.pages, PageRange::one(p0));
        EXPECT_TRUE(all_words(w.bytes(0), 0));
    }
}

TEST(Contents, ALeakedPageReadsZeros)
{
    World w { 2 };
    guest_owns(w);
    auto r { w.record(0) };
    r.owner = 99; // the module will not give it to this TD's host calls
    store_record(w.records[0], r);
    w.platform.make_shared(w.pages, PageRange::one(p0));
    EXPECT_EQ(w.records[0], Record {});
    EXPECT_TRUE(all_words(w.bytes(0), 0));
}

TEST(Contents, OnlyTheRangeGoes)
{
    World w { 8 };
    w.run();
    for (std::uint64_t i { 0 }; i < 8; ++i) {
        ASSERT_TRUE(w.platform.make_private(w.pages, PageNo { i }, f0 + i));
        w.platform.accept(w.pages, PageNo { i }, f0 + i);
        fill(w.bytes(i), secret + i);
    }
    w.platform.make_shared(w.pages, *PageRange::make(PageNo { 2 }, PageNo { 5 }));
    w.platform.reclaim(w.pages, *PageRange::make(PageNo { 6 }, PageNo { 7 }));
    for (std::uint64_t i { 0 }; i < 8; ++i) {
        auto const gone { (i >= 2 && i < 5) || i == 6 };
        EXPECT_EQ(w.platform.held(w.records[i]), !gone) << i;
        if (!gone)
            EXPECT_TRUE(all_words(w.bytes(i), secret + i)) << i;
    }
}

TEST(Contents, ALargePageIsSplitForItsPart)
{
    for (auto const block : { false, true }) {
        World w { 512 };
        w.run();
        Upper upper;
        Place const large { p0, 1024, Level::large, &upper };
        ASSERT_EQ(page_aug(w.td(), w.pages, large), Seam::success);
        ASSERT_EQ(page_accept(w.td(), w.pages, large), Seam::success);
        for (std::uint64_t i { 0 }; i < 512; ++i)
            fill(w.bytes(i), secret + i);
        if (block)
            ASSERT_EQ(range_block(w.td(), w.pages, large), Seam::success);
        w.platform.make_shared(w.pages, *PageRange::make(PageNo { 10 }, PageNo { 20 }));
        w.platform.reclaim(w.pages, PageRange::one(PageNo { 30 }));
        for (std::uint64_t i { 0 }; i < 512; ++i) {
            auto const gone { (i >= 10 && i < 20) || i == 30 };
            ASSERT_EQ(w.platform.held(w.records[i]), !gone) << i;
            ASSERT_EQ(w.platform.audit(w.records[i]), nullptr);
            if (!gone)
                ASSERT_TRUE(all_words(w.bytes(i), secret + i)) << i;
            else if (i != 30)
                ASSERT_TRUE(all_words(w.bytes(i), 0)) << i;
        }
    }
}

TEST(Access, OfTheHostToATdsPage)
{
    World w { 2 };
    guest_owns(w);
    auto const read { w.platform.host_access(w.pages, p0, Access::read) };
    EXPECT_EQ(read.what, HostVerdict::What::ciphertext);
    EXPECT_EQ(read.then, HostVerdict::Then::goes_on);
    std::byte shown[page_size];
    w.platform.read_ciphertext(w.pages, p0, shown);
    EXPECT_TRUE(all_words(shown, 0));

    auto const write { w.platform.host_access(w.pages, p0, Access::write) };
    EXPECT_TRUE(write.allowed());
    EXPECT_EQ(write.then, HostVerdict::Then::guest_poisoned);
    w.vm.options.tdx_cpu = TdxCpu::partial_write_erratum;
    EXPECT_EQ(w.platform.host_access(w.pages, p0, Access::write).then, HostVerdict::Then::poisoned);
    EXPECT_NE(std::string { w.platform.host_access(w.pages, p0, Access::write).name }.find("partial write"), std::string::npos);

    auto const own { w.platform.host_access(w.pages, PageNo { 1 }, Access::write) };
    EXPECT_EQ(own.what, HostVerdict::What::plain);
    EXPECT_EQ(own.then, HostVerdict::Then::goes_on);
}

TEST(Access, OfTheGuestInEachState)
{
    using What = GuestVerdict::What;
    World w { 2 };
    w.run();
    struct Expected {
        What read, write;
    };
    for (auto const &row : entries) {
        if (empty(row.entry) || further(row.entry))
            continue;
        PageRecord r {};
        r.frame = f0;
        r.entry = row.entry;
        r.type = PageType::reg;
        r.owner = World::id;
        store_record(w.records[0], r);
        Expected expected { What::retry, What::retry };
        std::string const name { row.name };
        if (name == "MAPPED" || name == "EXPORTED_DIRTY")
            expected = { What::plain, What::plain };
        else if (name.find("PENDING") == 0 && name != "PENDING_BLOCKED")
            expected = { What::vm_dead, What::vm_dead };
        else if (name.find("BLOCKEDW") != std::string::npos)
            expected = { What::plain, What::retry };
        EXPECT_EQ(guest(w, Side::private_, Access::read), expected.read) << name;
        EXPECT_EQ(guest(w, Side::private_, Access::write), expected.write) << name;
    }
}

TEST(Access, APendingPageIsTheGuestsBusinessOrTheEnd)
{
    World w { 2 };
    w.run();
    ASSERT_TRUE(w.platform.make_private(w.pages, p0, f0));
    EXPECT_EQ(guest(w), GuestVerdict::What::vm_dead);
    w.vm.options.tdx_pending = TdxPending::guest_exception;
    EXPECT_EQ(guest(w), GuestVerdict::What::guest_exception);
    EXPECT_STREQ(w.platform.guest_access(w.pages, p0, f0, Side::private_, Access::read).name, "#VE");
}

TEST(Access, TheSharedHalfNeverShowsATdsBytes)
{
    World w { 2 };
    guest_owns(w);
    EXPECT_EQ(guest(w, Side::shared, Access::read), GuestVerdict::What::ciphertext);
    EXPECT_EQ(guest(w, Side::shared, Access::write), GuestVerdict::What::memory_fault);
    w.platform.make_shared(w.pages, PageRange::one(p0));
    EXPECT_EQ(guest(w, Side::shared, Access::write), GuestVerdict::What::plain);
    EXPECT_EQ(guest(w), GuestVerdict::What::retry);
}
