// Three statements of the same table, each written for itself: docs/support-table.csv, spec/content.cpp with spec/readers.cpp, and
// src/platform/support.cpp. They agree in every cell; and a single cell that is flipped in the file is noticed.

#include "platform/support.hpp"
#include "spec/content.hpp"
#include "support_table.hpp"

#include <algorithm>
#include <cerrno>
#include <gtest/gtest.h>
#include <stdexcept>
#include <utility>

using namespace gmem;
using support::Cell;
using support::Line;

namespace {

template <typename T>
using Names = std::vector<std::pair<char const *, T>>;

template <typename T>
T named(Names<T> const &names, std::string const &name)
{
    for (auto const &[known, value] : names)
        if (name == known)
            return value;
    throw std::runtime_error { "no such name: " + name };
}

// The cell in the specification's words.
struct InSpec final {
    spec::Profile profile;
    spec::Platform platform;
    spec::Direction direction;
    spec::Mode mode;
    spec::Launch launch;
};

InSpec in_spec(Cell const &c)
{
    using namespace gmem::spec;
    static Names<spec::Profile> const profiles { { "mainline", Profile::mainline }, { "v8", Profile::v8 }, { "may1", Profile::may1 }, { "rfc-v5", Profile::rfc_v5 }, { "rfc-v4", Profile::rfc_v4 }, { "feb", Profile::feb } };
    static Names<spec::Platform> const platforms { { "sw_protected", Platform::sw_protected }, { "snp", Platform::snp }, { "tdx", Platform::tdx }, { "pkvm", Platform::pkvm }, { "cca", Platform::cca } };
    static Names<Mode> const modes { { "unspecified", Mode::unspecified }, { "zero", Mode::zero }, { "preserve", Mode::preserve }, { "encrypted", Mode::encrypted } };
    return { named(profiles, c.uapi), named(platforms, c.platform), c.direction == "to-private" ? Direction::to_private : Direction::to_shared, named(modes, c.mode),
        c.phase == "launching" ? Launch::under_way : Launch::finished };
}

platform::Decision decided(Cell const &c)
{
    auto const mode { std::ranges::find_if(platform::all_content_modes, [&](auto m) { return platform::name_of(m) == c.mode; }) };
    return platform::decide(*platform::uapi_of(c.uapi), *platform::kind_of(c.platform), c.direction == "to-private" ? Attribute::private_ : Attribute::shared, *mode,
        c.phase == "launching" ? platform::Phase::launching : platform::Phase::running);
}

std::string text(int err) { return err == 0 ? "0" : err == EINVAL ? "EINVAL" : err == EOPNOTSUPP ? "EOPNOTSUPP" : "errno " + std::to_string(err); }

std::string text(spec::Reads r)
{
    switch (r) {
    case spec::Reads::host_bytes:  return "host-bytes";
    case spec::Reads::guest_bytes: return "guest-bytes";
    case spec::Reads::zeros:       return "zeros";
    case spec::Reads::noise:       return "noise";
    case spec::Reads::random:      return "random";
    case spec::Reads::sigbus:      return "sigbus";
    case spec::Reads::undefined:   return "undefined";
    case spec::Reads::nobody:      return "-";
    }
    return "?";
}

bool same(platform::ContentEffect a, spec::Touch b)
{
    using enum platform::ContentEffect;
    return (a == none && b == spec::Touch::nothing) || (a == zero && b == spec::Touch::zeroes) || (a == scramble && b == spec::Touch::scrambles);
}

// A sentence for each cell in which not all three say the same.
std::vector<std::string> disagreements(std::vector<Line> const &table)
{
    std::vector<std::string> found;
    for (auto const &line : table) {
        auto const s { in_spec(line.cell) };
        auto const errno_of_spec { text(spec::content_errno(s.profile, s.platform, s.direction, s.mode, s.launch)) };
        auto const ours { decided(line.cell) };
        auto const readers { spec::readers_after(s.profile, s.platform, s.direction, s.mode, s.launch) };
        if (line.err != errno_of_spec || line.err != text(ours.err))
            found.push_back(line.cell.text() + ": " + line.err + " in the table, " + errno_of_spec + " in spec, " + text(ours.err) + " in src");
        else if (line.host_reads != text(readers.host) || line.guest_reads != text(readers.guest))
            found.push_back(line.cell.text() + ": read are " + line.host_reads + " and " + line.guest_reads + " in the table, " + text(readers.host) + " and " + text(readers.guest) + " in spec");
        else if (!same(ours.effect, spec::touch(s.profile, s.platform, s.direction, s.mode, s.launch)))
            found.push_back(line.cell.text() + ": src does something else to the bytes than spec");
    }
    return found;
}

std::vector<Line> const &table()
{
    static auto const read { support::read_table(GMEM_SUPPORT_TABLE) };
    return read;
}

std::string joined(std::vector<std::string> const &sentences)
{
    std::string all;
    for (auto const &s : sentences)
        all += s + "\n";
    return all;
}

} // namespace

TEST(SupportTable, EveryCellIsThereOnce)
{
    EXPECT_EQ(support::all_cells().size(), 5u * 2 * 4 * 2 * 6);
    EXPECT_EQ(joined(support::holes(table())), "");
}

TEST(SupportTable, FileSpecificationAndCodeAgree) { EXPECT_EQ(joined(disagreements(table())), ""); }

TEST(SupportTable, AFlippedErrnoIsNoticed)
{
    auto flipped { table() };
    for (auto &line : flipped)
        for (auto const *wrong : { "0", "EINVAL", "EOPNOTSUPP" }) {
            if (line.err == wrong)
                continue;
            auto const right { std::exchange(line.err, wrong) };
            EXPECT_EQ(disagreements({ line }).size(), 1u) << line.cell.text();
            line.err = right;
        }
}

TEST(SupportTable, AFlippedReaderIsNoticed)
{
    auto flipped { table() };
    for (auto &line : flipped)
        for (auto const field : { &Line::host_reads, &Line::guest_reads })
            for (auto const *wrong : { "host-bytes", "guest-bytes", "zeros", "noise", "random", "sigbus", "undefined", "-" }) {
                if (line.*field == wrong)
                    continue;
                auto const right { std::exchange(line.*field, wrong) };
                EXPECT_EQ(disagreements({ line }).size(), 1u) << line.cell.text();
                line.*field = right;
            }
}

TEST(SupportTable, AMissingOrDoubledOrNamelessLineIsNoticed)
{
    for (std::size_t i { 0 }; i < table().size(); i += 7) {
        auto t { table() };
        t.erase(t.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_EQ(support::holes(t).size(), 1u);
        t = table();
        t.push_back(t[i]);
        EXPECT_EQ(support::holes(t).size(), 1u);
        t = table();
        t[i].source.clear();
        EXPECT_EQ(support::holes(t).size(), 1u);
        t = table();
        t[i].host_reads = "plain";
        EXPECT_EQ(support::holes(t).size(), 1u);
    }
}

// What a reader may never get, whatever the sources quarrel about.
TEST(SupportTable, NoCellGivesAwayWhatTheOtherSideHasEncrypted)
{
    for (auto const &line : table()) {
        bool const confidential { line.cell.platform == "snp" || line.cell.platform == "tdx" || line.cell.platform == "cca" };
        if (confidential)
            EXPECT_NE(line.host_reads, "guest-bytes") << line.cell.text();
        if (line.cell.direction == "to-private" && line.err == "0")
            EXPECT_EQ(line.host_reads, "sigbus") << line.cell.text();
        if (confidential && line.cell.direction == "to-private" && line.cell.phase == "running" && line.err == "0")
            EXPECT_NE(line.guest_reads, "host-bytes") << line.cell.text(); // nobody has measured them
    }
}

// Section 7, some cells in words: an error would have to be made a fourth time.
TEST(Decide, LiteralCells)
{
    using namespace gmem::platform;
    using enum ContentMode;
    auto const err { [](Uapi u, Kind k, Attribute to, ContentMode m, Phase p) { return decide(u, k, to, m, p).err; } };
    constexpr auto private_ { Attribute::private_ }, shared { Attribute::shared };
    constexpr auto launching { Phase::launching }, running { Phase::running };
    EXPECT_EQ(err(Uapi::rfc_v5, Kind::snp, private_, preserve, launching), 0);
    EXPECT_EQ(err(Uapi::rfc_v5, Kind::snp, private_, preserve, running), EOPNOTSUPP);
    EXPECT_EQ(err(Uapi::rfc_v5, Kind::snp, shared, preserve, launching), EOPNOTSUPP); // the CPUID page of May 1
    EXPECT_EQ(err(Uapi::may1, Kind::snp, shared, preserve, launching), 0);
    EXPECT_EQ(err(Uapi::may1, Kind::tdx, shared, preserve, launching), EOPNOTSUPP);
    EXPECT_EQ(err(Uapi::may1, Kind::tdx, private_, preserve, running), 0);
    EXPECT_EQ(err(Uapi::rfc_v4, Kind::sw_protected, private_, zero, running), EOPNOTSUPP);
    EXPECT_EQ(err(Uapi::feb, Kind::sw_protected, private_, zero, running), 0);
    EXPECT_EQ(err(Uapi::feb, Kind::sw_protected, shared, encrypted, running), EOPNOTSUPP);
    EXPECT_EQ(err(Uapi::rfc_v5, Kind::sw_protected, shared, encrypted, running), EINVAL);
    EXPECT_EQ(err(Uapi::v8, Kind::snp, shared, zero, running), EINVAL);
    EXPECT_EQ(decide(Uapi::mainline, Kind::sw_protected, private_, unspecified, running).effect, ContentEffect::none);
    EXPECT_EQ(decide(Uapi::rfc_v5, Kind::sw_protected, private_, unspecified, running).effect, ContentEffect::scramble);
    EXPECT_EQ(decide(Uapi::rfc_v5, Kind::tdx, private_, unspecified, running).effect, ContentEffect::none);
    EXPECT_EQ(decide(Uapi::feb, Kind::pkvm, private_, unspecified, running).effect, ContentEffect::zero);
    EXPECT_EQ(decide(Uapi::may1, Kind::tdx, shared, zero, running).effect, ContentEffect::zero);
}
