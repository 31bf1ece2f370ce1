// States are functions of fields: every combination of fields against a list that was written down apart from the table.

#include "world.hpp"

namespace gmem::platform::snp {
namespace {

// assigned, validated, asid, immutable, gpa, vmsa of the entry as bits 5..0 -> the state's name, platform-models.md 1.1.
char const *expected(bool assigned, bool validated, bool asid, bool immutable, bool gpa, bool vmsa)
{
    if (!assigned)
        return validated || asid ? "none" : immutable ? "HV_FIXED" : "HYPERVISOR";
    if (!asid) {
        if (validated)
            return "none";
        return !immutable ? "RECLAIM" : gpa ? "METADATA" : vmsa ? "CONTEXT" : "FIRMWARE";
    }
    if (immutable)
        return validated ? "PRE_SWAP" : vmsa ? "none" : "PRE_GUEST";
    return validated ? "GUEST_VALID" : "GUEST_INVALID";
}

TEST(RmpEntry, EveryCombinationOfFieldsIsItsStateOrNone)
{
    for (unsigned bits { 0 }; bits < 64; ++bits) {
        RmpEntry const e { .frame = bits & 2 ? 5u : 0u, .asid = static_cast<std::uint16_t>(bits & 8 ? 3 : 0), .assigned = (bits & 32) != 0,
            .immutable = (bits & 4) != 0, .vmsa = (bits & 1) != 0, .validated = (bits & 16) != 0 };
        Record r;
        store_record(r, e);
        EXPECT_STREQ(platform_of(Kind::snp).state_name(r), expected(e.assigned, e.validated, e.asid != 0, e.immutable, e.frame != 0, e.vmsa)) << bits;
    }
}

TEST(RmpEntry, AZeroedRecordIsTheHypervisors)
{
    EXPECT_STREQ(platform_of(Kind::snp).state_name({}), "HYPERVISOR");
    EXPECT_FALSE(platform_of(Kind::snp).held({}));
    EXPECT_EQ(platform_of(Kind::snp).audit({}), nullptr);
}

TEST(RmpEntry, OneExampleOfEachStateIsHealthy)
{
    for (auto const s : all_states) {
        EXPECT_EQ(state_of(example_of(s)), s);
        EXPECT_EQ(audit(example_of(s)), nullptr) << row_of(s).name;
    }
}

TEST(RmpEntry, AuditNamesWhatIsBroken)
{
    auto const broken { [](auto const &change) {
        auto e { example_of(PageState::guest_valid) };
        change(e);
        auto const *text { audit(e) };
        return std::string { text ? text : "healthy" }.substr(0, 2);
    } };
    EXPECT_EQ(broken([](auto &) {}), "he");
    EXPECT_EQ(broken([](auto &e) { e.asid = 0; }), "R1");
    EXPECT_EQ(broken([](auto &e) { e.frame = most_frame + 1; }), "R2");
    EXPECT_EQ(broken([](auto &e) { e.asid = most_asid + 1; }), "R2");
    EXPECT_EQ(broken([](auto &e) { e = { .frame = 1 }; }), "R2");
    EXPECT_EQ(broken([](auto &e) { e = { .vmsa = true }; }), "R2");
    EXPECT_EQ(broken([](auto &e) { e = { .permissions = fresh_permissions }; }), "R2");
    EXPECT_EQ(broken([](auto &e) { e.permissions[0] = 0; }), "R3");
    EXPECT_EQ(broken([](auto &e) { e.permissions[2] = 32; }), "R3");
    EXPECT_EQ(broken([](auto &e) { e = example_of(PageState::firmware), e.permissions[1] = 1; }), "R3");
    EXPECT_EQ(broken([](auto &e) { e.vmsa = e.large = true; }), "R4");
    EXPECT_EQ(broken([](auto &e) { e = { .large = true }; }), "R4");
    EXPECT_EQ(broken([](auto &e) { e.unused2 = true; }), "R5");
    EXPECT_EQ(broken([](auto &e) { e.unused3 = 1; }), "R5");
}

TEST(RmpEntry, TheLastBitOfEachFieldSurvivesTheRecord)
{
    RmpEntry e { example_of(PageState::guest_valid, most_asid, most_frame) };
    e.permissions = { 31, 30, 29, 28 };
    Record r;
    store_record(r, e);
    EXPECT_EQ(record_as<RmpEntry>(r), e);
}

} // namespace
} // namespace gmem::platform::snp
