// The table of kinds is what docs/traces.md says, and speaks the words of those whose numbers it names.

#include "kvm/mode.hpp"
#include "memory/pin_table.hpp"
#include "observe/kinds.hpp"
#include "platform/support.hpp"
#include "platform/uapi.hpp"
#include "platform/verdict.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

using namespace gmem;
using namespace gmem::observe;

namespace {

std::string cell(Field const &f)
{
    if (f.form == Form::unused)
        return "";
    std::string text { f.name };
    if (f.form == Form::word) {
        text += " (";
        for (std::size_t i { 0 }; i < f.word_count; ++i)
            text += (i ? ", " : "") + std::string { f.words[i] };
        text += ")";
    }
    return text;
}

// A line of the table: kind, then its own fields.
std::string line(KindWords const &k)
{
    std::string fields;
    auto const add { [&fields](Field const &f) {
        if (auto const text { cell(f) }; !text.empty())
            fields += (fields.empty() ? "" : ", ") + text;
    } };
    add(k.detail);
    add(k.value);
    for (auto const &f : k.more)
        add(f);
    add(k.at);
    return "| `" + std::string { k.name } + "` | " + fields + " |";
}

} // namespace

TEST(Kinds, AreDocumented)
{
    std::ifstream docs { GMEM_DOCS "/traces.md" };
    std::vector<std::string> lines;
    for (std::string l; std::getline(docs, l);)
        lines.push_back(l);
    for (auto const &k : kind_table) {
        if (k.kind == Kind::nothing)
            continue;
        bool const found { std::any_of(lines.begin(), lines.end(), [&k](std::string const &l) { return l.starts_with(line(k)); }) };
        EXPECT_TRUE(found) << "docs/traces.md lacks\n" << line(k);
    }
}

TEST(Kinds, SpeakTheWordsOfTheirOwners)
{
    for (auto const k : platform::all_kinds)
        EXPECT_EQ(word::platforms[static_cast<std::size_t>(k)], platform::name_of(k));
    for (auto const u : platform::all_uapis)
        EXPECT_EQ(word::profiles[static_cast<std::size_t>(u)], platform::name_of(u));
    EXPECT_EQ(word::platforms.size(), platform::all_kinds.size());
    EXPECT_EQ(word::profiles.size(), platform::all_uapis.size());
    EXPECT_EQ(word::effects[static_cast<std::size_t>(platform::ContentEffect::scramble)], "scramble");
    EXPECT_EQ(word::trackers[static_cast<std::size_t>(kvm::Tracker::nobody)], "nobody");
    EXPECT_EQ(word::reasons[static_cast<std::size_t>(Why::injected)], "injected");
    EXPECT_EQ(word::reasons[static_cast<std::size_t>(Why::page_in_use)], "page_in_use");
    EXPECT_EQ(word::pins[static_cast<std::size_t>(memory::PinKind::test)], "test");
    EXPECT_EQ(word::pins[static_cast<std::size_t>(memory::PinKind::pipe)], "pipe");
    EXPECT_EQ(word::consequences[static_cast<std::size_t>(platform::HostVerdict::Then::host_crash)], "host_crash");
    EXPECT_EQ(word::launch_steps[static_cast<std::size_t>(LaunchStep::realm_activate)], "realm_activate");
    EXPECT_EQ(word::launch_steps[static_cast<std::size_t>(LaunchStep::snp_update)], "snp_update");
}
