#include "cli/matrix_table.hpp"

#include "platform/kind.hpp"

#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace gmem::cli {
namespace {

constexpr char const *heading { "platform,direction,mode,phase,uapi,errno,host_reads,guest_reads,source" };
constexpr std::size_t columns { 9 };

constexpr std::array platforms { "snp", "tdx", "pkvm", "cca", "sw_protected" };
constexpr std::array directions { "to-private", "to-shared" };
constexpr std::array modes { "zero", "preserve", "unspecified", "encrypted" };
constexpr std::array phases { "launching", "running" };
constexpr std::array uapis { "mainline", "v8", "may1", "rfc-v5", "rfc-v4", "feb" };
static_assert(platforms.size() == platform::all_kinds.size());

std::vector<std::string> fields_of(std::string const &line)
{
    std::vector<std::string> fields;
    std::istringstream stream { line };
    for (std::string field; std::getline(stream, field, ',');)
        fields.push_back(field);
    if (line.ends_with(','))
        fields.emplace_back();
    return fields;
}

bool accepts(std::string const &documented, std::string const &executed, std::initializer_list<char const *> never)
{
    if (documented != "undefined")
        return documented == executed;
    for (auto const *word : never)
        if (executed == word)
            return false;
    return true;
}

} // namespace

std::vector<MatrixCell> matrix_cells(std::string const &platform, std::string const &uapi)
{
    std::vector<MatrixCell> cells;
    for (auto const *p : platforms)
        for (auto const *d : directions)
            for (auto const *m : modes)
                for (auto const *when : phases)
                    for (auto const *u : uapis)
                        if ((platform.empty() || platform == p) && (uapi.empty() || uapi == u))
                            cells.push_back({ p, d, m, when, u });
    return cells;
}

DocumentedTable DocumentedTable::read(std::string const &path)
{
    std::ifstream file { path };
    if (!file)
        throw std::runtime_error { path + " cannot be read" };
    std::map<MatrixCell, bool> known;
    for (auto &cell : matrix_cells("", ""))
        known[cell] = true;
    DocumentedTable table;
    bool begun { false };
    int number { 0 };
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (line.empty() || line.starts_with('#'))
            continue;
        if (!begun && line != heading)
            throw std::runtime_error { path + " is no support table: it has to begin with " + heading };
        if (std::exchange(begun, true) == false)
            continue;
        auto const f { fields_of(line) };
        auto const where { path + ":" + std::to_string(number) + ": " };
        if (f.size() != columns) {
            table.complaints.push_back(where + "not " + std::to_string(columns) + " fields: " + line);
            continue;
        }
        MatrixCell const cell { f[0], f[1], f[2], f[3], f[4] };
        if (!known.contains(cell))
            table.complaints.push_back(where + cell.text() + ": there is no such cell");
        else if (!table.cells.insert({ cell, { { f[5], f[6], f[7] }, f[8] } }).second)
            table.complaints.push_back(where + cell.text() + ": documented twice");
    }
    if (!begun)
        throw std::runtime_error { path + " is empty" };
    return table;
}

std::string difference(std::optional<MatrixFinding> const &executed, std::optional<DocumentedFinding> const &documented)
{
    if (!executed)
        return "could not be executed";
    if (!documented)
        return "is not documented; executed: " + executed->text();
    auto const &wanted { documented->finding };
    if (documented->source.empty())
        return "is documented without a source";
    bool const same { accepts(wanted.err, executed->err, { executed->err.c_str() }) && accepts(wanted.host_reads, executed->host_reads, { "guest-bytes", "mixed" })
        && accepts(wanted.guest_reads, executed->guest_reads, { "-" }) };
    return same ? "" : "documented: " + wanted.text() + "; executed: " + executed->text();
}

} // namespace gmem::cli
