#include "cli/reports/suppressions.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fnmatch.h>
#include <fstream>
#include <sstream>

namespace gmem::cli::reports {
namespace {

bool fits(std::string const &glob, std::string const &word) { return glob.empty() || fnmatch(glob.c_str(), word.c_str(), 0) == 0; }

bool is_kind(std::string const &glob)
{
    return std::any_of(kind_texts.begin(), kind_texts.end(), [&glob](KindText const &k) { return fits(glob, std::string { k.name }); });
}

} // namespace

bool Suppressions::read(std::string const &path, std::string &complaint)
{
    std::ifstream file { path };
    if (!file) {
        complaint = fmt::format("{}: suppressions cannot be read there", path);
        return false;
    }
    int number { 0 };
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (!add_line(line, complaint)) {
            complaint = fmt::format("{}:{}: {}", path, number, complaint);
            return false;
        }
    }
    return true;
}

bool Suppressions::add_line(std::string const &line, std::string &complaint)
{
    std::istringstream words { line.substr(0, line.find('#')) };
    Rule rule;
    if (!(words >> rule.kind))
        return true;
    if (!is_kind(rule.kind)) {
        complaint = fmt::format("{} is no kind of report", rule.kind);
        return false;
    }
    for (std::string word; words >> word;) {
        auto const name { word.substr(0, word.find('=')) };
        auto *const member { name == "function" ? &rule.function : name == "file" ? &rule.file : name == "module" ? &rule.module_ : nullptr };
        if (!member || name.size() + 1 >= word.size()) {
            complaint = fmt::format("{} is not known: use function=GLOB, file=GLOB or module=GLOB", word);
            return false;
        }
        *member = word.substr(name.size() + 1);
    }
    rules_.push_back(std::move(rule));
    return true;
}

bool Suppressions::apply_to(Report const &r) const
{
    auto const frame_fits { [](Rule const &rule, CallFrame const &f) { return fits(rule.function, f.function) && fits(rule.file, f.file) && fits(rule.module_, f.module_); } };
    return std::any_of(rules_.begin(), rules_.end(), [&](Rule const &rule) {
        if (!fits(rule.kind, std::string { text_of(r.kind).name }))
            return false;
        if (rule.function.empty() && rule.file.empty() && rule.module_.empty())
            return true;
        return std::any_of(r.stacks.begin(), r.stacks.end(), [&](CallStack const &s) {
            return std::any_of(s.frames.begin(), s.frames.end(), [&](CallFrame const &f) { return frame_fits(rule, f); });
        });
    });
}

} // namespace gmem::cli::reports
