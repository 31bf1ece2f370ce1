// The versions of the proposal: names, the meaning of flags, and the words that change a row.

#include "platform/choice.hpp"
#include "platform/words.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

using namespace gmem::platform;
using enum ContentMode;

TEST(Uapi, NamesGoThereAndBack)
{
    for (auto const u : all_uapis) {
        EXPECT_EQ(uapi_of(name_of(u)), u);
        EXPECT_EQ(Profile::of(u).uapi, u);
    }
    EXPECT_EQ(uapi_of("rfc_v5"), std::nullopt);
    EXPECT_EQ(uapi_of(""), std::nullopt);
}

TEST(Profile, MeaningOfFlags)
{
    for (auto const u : { Uapi::mainline, Uapi::v8 })
        for (std::uint64_t flags { 1 }; flags; flags <<= 1)
            EXPECT_EQ(Profile::of(u).mode_of(flags), std::nullopt) << flags;
    for (auto const u : { Uapi::may1, Uapi::rfc_v5, Uapi::rfc_v4 }) {
        auto const p { Profile::of(u) };
        EXPECT_EQ(p.mode_of(0), unspecified);
        EXPECT_EQ(p.mode_of(1), zero);
        EXPECT_EQ(p.mode_of(2), preserve);
        EXPECT_EQ(p.mode_of(3), std::nullopt);
        for (std::uint64_t flags { 4 }; flags; flags <<= 1)
            for (std::uint64_t with { 0 }; with < 4; ++with)
                EXPECT_EQ(p.mode_of(flags | with), std::nullopt) << flags;
    }
    auto const feb { Profile::of(Uapi::feb) };
    EXPECT_EQ(feb.mode_of(0), zero); // the reviewer's side of the quarrel
    EXPECT_EQ(feb.mode_of(2), preserve);
    EXPECT_EQ(feb.mode_of(4), encrypted);
    for (std::uint64_t const flags : { 3u, 5u, 6u, 7u, 8u, 12u })
        EXPECT_EQ(feb.mode_of(flags), std::nullopt) << flags;
}

TEST(Profile, FlagsOfAModeAreReadAsThatMode)
{
    auto const feb { Profile::of(Uapi::feb) };
    for (auto const m : { zero, preserve, encrypted })
        EXPECT_EQ(feb.mode_of(flags_of(m)), m);
    EXPECT_EQ(flags_of(unspecified), 0u);
}

TEST(Profile, NoPolicyIsAnOptionOfFebruaryAlone)
{
    EXPECT_EQ(Profile::of(Uapi::feb).with(NoPolicy::refused).mode_of(0), std::nullopt);
    EXPECT_EQ(Profile::of(Uapi::feb).with(NoPolicy::refused).with(NoPolicy::zero).mode_of(0), zero);
    EXPECT_EQ(Profile::of(Uapi::rfc_v5).with(NoPolicy::refused).mode_of(0), unspecified);
}

TEST(Profile, MainlineUntilSomebodyChooses)
{
    EXPECT_EQ(Profile::current().uapi, Uapi::mainline);
    Profile::choose(Profile::of(Uapi::rfc_v4));
    EXPECT_EQ(Profile::current().uapi, Uapi::rfc_v4);
    Profile::choose(Profile::of(Uapi::mainline));
}

TEST(Words, EachOfThemSetsSomethingOfItsOwn)
{
    // Applied to options whose every member differs from all defaults, each word of a name leaves another value.
    for (auto const &word : option_words()) {
        Options by_table {}, by_text {};
        word.set(by_table);
        auto const text { std::string { word.name } + "=" + std::string { word.value } };
        EXPECT_EQ(apply_words(text, by_text), std::nullopt) << text;
        EXPECT_TRUE(by_table == by_text) << text;
        for (auto const &other : option_words()) {
            Options o {};
            other.set(o);
            bool const both_default { o == Options {} && by_text == Options {} };
            EXPECT_TRUE(both_default || &other == &word || o != by_text) << text;
        }
    }
    std::set<std::string_view> names;
    for (auto const &word : option_words()) {
        Options o {};
        word.set(o);
        EXPECT_EQ(o == Options {}, names.insert(word.name).second) << "the first value of " << word.name << " is its default";
    }
    EXPECT_EQ(names.size(), 7u); // as many as Options has members
}

TEST(Words, ListsAreAppliedInOrder)
{
    Options o {};
    EXPECT_EQ(apply_words("tdx-removed=noise,cca-wiped=noise,,tdx-removed=poison", o), std::nullopt);
    EXPECT_EQ(o.tdx_removed, TdxRemoved::poison);
    EXPECT_EQ(o.cca_wiped, CcaWiped::noise);
    EXPECT_EQ(apply_words("", o), std::nullopt);
    EXPECT_EQ(o.tdx_removed, TdxRemoved::poison);
}

TEST(Words, TheFirstUnknownOneIsNamed)
{
    Options o {};
    EXPECT_EQ(apply_words("cca-wiped=noise,tdx-removed=ones,what", o), "tdx-removed=ones");
    EXPECT_EQ(o.cca_wiped, CcaWiped::noise);
    for (auto const *wrong : { "tdx-removed", "tdx-removed=", "=zeros", "=", "tdx-removed=zeros ", "TDX-removed=zeros", "tdx-removed=zeros=", "cca-wiped=poison" })
        EXPECT_EQ(apply_words(wrong, o), wrong);
    Profile p { Profile::of(Uapi::feb) };
    EXPECT_EQ(apply_words("no-policy=refused", p), std::nullopt);
    EXPECT_EQ(p.mode_of(0), std::nullopt);
    EXPECT_EQ(apply_words("no-policy=maybe", p), "no-policy=maybe");
    EXPECT_EQ(p.capability, 250u);
    EXPECT_EQ(apply_words("capability=249", p), std::nullopt);
    EXPECT_EQ(p.capability, 249u);
    for (auto const *wrong : { "capability=", "capability=0", "capability=10000", "capability=-1", "capability=0x10", "capability=NUMBER", "capability" })
        EXPECT_EQ(apply_words(wrong, p), wrong);
    EXPECT_EQ(p.capability, 249u);
}

TEST(Words, WhatAVersionItselfSaysIsItsDefault)
{
    for (auto const u : { Uapi::mainline, Uapi::v8 })
        EXPECT_TRUE(options_of(u) == Options {}) << name_of(u);
    for (auto const u : { Uapi::may1, Uapi::rfc_v5 })
        EXPECT_TRUE(options_of(u) == Options { .pkvm_unshare = PkvmUnshare::after_conversion }) << name_of(u);
    for (auto const u : { Uapi::rfc_v4, Uapi::feb }) {
        EXPECT_EQ(options_of(u).pkvm_unsolicited, PkvmUnsolicited::refused);
        EXPECT_EQ(options_of(u).pkvm_bad_access, PkvmBadAccess::panic);
        EXPECT_EQ(options_of(u).pkvm_unshare, PkvmUnshare::after_conversion);
        EXPECT_EQ(options_of(u).tdx_removed, TdxRemoved::zeros);
    }
}

TEST(Choice, Words)
{
    Options const o { .tdx_removed = TdxRemoved::noise };
    EXPECT_EQ(choice_of("auto", o), (Choice { std::nullopt, o }));
    EXPECT_EQ(choice_of("snp", o), (Choice { Kind::snp, o }));
    EXPECT_EQ(choice_of("", o), std::nullopt);
    EXPECT_EQ(choice_of("sev", o), std::nullopt);
    EXPECT_EQ(Choice::current(), Choice {});
}
