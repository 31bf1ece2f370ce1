// The launch commands: order of the checks, what each page type does, and the digest.

#include "launch_world.hpp"
#include "platform/snp/firmware_pages.hpp"

#include <functional>

namespace gmem::platform::snp {
namespace {

constexpr PageNo page0 { 0 };
std::vector<std::byte> const zeros(page_size);

void give(World &w, std::uint64_t p, std::uint64_t frame, PageSize size = PageSize::small)
{
    ASSERT_EQ(rmpupdate(w.rmp(), PageNo { p }, NewState::guests(our_asid, frame, true, size)), Eax::success);
}

// The chain as the notes define it, apart from the one under test.
LaunchDigest chained(LaunchDigest const &before, unsigned type, std::uint64_t gpa, LaunchDigest const &contents, bool imi = false, std::array<std::uint8_t, 3> vmpl = {})
{
    std::byte info[0x70] {};
    std::memcpy(info, before.data(), 48);
    std::memcpy(info + 48, contents.data(), 48);
    info[0x60] = std::byte { 0x70 };
    info[0x62] = static_cast<std::byte>(type);
    info[0x63] = static_cast<std::byte>(imi);
    for (unsigned i { 0 }; i < 3; ++i)
        info[0x65 + i] = static_cast<std::byte>(vmpl[i]);
    std::memcpy(info + 0x68, &gpa, 8);
    LaunchDigest after;
    EXPECT_TRUE(crypto::openssl_primitives().hash(crypto::Hash::sha384, info, sizeof info, after.data()));
    return after;
}
LaunchDigest sha384(std::vector<std::byte> const &page)
{
    LaunchDigest d;
    EXPECT_TRUE(crypto::openssl_primitives().hash(crypto::Hash::sha384, page.data(), page.size(), d.data()));
    return d;
}

TEST(LaunchStart, ChecksThePolicyAndTheState)
{
    World const w { 1 };
    auto const start { [&w](std::uint64_t policy) { Launch l; return l.start({ .policy = policy }, w.vm->key); } };
    EXPECT_EQ(start(0x30000), Firmware::success);
    EXPECT_EQ(start(0x30000 | 0x0137), Firmware::success);
    EXPECT_EQ(start(0x30000 | 0x0138), Firmware::policy_failure); // a newer ABI
    EXPECT_EQ(start(0x30000 | 0x0200), Firmware::policy_failure);
    EXPECT_EQ(start(0x10000), Firmware::policy_failure); // bit 17
    EXPECT_EQ(start(0x30000 | 1u << 26), Firmware::invalid_param);
    Launch l;
    EXPECT_EQ(l.activate(1), Firmware::invalid_guest_state);
    EXPECT_EQ(l.finish({}), Firmware::invalid_guest_state);
    l.set_platform_initialised(false);
    EXPECT_EQ(l.start({}, w.vm->key), Firmware::invalid_platform_state);
    l.set_platform_initialised(true);
    EXPECT_EQ(l.digest(), LaunchDigest {});
    EXPECT_EQ(l.start({}, w.vm->key), Firmware::success);
    EXPECT_EQ(l.digest(), LaunchDigest {}); // 48 zero bytes
    EXPECT_EQ(l.start({}, w.vm->key), Firmware::invalid_guest_state);
    EXPECT_EQ(l.activate(0), Firmware::invalid_asid);
    EXPECT_EQ(l.activate(most_asid + 1), Firmware::invalid_asid);
    EXPECT_EQ(l.activate(our_asid), Firmware::success);
    EXPECT_EQ(l.activate(our_asid), Firmware::active);
    EXPECT_EQ(l.finish({}), Firmware::success);
    EXPECT_EQ(l.state(), GuestState::running);
    EXPECT_EQ(l.finish({}), Firmware::invalid_guest_state);
    EXPECT_EQ(l.start({}, w.vm->key), Firmware::invalid_guest_state);
    l.decommission();
    EXPECT_EQ(l.start({}, w.vm->key), Firmware::invalid_guest);
    EXPECT_EQ(l.activate(1), Firmware::invalid_guest);
    EXPECT_EQ(l.finish({}), Firmware::invalid_guest);
}

TEST(LaunchStart, MakesKeysThatDependOnAllItWasGiven)
{
    World const w { 1 };
    auto const secrets { [](LaunchStart const &with, std::byte const (&seed)[64]) { Launch l; EXPECT_EQ(l.start(with, seed), Firmware::success); return l.secrets(); } };
    auto const first { secrets({}, w.vm->key) };
    EXPECT_EQ(std::memcmp(&first, std::data({ secrets({}, w.vm->key) }), sizeof first), 0);
    for (unsigned a { 0 }; a < 4; ++a)
        for (unsigned b { 0 }; b < a; ++b)
            EXPECT_NE(first.vmpck[a], first.vmpck[b]);
    EXPECT_NE(first.vmpck, secrets({ .policy = 0x20000 }, w.vm->key).vmpck);
    std::byte other[64] {};
    EXPECT_NE(first.vmpck, secrets({}, other).vmpck);
}

// Each row of the order: a request that violates it and everything behind it gets its answer, and nothing changes.
TEST(LaunchUpdate, ChecksInTheFirmwaresOrder)
{
    struct State final {
        World w { 1100 };
        Launch launch { launching(w, { .imi_en = true }) };
        LaunchUpdate u { .page = PageNo { 1 }, .type = static_cast<PageType>(7), .size = PageSize::large, .vmpl2_permissions = 32 };
    } s;
    s.launch.decommission();
    s.launch.set_platform_initialised(false);
    s.u.page = PageNo { 1100 };
    auto const before { [&] { return std::pair { s.w.records, s.w.memory }; } };
    auto const expect { [&](Firmware f, char const *what) {
        auto const was { before() };
        EXPECT_EQ(s.launch.update(s.w.pages, s.u), f) << what << ": " << name_of(s.launch.update(s.w.pages, s.u));
        EXPECT_EQ(before(), was) << what;
    } };
    expect(Firmware::invalid_param, "a permission that does not exist");
    s.u.vmpl2_permissions = 0;
    s.u.reserved = 1;
    expect(Firmware::invalid_param, "reserved");
    s.u.reserved = 0;
    expect(Firmware::invalid_platform_state, "platform");
    s.launch.set_platform_initialised(true);
    expect(Firmware::invalid_guest, "context");
    Launch fresh;
    fresh.set_platform_initialised(true);
    s.launch = fresh; // not yet started
    expect(Firmware::invalid_address, "outside");
    s.u.page = PageNo { 1 };
    expect(Firmware::invalid_page_state, "not PRE_GUEST");
    give(s.w, 1, 0x101);
    expect(Firmware::invalid_page_size, "4 KiB entry, 2 MiB asked");
    s.u.page = PageNo { 512 };
    give(s.w, 512, 0x600, PageSize::large);
    s.u.page = PageNo { 513 };
    expect(Firmware::invalid_address, "not aligned");
    s.u.page = PageNo { 512 };
    for (auto const t : { PageType::vmsa, PageType::secrets, PageType::cpuid }) {
        s.u.type = t;
        expect(Firmware::invalid_page_size, "no such page of 2 MiB");
    }
    for (unsigned const t : { 0u, 7u }) {
        s.u.type = static_cast<PageType>(t);
        expect(Firmware::invalid_param, "type");
    }
    s.u.type = PageType::normal;
    expect(Firmware::invalid_guest_state, "not started");
    ASSERT_EQ(s.launch.start({ .imi_en = true }, s.w.vm->key), Firmware::success);
    expect(Firmware::inactive, "no ASID");
    ASSERT_EQ(s.launch.activate(other_asid), Firmware::success);
    expect(Firmware::invalid_page_owner, "another guest's");
    s.launch = launching(s.w, { .imi_en = true });
    expect(Firmware::invalid_param, "an image, but no page of it");
    s.u.imi_page = true;
    EXPECT_EQ(s.launch.update(s.w.pages, s.u), Firmware::success);
    EXPECT_TRUE(s.w.healthy());
}

TEST(LaunchUpdate, OnlyAPreGuestPageIsTaken)
{
    for (auto const state : all_states) {
        World w { 1 };
        auto l { launching(w) };
        w.set(0, example_of(state));
        EXPECT_EQ(l.update(w.pages, { .page = page0 }), state == PageState::pre_guest ? Firmware::success : Firmware::invalid_page_state) << row_of(state).name;
        EXPECT_EQ(l.digest() == LaunchDigest {}, state != PageState::pre_guest);
    }
}

TEST(LaunchUpdate, EachTypeIsWhatTheGuestReadsAndWhatIsMeasured)
{
    for (auto const type : all_page_types) {
        World w { 1 };
        auto l { launching(w) };
        auto given { type == PageType::cpuid ? zeros : pattern() };
        w.write(0, given);
        give(w, 0, 0x100);
        EXPECT_EQ(w.bytes(0), given);
        ASSERT_EQ(l.update(w.pages, { .page = page0, .type = type, .vmpl1_permissions = 1, .vmpl2_permissions = 2, .vmpl3_permissions = 4 }), Firmware::success);
        auto contents { LaunchDigest {} };
        if (type == PageType::normal)
            contents = sha384(given);
        if (type == PageType::vmsa) {
            auto without { given };
            std::memset(without.data() + 0x2f0, 0, 16); // GUEST_TSC_SCALE, GUEST_TSC_OFFSET
            contents = sha384(without);
        }
        EXPECT_EQ(l.digest(), chained({}, static_cast<unsigned>(type), 0x100000, contents, false, { 1, 2, 4 }));
        std::vector<std::byte> reads { given };
        if (type == PageType::zero)
            reads = zeros;
        if (type == PageType::secrets)
            std::memcpy(reads.data(), &l.secrets(), page_size);
        EXPECT_EQ(w.bytes(0), reads) << static_cast<int>(type);
        EXPECT_NE(w.ciphertext(0), reads);
        RmpEntry wanted { example_of(PageState::guest_valid) };
        wanted.permissions = { 31, 1, 2, 4 };
        wanted.vmsa = type == PageType::vmsa;
        EXPECT_EQ(w.entry(0), wanted);
        EXPECT_EQ(platform_of(Kind::snp).guest_access(w.pages, page0, 0x100, Side::private_, Access::read).what, GuestVerdict::What::plain);
    }
}

TEST(LaunchUpdate, TheTscFieldsOfAVmsaAreNotMeasured)
{
    auto const digest { [](std::size_t changed) {
        World w { 1 };
        auto l { launching(w) };
        auto vmsa { pattern() };
        vmsa[changed] ^= std::byte { 1 };
        w.write(0, vmsa);
        give(w, 0, 0xfffffffff);
        EXPECT_EQ(l.update(w.pages, { .page = page0, .type = PageType::vmsa }), Firmware::success);
        return l.digest();
    } };
    auto const without { digest(0x2f0) };
    EXPECT_EQ(digest(0x2ff), without);
    EXPECT_NE(digest(0x2ef), without);
    EXPECT_NE(digest(0x300), without);
}

TEST(LaunchUpdate, Vectors)
{
    World w { 8 };
    auto one { launching(w) };
    give(w, 0, 1);
    ASSERT_EQ(one.update(w.pages, { .page = page0, .type = PageType::zero }), Firmware::success);
    EXPECT_EQ(hex(one.digest()), "4bd4147976a1e7554c1c778a781affc1c672f1965a727ba16084989b7e356044a28bbe585a2f75dac9356fa5ab78f061");

    // The seven pages of the notes. Their VMSA has bytes in its TSC fields, which the firmware does not measure: so the last link is apart.
    auto l { launching(w) };
    w.write(1, pattern());
    w.write(2, pattern(1));
    for (std::uint64_t p { 1 }; p < 7; ++p)
        give(w, p, 0xff + p);
    ASSERT_EQ(l.update(w.pages, { .page = PageNo { 1 } }), Firmware::success);
    EXPECT_EQ(hex(l.digest()), "49f87a04b5a1324ba5c5161b8fb0b6a71279206756517fe199e6087744734ae231f02599de02de0ebad581c99e3e05fa");
    ASSERT_EQ(l.update(w.pages, { .page = PageNo { 2 } }), Firmware::success);
    ASSERT_EQ(l.update(w.pages, { .page = PageNo { 3 }, .type = PageType::zero }), Firmware::success);
    ASSERT_EQ(l.update(w.pages, { .page = PageNo { 4 }, .type = PageType::unmeasured }), Firmware::success);
    ASSERT_EQ(l.update(w.pages, { .page = PageNo { 5 }, .type = PageType::secrets }), Firmware::success);
    ASSERT_EQ(l.update(w.pages, { .page = PageNo { 6 }, .type = PageType::cpuid }), Firmware::success);
    EXPECT_EQ(hex(chained(l.digest(), 2, 0xfffffffff000, sha384(pattern()))),
        "c4ef2f00bfe98409a0ba74586a5a78e36ab37089d210ca75d4d030ce9c746069cc9bcd1938cb4732c6a6f22b9d810654");
}

TEST(LaunchUpdate, ALargePageIsFiveHundredAndTwelveLinks)
{
    World w { 512 };
    for (std::uint64_t p { 0 }; p < 512; ++p)
        w.write(p, pattern(static_cast<unsigned>(p)));
    auto const before { w.memory };
    auto l { launching(w) };
    give(w, 0, 0x200, PageSize::large);
    ASSERT_EQ(l.update(w.pages, { .page = page0, .size = PageSize::large }), Firmware::success);
    LaunchDigest d {};
    for (std::uint64_t p { 0 }; p < 512; ++p)
        d = chained(d, 1, (0x200 + p) << 12, sha384(pattern(static_cast<unsigned>(p))));
    EXPECT_EQ(l.digest(), d);
    EXPECT_EQ(w.memory, before);
    EXPECT_EQ(w.state(511), "GUEST_VALID");
    EXPECT_TRUE(w.entry(511).large);
    EXPECT_TRUE(w.healthy());
}

TEST(LaunchUpdate, AnImagesPagesAreMeasuredAsSuchAndItIsNeverFinished)
{
    World w { 1 };
    auto l { launching(w, { .imi_en = true }) };
    EXPECT_EQ(l.secrets().imi_en, 1u);
    give(w, 0, 0x100);
    ASSERT_EQ(l.update(w.pages, { .page = page0, .type = PageType::zero, .imi_page = true }), Firmware::success);
    EXPECT_EQ(l.digest(), chained({}, 3, 0x100000, {}, true));
    EXPECT_EQ(l.finish({}), Firmware::invalid_guest_state);
}

TEST(LaunchUpdate, WithoutMemoryForTheHashNothingHappens)
{
    World w { 512 };
    auto l { launching(w) };
    give(w, 0, 0x200, PageSize::large);
    auto const records { w.records };
    for (int const n : { 0, 1, 700 }) {
        Bend::hashes_left = n;
        EXPECT_EQ(l.update(w.pages, { .page = page0, .size = PageSize::large }), Firmware::resource_limit) << n;
        Bend::hashes_left = -1;
        EXPECT_EQ(l.digest(), LaunchDigest {});
        EXPECT_EQ(w.records, records);
    }
    Launch started_without;
    Bend::hashes_left = 2;
    EXPECT_EQ(started_without.start({}, w.vm->key), Firmware::resource_limit);
    Bend::hashes_left = -1;
    EXPECT_EQ(started_without.state(), GuestState::init);
}

TEST(MustReject, LaunchUpdateTwiceOnOnePage)
{
    World w { 1 };
    auto l { launching(w) };
    give(w, 0, 0x100);
    ASSERT_EQ(l.update(w.pages, { .page = page0 }), Firmware::success);
    auto const d { l.digest() };
    EXPECT_EQ(l.update(w.pages, { .page = page0 }), Firmware::invalid_page_state);
    EXPECT_EQ(l.digest(), d);
}

TEST(MustReject, LaunchUpdateAfterFinish)
{
    World w { 1 };
    auto l { launching(w) };
    ASSERT_EQ(l.finish({}), Firmware::success);
    give(w, 0, 0x100);
    EXPECT_EQ(l.update(w.pages, { .page = page0 }), Firmware::invalid_guest_state);
    EXPECT_EQ(w.state(0), "PRE_GUEST");
    EXPECT_EQ(page_reclaim(w.rmp(), page0, PageSize::small), Firmware::success);
    EXPECT_EQ(w.state(0), "GUEST_INVALID");
}

TEST(FirmwareStatus, HasAmdsNumbers)
{
    std::pair<Firmware, unsigned> const numbers[] { { Firmware::success, 0 }, { Firmware::invalid_platform_state, 1 }, { Firmware::invalid_guest_state, 2 },
        { Firmware::policy_failure, 7 }, { Firmware::inactive, 8 }, { Firmware::invalid_address, 9 }, { Firmware::bad_signature, 10 }, { Firmware::bad_measurement, 11 },
        { Firmware::invalid_asid, 13 }, { Firmware::invalid_guest, 16 }, { Firmware::active, 18 }, { Firmware::invalid_param, 22 }, { Firmware::resource_limit, 23 },
        { Firmware::invalid_page_size, 25 }, { Firmware::invalid_page_state, 26 }, { Firmware::invalid_page_owner, 28 } };
    for (auto const &[f, n] : numbers)
        EXPECT_EQ(static_cast<unsigned>(f), n) << name_of(f);
}

} // namespace
} // namespace gmem::platform::snp
