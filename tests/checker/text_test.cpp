// The text form: what is written is read as the same; what is no trace is refused with its line.

#include "checker/text.hpp"
#include "traces.hpp"

#include <cstring>

using namespace gmem;
using namespace gmem::checker;
using namespace gmem::checker::test;

namespace {

// Every kind, every field that it has.
TEST(TextTest, WhatIsWrittenIsReadAsTheSame)
{
    for (auto const &k : observe::kind_table) {
        if (k.kind == observe::Kind::nothing)
            continue;
        Step s;
        auto &e { s.event };
        s.number = 12;
        e.kind = k.kind;
        e.time = 1;
        e.duration = 2;
        e.process = 3;
        e.thread = 4;
        e.file = 5;
        e.offset = 0x6000;
        e.size = 0x7000;
        e.result = -EAGAIN;
        if (k.detail.form != observe::Form::unused)
            e.detail = 1;
        if (k.value.form != observe::Form::unused)
            e.value = 1;
        if (k.at.form != observe::Form::unused)
            e.at = 0x6000;
        for (std::size_t i { 0 }; i < k.more.size(); ++i)
            if (k.more[i].form != observe::Form::unused && k.more[i].form != observe::Form::text)
                e.more[i] = k.kind == observe::Kind::allocate ? 1 : 3; // modes of fallocate: the second is a hole
        s.name = "a \"name\"\n";
        auto const text { to_text(s) };
        auto const back { step_from_text(text, 1) };
        EXPECT_EQ(std::memcmp(&back.event, &e, sizeof e), 0) << text << "\n" << to_text(back);
        EXPECT_EQ(back.name, s.name);
        EXPECT_EQ(back.number, 12u);
        }
}

// Who sees fallocate gives it one name, and its mode says which it is. Without one it is not a hole.
TEST(TextTest, FallocateIsWhatItsModeSays)
{
    EXPECT_EQ(step_from_text("allocate file=7 mode=3", 1).event.kind, observe::Kind::punch);
    EXPECT_EQ(step_from_text("allocate file=7 mode=1", 1).event.kind, observe::Kind::allocate);
    EXPECT_EQ(step_from_text("punch file=7 mode=1", 1).event.kind, observe::Kind::allocate);
    EXPECT_EQ(section_of_last(begun() + Lines { "allocate process=1 file=7 mode=0 size=0x1000 result=EOPNOTSUPP" }), "");
    EXPECT_EQ(section_of_last(begun() + Lines { "allocate process=1 file=7 mode=0 size=0x1000" }), "4.4");
}

TEST(TextTest, FactsAreWrittenAndRead)
{
    Facts const f { .from_beginning = true, .order = Order::effects, .all_pins = true, .all_effects = true, .profile = spec::Profile::rfc_v4, .in_place = false, .vm_attributes = true };
    auto const t { read_text(to_text(f, 17) + "\nrelease event=3 process=1 file=2\n") };
    EXPECT_TRUE(t.facts.from_beginning);
    EXPECT_EQ(t.facts.order, Order::effects);
    EXPECT_TRUE(t.facts.all_pins);
    EXPECT_TRUE(t.facts.all_effects);
    EXPECT_EQ(t.facts.profile, spec::Profile::rfc_v4);
    EXPECT_EQ(t.facts.in_place, false);
    EXPECT_EQ(t.facts.vm_attributes, true);
    EXPECT_EQ(t.missing, 17u);
}

TEST(TextTest, WhatIsNoTraceIsRefusedWithItsLine)
{
    auto const line_refused { [](std::string const &text) -> std::uint64_t {
        try {
            (void)read_text(text);
        } catch (Unusable const &why) {
            return why.line;
        }
        return 1000;
    } };
    EXPECT_EQ(line_refused(""), 0u);
    EXPECT_EQ(line_refused("# nothing\n"), 0u);
    EXPECT_EQ(line_refused("hello\n"), 1u);
    EXPECT_EQ(line_refused("# x\n\nconvert fil=7\n"), 3u);
    EXPECT_EQ(line_refused("convert file=7x\n"), 1u);
    EXPECT_EQ(line_refused("convert process=4294967296\n"), 1u);
    EXPECT_EQ(line_refused("convert result=EWHAT\n"), 1u);
    EXPECT_EQ(line_refused("trace colour=red\n"), 1u);
    EXPECT_EQ(line_refused("convert file=7\nbind slot=1"), 1000u);
}

} // namespace
