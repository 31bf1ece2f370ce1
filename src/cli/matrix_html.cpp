// One page that needs nothing else: a table a platform, a column a version, a cell what was executed. The source shows where the pointer rests, and in print.

#include "cli/matrix.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace gmem::cli {
namespace {

constexpr char const *head { R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>guest_memfd: what conversions do</title>
<style>
:root { color-scheme: light dark; --text: #1b1f24; --quiet: #59636e; --page: #fff; --line: #d1d9e0; --kept: #dafbe1; --wiped: #ddf4ff; --noise: #fff8c5; --refused: #f3f4f6; --wrong: #ffd7d5; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --quiet: #9198a1; --page: #0d1117; --line: #3d444d; --kept: #12361f; --wiped: #0c2d4d; --noise: #3b2f0a; --refused: #1c2128; --wrong: #67060c; }
}
body { font: 15px/1.45 system-ui, sans-serif; color: var(--text); background: var(--page); margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h2 { margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { border: 1px solid var(--line); padding: .3rem .5rem; text-align: left; vertical-align: top; }
th[scope=row] { font-weight: normal; white-space: nowrap; }
td b, td span { display: block; white-space: nowrap; }
.kept { background: var(--kept); } .wiped { background: var(--wiped); } .noise { background: var(--noise); } .refused { background: var(--refused); } .wrong { background: var(--wrong); }
.legend span { padding: .15rem .5rem; border: 1px solid var(--line); margin-right: .4rem; }
.quiet { color: var(--quiet); }
</style>
<h1>guest_memfd: what conversions do</h1>
<p>Every cell was executed: the errno of the conversion, then what the <b>h</b>ost and what the <b>g</b>uest read afterwards. The source of a cell shows where the pointer rests.</p>
<p class="legend"><span class="kept">bytes of one side</span><span class="wiped">zeros</span><span class="noise">noise, random</span><span class="refused">refused</span><span class="wrong">not as documented</span></p>
)" };

std::string escaped(std::string const &text)
{
    std::string result;
    for (auto const c : text)
        switch (c) {
        case '&': result += "&amp;"; break;
        case '<': result += "&lt;"; break;
        case '>': result += "&gt;"; break;
        case '"': result += "&quot;"; break;
        default:  result += c;
        }
    return result;
}

char const *colour(MatrixRow const &row)
{
    if (!row.difference.empty())
        return "wrong";
    if (row.executed->err != "0")
        return "refused";
    auto const &shown { row.cell.direction == "to-private" ? row.executed->guest_reads : row.executed->host_reads };
    return shown == "zeros" ? "wiped" : shown == "noise" || shown == "random" ? "noise" : "kept";
}

std::string cell(MatrixRow const &row)
{
    auto const found { row.executed.value_or(MatrixFinding { "?", "?", "?" }) };
    auto const told { row.difference.empty() ? row.documented->source : row.difference };
    return fmt::format("<td class=\"{}\" title=\"{}\"><b>{}</b><span>h {}</span><span>g {}</span>{}</td>", colour(row), escaped(told), escaped(found.err == "0" ? "OK" : found.err), escaped(found.host_reads),
        escaped(found.guest_reads), row.difference.empty() ? "" : "<small>" + escaped(row.difference) + "</small>");
}

bool same_line(MatrixCell const &a, MatrixCell const &b) { return a.platform == b.platform && a.direction == b.direction && a.mode == b.mode && a.phase == b.phase; }

// The versions of a platform's first line are the columns.
std::string beginning_of_platform(std::vector<MatrixRow> const &rows, std::size_t first)
{
    auto text { fmt::format("<h2>{}</h2>\n<div class=\"scroll\"><table>\n<tr><th>conversion</th>", escaped(rows[first].cell.platform)) };
    for (auto i { first }; i < rows.size() && same_line(rows[i].cell, rows[first].cell); ++i)
        text += "<th scope=\"col\">" + escaped(rows[i].cell.uapi) + "</th>";
    return text + "</tr>\n";
}

} // namespace

std::string matrix_as_html(std::vector<MatrixRow> const &rows)
{
    std::string text { head };
    auto const differences { std::ranges::count_if(rows, [](auto const &row) { return !row.difference.empty(); }) };
    text += fmt::format("<p class=\"quiet\">{} cells, {} not as documented.</p>\n", rows.size(), differences);
    for (std::size_t i { 0 }; i < rows.size(); ++i) {
        auto const &c { rows[i].cell };
        bool const new_platform { i == 0 || rows[i - 1].cell.platform != c.platform };
        if (new_platform)
            text += (i == 0 ? "" : "</tr>\n</table></div>\n") + beginning_of_platform(rows, i);
        if (new_platform || !same_line(rows[i - 1].cell, c))
            text += fmt::format("{}<tr><th scope=\"row\">{}, {}, {}</th>", new_platform ? "" : "</tr>\n", escaped(c.direction), escaped(c.mode), escaped(c.phase));
        text += cell(rows[i]);
    }
    return text + (rows.empty() ? "" : "</tr>\n</table></div>\n") + "</html>\n";
}

} // namespace gmem::cli
