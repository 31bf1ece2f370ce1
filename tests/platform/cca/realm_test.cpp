// A realm's life before it runs, what may be put into it, and that it is measured. The two values were computed apart from this code, from
// platform-models.md 4.4; single descriptors are in tests/platform/measure/.

#include "crypto/openssl/openssl.hpp"
#include "platform/cca/populate.hpp"
#include "platform/cca/realm.hpp"

#include "world.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::cca;

namespace {

constexpr measure::CcaRealm parameters { .flags = 5, .s2sz = 40, .sve_vl = 3, .num_bps = 2, .num_wps = 4, .pmu_num_ctrs = 6 };
constexpr std::string_view rim256 { "ab3a69fe1a3f26ce2a3d5f6ee970b9d1d39ad90beb85167e4f79ef7fd7d6b1ee" };
constexpr std::string_view rim512 { "754a73d1e57facb851b16dea493b471ceae33db45fcbd1153d37ad92fd7789c90de6b71ed953c6fad124d8db94516a4860f290ab310c555fa194697ac134d500" };

class RealmTest : public testing::Test {
protected:
    static void SetUpTestSuite() { crypto::install(crypto::openssl_primitives()); }
};
using PopulateTest = RealmTest;

std::vector<std::byte> pattern(unsigned seed)
{
    std::vector<std::byte> page(page_size);
    for (unsigned i { 0 }; i < page_size; ++i)
        page[i] = static_cast<std::byte>(7 * i + seed + (i >> 8));
    return page;
}

std::string to_hex(measure::Measurement const &m)
{
    std::string text;
    for (std::size_t i { 0 }; i < m.size; ++i) {
        auto const b { std::to_integer<unsigned>(m.bytes[i]) };
        (text += "0123456789abcdef"[b >> 4]) += "0123456789abcdef"[b & 15];
    }
    return text;
}

// A realm that takes pages at the world's frames, and the first `ram` of them are RAM.
Realm created(World &w, std::uint64_t ram)
{
    Realm r;
    EXPECT_TRUE(r.create(parameters, crypto::Hash::sha256));
    std::uint64_t done;
    if (ram > 0)
        EXPECT_TRUE(r.init_ripas(w.pages, *PageRange::make(page0, PageNo { ram }), first_frame, done));
    return r;
}

}

TEST_F(RealmTest, IsCreatedOnceAndActivatedOnce)
{
    Realm r;
    EXPECT_EQ(r.rim().size, 0U);
    EXPECT_EQ(r.activate(), rmi_error_realm);
    auto wrong { parameters };
    for (auto const bits : { std::uint8_t { 31 }, std::uint8_t { 53 } }) {
        wrong.s2sz = bits;
        EXPECT_EQ(r.create(wrong, crypto::Hash::sha256), rmi_error_input);
    }
    EXPECT_EQ(r.create(parameters, crypto::Hash::sha384), rmi_error_input);
    ASSERT_TRUE(r.create(parameters, crypto::Hash::sha256));
    EXPECT_EQ(r.state(), Realm::State::created);
    EXPECT_EQ(r.create(parameters, crypto::Hash::sha256), rmi_error_realm);
    ASSERT_TRUE(r.activate());
    EXPECT_EQ(r.state(), Realm::State::active);
    EXPECT_EQ(r.activate(), rmi_error_realm);
}

TEST_F(RealmTest, TheMeasurementIsThatOfEverythingInOrder)
{
    for (auto const &[hash, expected] : { std::pair { crypto::Hash::sha256, rim256 }, std::pair { crypto::Hash::sha512, rim512 } }) {
        World w { 4 };
        Realm r;
        auto const p { pattern(0) }, q { pattern(1) };
        std::uint64_t done;
        ASSERT_TRUE(r.create(parameters, hash));
        ASSERT_TRUE(r.init_ripas(w.pages, *PageRange::make(page0, PageNo { 4 }), first_frame, done));
        ASSERT_TRUE(populate(r, w.pages, page0, first_frame, p.data(), true));
        ASSERT_TRUE(populate(r, w.pages, page1, first_frame + 1, q.data(), false));
        measure::CcaRec rec { .flags = measure::CcaRec::runnable, .pc = 0x100000 };
        for (unsigned i { 0 }; i < 8; ++i)
            rec.gprs[i] = i + 1;
        ASSERT_TRUE(r.rec_create(rec));
        EXPECT_EQ(to_hex(r.rim()), expected);
        ASSERT_TRUE(r.activate());
        EXPECT_EQ(to_hex(r.rim()), expected);
    }
}

TEST_F(RealmTest, AfterActivationNothingIsPutInAndNothingMeasured)
{
    World w { 2 };
    auto r { created(w, 1) };
    auto const p { pattern(0) };
    ASSERT_TRUE(command(w.pages, page0, GranuleCommand::delegate));
    ASSERT_TRUE(r.activate());
    auto const rim { r.rim() };
    std::uint64_t done;
    EXPECT_EQ(r.init_ripas(w.pages, PageRange::one(page1), first_frame + 1, done), rmi_error_realm);
    EXPECT_EQ(r.data_create(w.pages, page0, first_frame, p.data(), true), rmi_error_realm);
    EXPECT_EQ(r.rec_create({}), rmi_error_realm);
    EXPECT_EQ(r.rim(), rim);
    EXPECT_TRUE(data_create_unknown(w.pages, page0, first_frame, r.space())); // that goes on
}

TEST_F(RealmTest, RipasIsInitialisedAsFarAsItCanBe)
{
    World w { 4 };
    auto r { created(w, 0) };
    w.put(PageNo { 2 }, Granule::undelegated, { Hipas::unassigned, Ripas::ram });
    auto const all { *PageRange::make(page0, PageNo { 4 }) };
    std::uint64_t done { 9 };
    EXPECT_EQ(r.init_ripas(w.pages, all, r.space().frames() / 2 - 3, done), rmi_error_input);
    EXPECT_EQ(r.init_ripas(w.pages, *PageRange::make(page0, PageNo { 5 }), first_frame, done), rmi_error_input);
    EXPECT_EQ(done, 0U);
    ASSERT_TRUE(r.init_ripas(w.pages, all, first_frame, done));
    EXPECT_EQ(done, 2U);
    EXPECT_EQ(w.page(page1).entry.ripas, Ripas::ram);
    EXPECT_EQ(w.page(PageNo { 3 }).entry.ripas, Ripas::empty);
    auto const rim { r.rim() };
    World same { 4 };
    EXPECT_EQ(rim, created(same, 2).rim()); // measured is what was done
    EXPECT_EQ(r.init_ripas(w.pages, all, first_frame, done), rmi_error_rtt); // RAM already
    EXPECT_EQ(r.rim(), rim);
    EXPECT_EQ(done, 0U);
}

TEST_F(RealmTest, DataIsCreatedFromAnotherGranuleOfTheHosts)
{
    World w { 3 };
    auto r { created(w, 2) };
    auto const p { pattern(0) };
    auto const rim { r.rim() };
    EXPECT_EQ(r.data_create(w.pages, page0, first_frame, p.data(), true), rmi_error_input); // not delegated
    ASSERT_TRUE(command(w.pages, page0, GranuleCommand::delegate));
    ASSERT_TRUE(command(w.pages, page1, GranuleCommand::delegate));
    EXPECT_EQ(r.data_create(w.pages, page0, first_frame, nullptr, true), rmi_error_input);
    EXPECT_EQ(r.data_create(w.pages, page0, first_frame, w.pages.page(page0), true), rmi_error_input);     // itself
    EXPECT_EQ(r.data_create(w.pages, page0, first_frame, w.pages.page(page1), true), rmi_error_input);     // the RMM's
    EXPECT_EQ(r.data_create(w.pages, page0, first_frame, w.pages.page(PageNo { 2 }) + 8, true), rmi_error_input); // not one granule
    EXPECT_EQ(r.data_create(w.pages, page0, r.space().alias_of(first_frame), p.data(), true), rmi_error_input);
    EXPECT_EQ(r.data_create(w.pages, page0, first_frame + 5, p.data(), true), rmi_error_rtt); // EMPTY there
    EXPECT_EQ(r.rim(), rim);
    std::memcpy(w.pages.page(PageNo { 2 }), p.data(), page_size);
    ASSERT_TRUE(r.data_create(w.pages, page0, first_frame, w.pages.page(PageNo { 2 }), true)); // the host's, in the same file
    EXPECT_EQ(std::memcmp(w.pages.page(page0), p.data(), page_size), 0);
    EXPECT_EQ(w.page(page0), (PageState { Granule::data, Pas::realm, { Hipas::assigned, Ripas::ram }, false, {}, first_frame }));
    EXPECT_NE(r.rim(), rim);
}

TEST_F(PopulateTest, WithoutASourceItIsNotSupportedButThroughABounce)
{
    World w { 1 };
    auto r { created(w, 1) };
    w.write(page0, 0x42);
    auto const none { populate(r, w.pages, page0, first_frame, nullptr, true) };
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().err, EOPNOTSUPP);
    EXPECT_EQ(w.value(page0), 0x42);
    EXPECT_EQ(w.page(page0).granule, Granule::undelegated);

    std::vector<std::byte> bounce(page_size, std::byte { 0x11 });
    ASSERT_TRUE(populate(r, w.pages, page0, first_frame, nullptr, true, bounce.data()));
    EXPECT_EQ(w.value(page0), 0x42);
    EXPECT_EQ(bounce, std::vector<std::byte>(page_size)); // nothing is left outside
    EXPECT_EQ(Cca {}.guest_access(w.pages, page0, first_frame, Side::private_, Access::read).what, GuestVerdict::What::plain);

    // In place and from a source of the same bytes measure the same.
    World other { 1 };
    auto s { created(other, 1) };
    std::vector<std::byte> const source(page_size, std::byte { 0x42 });
    ASSERT_TRUE(populate(s, other.pages, page0, first_frame, source.data(), true));
    EXPECT_EQ(r.rim(), s.rim());
}

TEST_F(PopulateTest, WhatTheRmmRefusesIsGivenBackWiped)
{
    World w { 1 };
    auto r { created(w, 0) }; // nothing is RAM
    auto const p { pattern(0) };
    auto const rim { r.rim() };
    w.write(page0, 0x42);
    auto const s { populate(r, w.pages, page0, first_frame, p.data(), true) };
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().err, ENXIO);
    EXPECT_EQ(w.pages.record(page0), Record {});
    EXPECT_EQ(w.value(page0), 0);
    EXPECT_EQ(r.rim(), rim);

    w.put(page0, Granule::data, { Hipas::assigned, Ripas::ram });
    w.write(page0, 0x43);
    auto const twice { populate(r, w.pages, page0, first_frame, p.data(), true) };
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().err, ENXIO);
    EXPECT_EQ(w.value(page0), 0x43); // the realm's page stays what it is
}
