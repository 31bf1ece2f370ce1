#include "support_table.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <stdexcept>

namespace gmem::support {
namespace {

std::vector<std::string> fields_of(std::string const &line)
{
    std::vector<std::string> fields { "" };
    for (auto const c : line)
        if (c == ',')
            fields.emplace_back();
        else
            fields.back() += c;
    return fields;
}

} // namespace

std::vector<Line> read_table(std::string const &path)
{
    std::ifstream file { path };
    if (!file)
        throw std::runtime_error { path + " cannot be read" };
    std::vector<Line> table;
    bool heading { true };
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with('#'))
            continue;
        auto const f { fields_of(line) };
        if (f.size() != 9)
            throw std::runtime_error { "not nine fields: " + line };
        if (heading) {
            if (line != "platform,direction,mode,phase,uapi,errno,host_reads,guest_reads,source")
                throw std::runtime_error { "another heading: " + line };
            heading = false;
            continue;
        }
        table.push_back({ { f[0], f[1], f[2], f[3], f[4] }, f[5], f[6], f[7], f[8] });
    }
    return table;
}

std::vector<Cell> all_cells()
{
    std::vector<Cell> cells;
    for (auto const *platform : { "sw_protected", "snp", "tdx", "pkvm", "cca" })
        for (auto const *direction : { "to-private", "to-shared" })
            for (auto const *mode : { "unspecified", "zero", "preserve", "encrypted" })
                for (auto const *phase : { "launching", "running" })
                    for (auto const *uapi : { "mainline", "v8", "may1", "rfc-v5", "rfc-v4", "feb" })
                        cells.push_back({ platform, direction, mode, phase, uapi });
    return cells;
}

std::vector<std::string> holes(std::vector<Line> const &table)
{
    static std::set<std::string> const errnos { "0", "EINVAL", "EOPNOTSUPP" };
    static std::set<std::string> const reads { "host-bytes", "guest-bytes", "zeros", "noise", "random", "sigbus", "undefined", "-" };
    std::vector<std::string> found;
    std::map<Cell, int> seen;
    for (auto const &cell : all_cells())
        seen[cell] = 0;
    for (auto const &line : table) {
        auto const at { seen.find(line.cell) };
        if (at == seen.end())
            found.push_back(line.cell.text() + ": no such cell");
        else if (++at->second == 2)
            found.push_back(line.cell.text() + ": twice");
        if (!errnos.contains(line.err) || !reads.contains(line.host_reads) || !reads.contains(line.guest_reads))
            found.push_back(line.cell.text() + ": a word without meaning");
        if (line.source.empty())
            found.push_back(line.cell.text() + ": nobody says so");
    }
    for (auto const &[cell, times] : seen)
        if (times == 0)
            found.push_back(cell.text() + ": missing");
    return found;
}

} // namespace gmem::support
