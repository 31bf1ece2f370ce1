#include "cli/matrix.hpp"

#include "cli/matrix_run.hpp"
#include "platform/kind.hpp"
#include "platform/uapi.hpp"
#include "platform/words.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <stdexcept>

namespace gmem::cli {
namespace {

using Path = std::filesystem::path;

// Beside the executable, in the build tree and where it is installed.
Path beside_us(char const *what, std::initializer_list<char const *> places)
{
    std::error_code ignored;
    auto const folder { std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() };
    for (auto const *place : places)
        if (std::filesystem::exists(folder / place, ignored))
            return std::filesystem::weakly_canonical(folder / place, ignored);
    throw std::runtime_error { fmt::format("{} is not where it was installed, next to this program's ../", what) };
}

// NAME=VALUE words as options of `gmem run`. T: what they set.
template <typename T>
void add_options(MatrixRun &how, char const *option, std::vector<std::string> const &words)
{
    for (auto const &word : words) {
        T ignored {};
        if (platform::apply_words(word, ignored))
            throw std::runtime_error { fmt::format("{}: {} is not known: docs/platforms.md and docs/profiles.md have the words", option, word) };
        how.options.push_back(fmt::format("{}={}", option, word));
    }
}

std::vector<MatrixRow> compare(std::vector<MatrixCell> const &cells, std::map<MatrixCell, MatrixFinding> const &executed, DocumentedTable const &documented)
{
    std::vector<MatrixRow> rows;
    for (auto const &cell : cells) {
        MatrixRow row { cell, std::nullopt, std::nullopt, "" };
        if (auto const found { executed.find(cell) }; found != executed.end())
            row.executed = found->second;
        if (auto const found { documented.cells.find(cell) }; found != documented.cells.end())
            row.documented = found->second;
        row.difference = difference(row.executed, row.documented);
        rows.push_back(row);
    }
    return rows;
}

// To stderr, whatever the form of the table. How many there are.
std::size_t name_differences(std::vector<MatrixRow> const &rows, DocumentedTable const &documented)
{
    std::size_t found { documented.complaints.size() };
    for (auto const &complaint : documented.complaints)
        fmt::print(stderr, "gmem: {}\n", complaint);
    for (auto const &row : rows)
        if (!row.difference.empty()) {
            fmt::print(stderr, "gmem: {}: {}\n", row.cell.text(), row.difference);
            ++found;
        }
    fmt::print(stderr, "gmem: {} cells executed, {}\n", rows.size(), found == 0 ? "all as documented" : fmt::format("{} differences", found));
    return found;
}

std::vector<std::string> names_of(auto const &all)
{
    std::vector<std::string> names;
    for (auto const value : all)
        names.emplace_back(platform::name_of(value));
    return names;
}

} // namespace

MatrixCommand::MatrixCommand(CLI::App &app) : matrix_ { app.add_subcommand("matrix", "Executes every cell of the support table, and compares it with what is documented") }
{
    matrix_->add_option("--platform", platform_, "One platform; else all")->check(CLI::IsMember(names_of(platform::all_kinds)));
    matrix_->add_option("--uapi", uapi_, "One version of the proposal; else all")->check(CLI::IsMember(names_of(platform::all_uapis)));
    matrix_->add_option("--format", format_, "table (as when not given), csv, json or html")->check(CLI::IsMember({ "table", "csv", "json", "html" }));
    matrix_->add_option("--documented", documented_, "What is documented; else support-table.csv as it was installed");
    matrix_->add_option("--platform-option", platform_options_, "NAME=VALUE, as for run; may be repeated")->expected(1)->allow_extra_args(false)->take_all();
    matrix_->add_option("--uapi-option", uapi_options_, "NAME=VALUE, as for run; may be repeated")->expected(1)->allow_extra_args(false)->take_all();
}

bool MatrixCommand::wanted() const { return matrix_->parsed(); }

int MatrixCommand::run() const
try {
    auto const file { documented_.empty() ? beside_us("support-table.csv", { "../share/gmem/support-table.csv" }).string() : documented_ };
    auto const documented { DocumentedTable::read(file) };
    MatrixRun how { beside_us("gmem-matrix-driver", { "../libexec/gmem/gmem-matrix-driver" }), {} };
    add_options<platform::Options>(how, "--platform-option", platform_options_);
    add_options<platform::Profile>(how, "--uapi-option", uapi_options_);
    auto const cells { matrix_cells(platform_, uapi_) };
    auto const rows { compare(cells, execute(how, cells), documented) };
    fmt::print("{}", format_ == "csv" ? matrix_as_csv(rows) : format_ == "json" ? matrix_as_json(rows) : format_ == "html" ? matrix_as_html(rows) : matrix_as_text(rows));
    return name_differences(rows, documented) == 0 ? 0 : 1;
} catch (std::exception const &e) {
    fmt::print(stderr, "gmem: {}\n", e.what());
    return 2;
}

} // namespace gmem::cli
