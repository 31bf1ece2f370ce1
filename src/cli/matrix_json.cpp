#include "cli/matrix.hpp"

#include <nlohmann/json.hpp>

namespace gmem::cli {
namespace {

nlohmann::ordered_json of(MatrixFinding const &f) { return { { "errno", f.err }, { "host_reads", f.host_reads }, { "guest_reads", f.guest_reads } }; }

} // namespace

std::string matrix_as_json(std::vector<MatrixRow> const &rows)
{
    nlohmann::ordered_json cells = nlohmann::ordered_json::array();
    std::size_t differences { 0 };
    for (auto const &row : rows) {
        auto const &c { row.cell };
        nlohmann::ordered_json cell = { { "platform", c.platform }, { "direction", c.direction }, { "mode", c.mode }, { "phase", c.phase }, { "uapi", c.uapi } };
        cell["executed"] = row.executed ? of(*row.executed) : nlohmann::ordered_json {};
        cell["documented"] = row.documented ? of(row.documented->finding) : nlohmann::ordered_json {};
        cell["source"] = row.documented ? row.documented->source : "";
        cell["agrees"] = row.difference.empty();
        if (!row.difference.empty())
            cell["difference"] = row.difference;
        differences += !row.difference.empty();
        cells.push_back(cell);
    }
    nlohmann::ordered_json const whole = { { "differences", differences }, { "cells", cells } };
    return whole.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

} // namespace gmem::cli
