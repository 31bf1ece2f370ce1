#pragma once
// Executes cells of the support table: one driver process a platform and version, under `gmem run`, a few at a time.

#include "cli/matrix_table.hpp"

#include <filesystem>

namespace gmem::cli {

struct MatrixRun final {
    std::filesystem::path driver;
    std::vector<std::string> options; // of `gmem run`: --platform-option=..., --uapi-option=...
};

// What could not be executed is missing; the driver has said why on stderr. std::runtime_error: no process can be started.
std::map<MatrixCell, MatrixFinding> execute(MatrixRun const &, std::vector<MatrixCell> const &);

} // namespace gmem::cli
