#pragma once
// What an ELF file says about how it is started: parsed once from untrusted bytes; an ElfImage that exists was consistent.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gmem::cli {

struct ElfImage final {
    std::uint16_t machine;            // EM_X86_64, ...
    bool class64;
    std::string interpreter;          // empty: static
    std::vector<std::string> needed;  // DT_NEEDED, in order

    // nullopt: not an ELF file, or one that is cut or contradicts itself.
    static std::optional<ElfImage> parse(std::vector<unsigned char> const &bytes);
};

} // namespace gmem::cli
