// The version of the proposal that `gmem run --uapi` chooses, from the outside: capabilities, arguments, content modes of a VM of type SW_PROTECTED,
// against the specification. GMEM_UAPI says which one is meant.

#include "spec/access.hpp"
#include "spec/convert.hpp"
#include "spec/kernel.hpp"
#include "tests/conformance/subject.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace gmem;
using namespace gmem::conformance;

namespace {

constexpr std::uint64_t page { 4096 }, pages { 16 };

spec::Profile meant()
{
    char const *const value { std::getenv("GMEM_UAPI") };
    std::string_view const word { value ? value : "" };
    constexpr std::array<std::pair<std::string_view, spec::Profile>, 6> names { {
        { "mainline", spec::Profile::mainline }, { "v8", spec::Profile::v8 }, { "may1", spec::Profile::may1 }, { "rfc-v5", spec::Profile::rfc_v5 },
        { "rfc-v4", spec::Profile::rfc_v4 }, { "feb", spec::Profile::feb } } };
    for (auto const &[name, profile] : names)
        if (word == name)
            return profile;
    return spec::Profile::mainline;
}

// A file, all shared, and the specification's idea of it.
class Versions : public ::testing::Test {
protected:
    void SetUp() override
    {
        NEEDS_CONVERSION();
        fd_ = vm_.create(pages * page, 3);
        ASSERT_GE(fd_, 0);
        window_ = static_cast<char *>(mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0));
        ASSERT_NE(window_, MAP_FAILED);
        auto rules { Offer::here().rules };
        rules.profile = meant();
        model_ = spec::created({ pages * page, 3 }, rules);
    }
    void TearDown() override
    {
        if (fd_ >= 0) {
            munmap(window_, pages * page);
            close(fd_);
        }
    }

    static MemoryAttributes2 request(spec::ConvertCall const &call)
    {
        MemoryAttributes2 q { call.offset, call.size, call.attributes, call.flags, call.error_offset, {} };
        std::copy(call.reserved.begin(), call.reserved.end(), std::begin(q.reserved));
        return q;
    }

    Vm vm_;
    int fd_ { -1 };
    char *window_ { nullptr };
    spec::File model_ {};
};

} // namespace

TEST_F(Versions, CapabilitiesOnEachDescriptor)
{
    int const other { ioctl(Offer::here().kvm, kvm_create_vm, 0) };
    int const fds[] { Offer::here().kvm, vm_.fd(), other };
    for (unsigned long which : { 233ul, 234ul, 244ul, 248ul, 249ul, 250ul })
        for (int i { 0 }; i < 3; ++i)
            if (auto const must { spec::capability(which, static_cast<spec::On>(i), { .in_place = true, .vm_attributes = false, .profile = meant() }) }; must >= 0)
                EXPECT_EQ(ioctl(fds[i], kvm_check_extension, which), must) << which << " on " << i;
    close(other);
}

TEST_F(Versions, FlagsAndErrorOffsetAmongTheArguments)
{
    // All of them end in EINVAL for a sound reason further down the list, so that nothing is converted: the end of the file is the last check.
    for (int bit { -1 }; bit < 64; ++bit)
        for (std::uint64_t low { 0 }; low < 8; ++low)
            for (std::uint64_t const error_offset : { 0ull, 1ull, ~0ull }) {
                spec::ConvertCall const call { 0, page, 1, low | (bit < 0 ? 0 : std::uint64_t { 1 } << bit), {}, error_offset };
                auto q { request(call) };
                auto const before { q };
                ASSERT_EQ(convert(fd_, q), spec::convert_argument_errno(model_, call));
                ASSERT_EQ(std::memcmp(&q, &before, sizeof q), 0) << "nothing is written back for argument errors";
            }
}

TEST_F(Versions, FlagsThatTheVersionLacksAreRefused)
{
    for (int bit { 0 }; bit < 64; ++bit)
        for (std::uint64_t low { 0 }; low < 8; ++low) {
            spec::ConvertCall const call { 0, page, 8, low | std::uint64_t { 1 } << bit, {}, 0 };
            if (spec::convert_argument_errno(model_, call) == 0)
                continue;
            auto q { request(call) };
            EXPECT_EQ(convert(fd_, q), EINVAL) << call.flags;
        }
    for (std::uint64_t p { 0 }; p < pages; ++p)
        EXPECT_TRUE(read_byte(window_ + p * page).works) << p;
}

TEST_F(Versions, ErrorOffsetOnEntry)
{
    spec::ConvertCall const call { page, page, 0, 0, {}, page };
    auto q { request(call) };
    EXPECT_EQ(convert(fd_, q), spec::convert_argument_errno(model_, call)); // shared to shared
}

// Random conversions with every mode, with writes in between: every outcome and every byte that the version says something about.
TEST_F(Versions, ContentModes)
{
    std::mt19937_64 random { 7 };
    auto const below { [&](std::uint64_t n) { return random() % n; } };
    for (int i { 0 }; i < 3000; ++i) {
        auto const first { below(pages) };
        spec::ConvertCall const call { first * page, (1 + below(pages - first)) * page, below(2) * 8, below(2) * (std::uint64_t { 1 } << below(3)), {}, 0 };
        auto q { request(call) };
        auto const untouched { ~std::uint64_t { 0 } };
        if (!spec::error_offset_must_be_zero(meant()))
            q.error_offset = untouched;
        auto const before { q.error_offset };
        spec::Outcome seen { convert(fd_, q), {} };
        if (seen.err == EOPNOTSUPP || seen.err == EAGAIN || seen.err == ENOMEM || q.error_offset != before)
            seen.error_offset = q.error_offset;
        ASSERT_EQ(spec::convert(model_, call, seen).value_or(""), "") << "flags " << call.flags << ", attributes " << call.attributes << ", errno " << seen.err;
        for (std::uint64_t p { 0 }; p < pages; ++p) {
            auto const t { read_byte(window_ + p * page + below(page)) };
            ASSERT_EQ(t.works, spec::access(model_, p * page) == spec::AccessOutcome::works) << p;
            if (t.works && spec::content_known(model_, p * page))
                ASSERT_EQ(t.value, spec::content(model_, p * page)) << p << " after flags " << call.flags << ", attributes " << call.attributes;
        }
        if (auto const p { below(pages) }; model_.pages[p].state == spec::PageState::shared) {
            model_.pages[p].byte = static_cast<std::uint8_t>(random());
            model_.pages[p].unknown = false;
            std::memset(window_ + p * page, model_.pages[p].byte, page);
        }
    }
}

// What is scrambled is neither what was there nor zeros, and not twice the same.
TEST_F(Versions, UnspecifiedScrambles)
{
    if (spec::touch(meant(), spec::Platform::sw_protected, spec::Direction::to_shared, spec::Mode::unspecified, spec::Launch::finished) != spec::Touch::scrambles)
        GTEST_SKIP() << "this version does not";
    std::string previous(page, 'u');
    std::memset(window_, 'u', page);
    for (int i { 0 }; i < 3; ++i) {
        auto q { request({ 0, page, 0, 0, {}, 0 }) }; // although it is shared already
        ASSERT_EQ(convert(fd_, q), 0);
        std::string const now(window_, page);
        ASSERT_NE(now, previous);
        std::size_t equal { 0 };
        for (std::size_t b { 0 }; b < page; ++b)
            equal += now[b] == previous[b];
        EXPECT_LT(equal, page / 16); // one byte in 256 by chance
        previous = now;
    }
}
