#pragma once
// One cell of the support table, as docs/support-table.csv names it, and what was found by executing it.

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace gmem::driver::matrix {

enum class Platform { snp, tdx, pkvm, cca, sw_protected };
enum class Mode { zero, preserve, unspecified, encrypted };
enum class Phase { launching, running };
enum class Direction { to_private, to_shared };

template <typename E>
struct Word final {
    std::string_view word;
    E value;
};

inline constexpr std::array platforms { Word { "snp", Platform::snp }, Word { "tdx", Platform::tdx }, Word { "pkvm", Platform::pkvm }, Word { "cca", Platform::cca },
    Word { "sw_protected", Platform::sw_protected } };
inline constexpr std::array directions { Word { "to-private", Direction::to_private }, Word { "to-shared", Direction::to_shared } };
inline constexpr std::array modes { Word { "zero", Mode::zero }, Word { "preserve", Mode::preserve }, Word { "unspecified", Mode::unspecified }, Word { "encrypted", Mode::encrypted } };
inline constexpr std::array phases { Word { "launching", Phase::launching }, Word { "running", Phase::running } };

template <typename Words>
auto value_of(Words const &words, std::string_view word) -> std::optional<decltype(words[0].value)>
{
    for (auto const &known : words)
        if (known.word == word)
            return known.value;
    return std::nullopt;
}

struct Cell final {
    Platform platform;
    Direction direction;
    Mode mode;
    Phase phase;
    bool asks_for_zeros; // by its mode, or because the version says that of no mode
};

// In the words of docs/support-table.csv.
struct Outcome final {
    std::string err, host_reads, guest_reads;
};

// Makes the VM, does what the table's heading says happens before the call, calls, and looks. Throws Failure where a step that has to work does not.
Outcome execute(Cell);

} // namespace gmem::driver::matrix
