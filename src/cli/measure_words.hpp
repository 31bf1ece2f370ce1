#pragma once
// The words of gmem measure, taken apart.

#include "base/units.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gmem::cli {

// One sentence for whoever typed the words.
class MeasureRefusal final : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A file as pages, one after the other: the last one is padded with zeros.
class MeasureImage final {
public:
    explicit MeasureImage(std::string const &path);

    // The next page; nullptr behind the last. An empty file is refused.
    std::byte const *next();
    std::uint64_t padded() const noexcept { return padded_; } // zeros in the last page, once it was there

private:
    std::string path_;
    std::ifstream file_;
    std::vector<std::byte> buffer_;
    std::size_t at_ { 0 }, filled_ { 0 }; // in buffer_
    bool ended_ { false }, any_ { false };
    std::uint64_t padded_ { 0 };
};

// Decimal, or hexadecimal with 0x. `whole` is the word that it is from, for the sentence.
std::uint64_t number(std::string_view text, std::string_view whole);

// The same, and a multiple of 4096.
std::uint64_t page_address(std::string_view text, std::string_view whole);

// "GPA:FILE" or "GPA[+SIZE]": guest memory, and where its bytes are from.
struct MeasurePlace final {
    std::uint64_t gpa { 0 };
    std::uint64_t size { 0 }; // without a file; a multiple of 4096, 4096 when not given
    std::string file;         // empty: none
};
MeasurePlace place(std::string_view text, std::string_view whole);

// "a=1,b=2": each known name is handed its value.
using Assign = std::function<void(std::uint64_t)>;
void assign(std::string_view whole, std::map<std::string, Assign, std::less<>> const &known);

} // namespace gmem::cli
