#pragma once
// The support table, documented and executed, and where the two differ. docs/matrix.md.

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gmem::cli {

struct MatrixCell final {
    std::string platform, direction, mode, phase, uapi;

    std::string text() const { return platform + " " + direction + " " + mode + " " + phase + " " + uapi; }
    friend auto operator<=>(MatrixCell const &, MatrixCell const &) = default;
};

// In the words of docs/support-table.csv.
struct MatrixFinding final {
    std::string err, host_reads, guest_reads;

    std::string text() const { return err + " " + host_reads + " " + guest_reads; }
    friend bool operator==(MatrixFinding const &, MatrixFinding const &) = default;
};

struct DocumentedFinding final {
    MatrixFinding finding;
    std::string source;
};

struct DocumentedTable final {
    std::map<MatrixCell, DocumentedFinding> cells;
    std::vector<std::string> complaints; // lines that are no cell, or are one that was there before

    // std::runtime_error: the file cannot be read, or is no such table.
    static DocumentedTable read(std::string const &path);
};

struct MatrixRow final {
    MatrixCell cell;
    std::optional<MatrixFinding> executed;
    std::optional<DocumentedFinding> documented;
    std::string difference; // a clause; empty: they agree
};

// All cells of the named platforms and versions, in the order in which the table is read; empty: of all.
std::vector<MatrixCell> matrix_cells(std::string const &platform, std::string const &uapi);

// What is wrong about it. Words have to be equal, except for `undefined`, where nobody promises anything. Even so:
//   host_reads   not guest-bytes, and not mixed, which may have some of them: what a guest wrote to its private page never comes to the host unpromised
//   guest_reads  not `-`: there is something to find. Whatever is found is right: what the host wrote it has given away
std::string difference(std::optional<MatrixFinding> const &executed, std::optional<DocumentedFinding> const &documented);

} // namespace gmem::cli
