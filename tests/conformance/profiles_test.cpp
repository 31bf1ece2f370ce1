// What a version of the proposal says of the call itself: the gate and the capabilities against the specification, and the specification's own
// conversion under each version.

#include "kvm/capabilities.hpp"
#include "kvm/conversion_gate.hpp"
#include "spec/convert.hpp"
#include "spec/kernel.hpp"

#include <gtest/gtest.h>
#include <random>

using namespace gmem;

namespace {

constexpr std::uint64_t pages { 16 };
constexpr auto whole { Bytes { pages * page_size } };

spec::Profile in_spec(platform::Uapi u)
{
    switch (u) {
    case platform::Uapi::mainline: return spec::Profile::mainline;
    case platform::Uapi::v8:       return spec::Profile::v8;
    case platform::Uapi::may1:     return spec::Profile::may1;
    case platform::Uapi::rfc_v5:   return spec::Profile::rfc_v5;
    case platform::Uapi::rfc_v4:   return spec::Profile::rfc_v4;
    case platform::Uapi::feb:      return spec::Profile::feb;
    }
    __builtin_unreachable();
}

spec::File file_of(spec::Profile profile, bool private_memory = true)
{
    return { { .private_memory = private_memory, .in_place_conversion = true, .profile = profile }, true, std::vector<spec::Page>(pages, { spec::PageState::shared, 7, 0, false }) };
}

spec::ConvertCall call(std::uint64_t flags, std::uint64_t attributes) { return { page_size, page_size, attributes, flags, {}, 0 }; }

} // namespace

TEST(Gate, AgreesWithTheSpecificationUnderEveryVersion)
{
    std::mt19937_64 random { 4 };
    auto const below { [&](std::uint64_t n) { return random() % n; } };
    std::size_t accepted { 0 };
    for (int i { 0 }; i < 200'000; ++i) {
        auto const uapi { platform::all_uapis[below(platform::all_uapis.size())] };
        spec::ConvertCall c { below(pages + 1) * page_size, below(4) * page_size, below(3) * 4, below(4) ? below(9) : 1ull << below(64), {}, below(4) ? 0 : random() };
        if (!below(8))
            c.reserved[below(c.reserved.size())] = 1ull << below(64);
        if (!below(16))
            c.offset += below(page_size);
        bool const private_memory { below(8) != 0 };
        kvm::uapi::MemoryAttributes2 request { c.offset, c.size, c.attributes, c.flags, c.error_offset, {} };
        std::copy(c.reserved.begin(), c.reserved.end(), std::begin(request.reserved));
        auto const parsed { kvm::parse_conversion(request, whole, private_memory ? memory::Conversions::allowed : memory::Conversions::refused, platform::Profile::of(uapi)) };
        auto const file { file_of(in_spec(uapi), private_memory) };
        ASSERT_EQ(parsed ? 0 : parsed.error().err, spec::convert_argument_errno(file, c)) << platform::name_of(uapi) << " flags " << c.flags << " error_offset " << c.error_offset;
        if (!parsed)
            continue;
        ++accepted;
        auto const mode { spec::mode_of(in_spec(uapi), c.flags) };
        ASSERT_TRUE(mode);
        ASSERT_EQ(static_cast<int>(parsed.value().mode), static_cast<int>(*mode)) << platform::name_of(uapi) << " flags " << c.flags; // the same order in both
    }
    EXPECT_GT(accepted, 10'000u);
}

TEST(Capabilities, AgreeWithTheSpecificationUnderEveryVersion)
{
    for (auto const uapi : platform::all_uapis)
        for (auto const tracker : { kvm::Tracker::files, kvm::Tracker::vms, kvm::Tracker::nobody })
            for (auto const which : { 233u, 234u, 244u, 248u, 249u, 250u })
                for (int where { 0 }; where < 3; ++where) {
                    auto const ours { kvm::capability(which, static_cast<kvm::AskedOn>(where), tracker, platform::Profile::of(uapi), 0) };
                    auto const must { spec::capability(which, static_cast<spec::On>(where), { tracker == kvm::Tracker::files, tracker == kvm::Tracker::vms, in_spec(uapi) }) };
                    EXPECT_EQ(ours.value_or(-1), must) << platform::name_of(uapi) << " " << which << " on " << where;
                }
    auto const v5 { platform::Profile::of(platform::Uapi::rfc_v5) };
    EXPECT_EQ(kvm::capability(250, kvm::AskedOn::vm_with_private_memory, kvm::Tracker::files, v5, 0), 3); // ZERO and PRESERVE
    EXPECT_EQ(kvm::capability(250, kvm::AskedOn::system, kvm::Tracker::vms, v5, 0), 0);
    EXPECT_EQ(kvm::capability(249, kvm::AskedOn::vm_without, kvm::Tracker::files, v5, 0), 0);
    EXPECT_EQ(kvm::capability(249, kvm::AskedOn::system, kvm::Tracker::files, v5, 0), 8);
    EXPECT_EQ(kvm::capability(249, kvm::AskedOn::system, kvm::Tracker::files, platform::Profile::of(platform::Uapi::v8), 0), std::nullopt);
}

// The specification's own conversion, which says of an observed outcome whether it is right.
TEST(Specification, UnsupportedModesComeFirstAndNameTheStart)
{
    auto file { file_of(spec::Profile::rfc_v5) };
    file.pages[1].pins = 1; // would be EAGAIN
    EXPECT_EQ(spec::convert(file, call(1, 8), { EOPNOTSUPP, page_size }), std::nullopt);
    EXPECT_TRUE(spec::convert(file, call(1, 8), { EAGAIN, page_size }));
    EXPECT_TRUE(spec::convert(file, call(1, 8), { EOPNOTSUPP, std::nullopt }));
    EXPECT_TRUE(spec::convert(file, call(1, 8), { 0, std::nullopt }));
    EXPECT_EQ(file.pages[1].state, spec::PageState::shared);
    file.pages[1] = { spec::PageState::private_, 7, 0, false };
    EXPECT_EQ(spec::convert(file, call(1, 8), { EOPNOTSUPP, page_size }), std::nullopt); // although nothing would change
}

TEST(Specification, TheModeCountsWhereNothingChanges)
{
    auto file { file_of(spec::Profile::rfc_v5) };
    EXPECT_EQ(spec::convert(file, call(1, 0), { 0, std::nullopt }), std::nullopt);
    EXPECT_EQ(file.pages[1], (spec::Page { spec::PageState::shared, 0, 0, false })); // shared before and after, zeroed
    EXPECT_EQ(file.pages[0].byte, 7);
    EXPECT_EQ(spec::convert(file, { 2 * page_size, page_size, 0, 0, {}, 0 }, { 0, std::nullopt }), std::nullopt);
    EXPECT_TRUE(file.pages[2].unknown); // even a request without a mode scrambles
    EXPECT_EQ(spec::convert(file, { 3 * page_size, page_size, 8, 2, {}, 0 }, { 0, std::nullopt }), std::nullopt);
    EXPECT_EQ(file.pages[3], (spec::Page { spec::PageState::private_, 7, 0, false }));
}

TEST(Specification, MergedVersionsTouchNothing)
{
    for (auto const profile : { spec::Profile::mainline, spec::Profile::v8 }) {
        auto file { file_of(profile) };
        EXPECT_EQ(spec::convert(file, call(0, 0), { 0, std::nullopt }), std::nullopt);
        EXPECT_EQ(spec::convert(file, call(0, 8), { 0, std::nullopt }), std::nullopt);
        EXPECT_EQ(file.pages[1], (spec::Page { spec::PageState::private_, 7, 0, false }));
        for (std::uint64_t flags { 1 }; flags < 9; ++flags)
            EXPECT_EQ(spec::convert(file, call(flags, 8), { EINVAL, std::nullopt }), std::nullopt);
    }
}

TEST(Specification, TheTrustedSideMakesBytesUnknown)
{
    auto file { file_of(spec::Profile::may1) };
    file.vm.platform = spec::Platform::tdx;
    EXPECT_EQ(spec::convert(file, call(2, 8), { 0, std::nullopt }), std::nullopt);
    EXPECT_TRUE(file.pages[1].unknown);
    EXPECT_EQ(spec::convert(file, call(2, 0), { EOPNOTSUPP, page_size }), std::nullopt);
    EXPECT_EQ(spec::convert(file, call(1, 0), { 0, std::nullopt }), std::nullopt);
    EXPECT_EQ(file.pages[1], (spec::Page { spec::PageState::shared, 0, 0, false }));
}
