#pragma once
// docs/support-table.csv in memory, and its cells by name.

#include <array>
#include <map>
#include <string>
#include <vector>

namespace gmem::support {

struct Cell final {
    std::string platform, direction, mode, phase, uapi;

    friend auto operator<=>(Cell const &, Cell const &) = default;
    std::string text() const { return platform + " " + direction + " " + mode + " " + phase + " " + uapi; }
};

struct Line final {
    Cell cell;
    std::string err, host_reads, guest_reads, source;
};

// Throws where the file is not there or a line has not nine fields.
std::vector<Line> read_table(std::string const &path);

// A sentence for each cell that is missing, there twice or none of the table, and for each word that has no meaning.
std::vector<std::string> holes(std::vector<Line> const &table);

// Every cell that there has to be.
std::vector<Cell> all_cells();

} // namespace gmem::support
