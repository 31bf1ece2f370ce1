#pragma once
// gmem matrix: the support table, by executing every cell of it. docs/matrix.md.

#include "cli/matrix_table.hpp"

namespace CLI {
class App;
}

namespace gmem::cli {

// The table's forms. Each ends with a newline.
std::string matrix_as_text(std::vector<MatrixRow> const &);
std::string matrix_as_csv(std::vector<MatrixRow> const &); // without the marks: what is executed, in the form of the documented file
std::string matrix_as_json(std::vector<MatrixRow> const &); // in a file of its own: the JSON library is the slowest header here
std::string matrix_as_html(std::vector<MatrixRow> const &); // one self-contained page

class MatrixCommand final {
public:
    explicit MatrixCommand(CLI::App &app);

    bool wanted() const;
    int run() const; // the exit status: 0, 1 when documented and executed differ, 2 when nothing can be said

private:
    CLI::App *matrix_;
    std::string platform_, uapi_, format_ { "table" }, documented_;
    std::vector<std::string> platform_options_, uapi_options_;
};

} // namespace gmem::cli
