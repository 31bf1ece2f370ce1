// A report as a program reads it: docs/reports/README.md has the members.

#include "cli/reports/report.hpp"

#include <nlohmann/json.hpp>

namespace gmem::cli::reports {
namespace {

using Json = nlohmann::ordered_json;

Json frame_of(CallFrame const &f)
{
    Json j;
    j["function"] = f.function.empty() ? Json() : Json(f.function);
    if (!f.file.empty()) {
        j["file"] = f.file;
        j["line"] = f.line;
    }
    j["module"] = f.module_.empty() ? Json() : Json(f.module_);
    j["offset"] = f.offset;
    if (f.inlined)
        j["inlined"] = true;
    return j;
}

Json stack_of(CallStack const &s)
{
    Json j;
    j["title"] = s.title;
    j["process"] = s.process;
    j["thread"] = s.thread;
    j["frames"] = Json::array();
    for (auto const &f : s.frames)
        j["frames"].push_back(frame_of(f));
    if (!s.remark.empty())
        j["remark"] = s.remark;
    return j;
}

} // namespace

std::string as_json(Report const &r)
{
    Json j;
    j["report"] = text_of(r.kind).name;
    j["headline"] = r.headline;
    j["time"] = r.time;
    j["process"] = r.process;
    j["thread"] = r.thread;
    for (auto const &f : r.facts)
        j["facts"][std::string { f.name }] = f.value;
    j["details"] = r.details;
    j["stacks"] = Json::array();
    for (auto const &s : r.stacks)
        j["stacks"].push_back(stack_of(s));
    j["history"] = r.history;
    j["advice"] = text_of(r.kind).advice;
    return j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; // a path may be no UTF-8
}

} // namespace gmem::cli::reports
