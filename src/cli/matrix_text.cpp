#include "cli/matrix.hpp"

#include <fmt/format.h>

namespace gmem::cli {
namespace {

MatrixFinding executed(MatrixRow const &row) { return row.executed.value_or(MatrixFinding { "?", "?", "?" }); }
std::string source(MatrixRow const &row) { return row.documented ? row.documented->source : ""; }

} // namespace

std::string matrix_as_text(std::vector<MatrixRow> const &rows)
{
    std::string text;
    std::string platform;
    for (auto const &row : rows) {
        if (row.cell.platform != platform) {
            text += fmt::format("{}{}\n  {:<11} {:<12} {:<10} {:<9} {:<11} {:<12} {:<12} {}\n", platform.empty() ? "" : "\n", row.cell.platform, "direction", "mode", "phase", "uapi", "errno", "host reads",
                "guest reads", "source");
            platform = row.cell.platform;
        }
        auto const found { executed(row) };
        text += fmt::format("{} {:<11} {:<12} {:<10} {:<9} {:<11} {:<12} {:<12} {}\n", row.difference.empty() ? ' ' : '!', row.cell.direction, row.cell.mode, row.cell.phase, row.cell.uapi, found.err,
            found.host_reads, found.guest_reads, row.difference.empty() ? source(row) : row.difference);
    }
    return text;
}

std::string matrix_as_csv(std::vector<MatrixRow> const &rows)
{
    std::string text { "platform,direction,mode,phase,uapi,errno,host_reads,guest_reads,source\n" };
    for (auto const &row : rows) {
        auto const &c { row.cell };
        auto const found { executed(row) };
        text += fmt::format("{},{},{},{},{},{},{},{},{}\n", c.platform, c.direction, c.mode, c.phase, c.uapi, found.err, found.host_reads, found.guest_reads, source(row));
    }
    return text;
}

} // namespace gmem::cli
