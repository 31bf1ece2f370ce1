#pragma once
// Small traces for the tests, in the text form.

#include "checker/check.hpp"
#include "checker/read.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace gmem::checker::test {

using Lines = std::vector<std::string>;

inline std::string joined(Lines const &lines)
{
    std::string text;
    for (auto const &l : lines)
        text += l + "\n";
    return text;
}

inline Verdict verdict_of(Lines const &lines) { return check(read_text(joined(lines))); }

inline std::string sentence_of(Verdict const &v) { return v.broken ? "line " + std::to_string(v.broken->step.line) + ": " + v.broken->section + ": " + v.broken->sentence : ""; }

// The section with which the last line of the trace is refused, all lines before it being right; "" when it agrees.
inline std::string section_of_last(Lines const &lines)
{
    auto const v { verdict_of(lines) };
    if (!v.broken)
        return "";
    EXPECT_EQ(v.broken->step.line, lines.size()) << sentence_of(v);
    return v.broken->section;
}

// A trace that shows everything, of one process, with file 7: four pages, all shared.
inline Lines begun()
{
    return { "trace from=beginning pins=all in_place=on",
             "create process=1 file=7 size=0x4000 flags=3 private_memory=1 initial=shared vm=1" };
}

inline Lines operator+(Lines a, Lines const &b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

} // namespace gmem::checker::test
