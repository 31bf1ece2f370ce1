#pragma once
// What was seen against what must be: a sentence where they differ.

#include "spec/state.hpp"
#include "tests/generated/touch.hpp"

#include <csignal>
#include <string>

namespace gmem::generated {

inline spec::Complaint compare(int seen, int must, char const *what)
{
    if (seen == must)
        return std::nullopt;
    return std::string { what } + ": errno " + std::to_string(seen) + ", must be " + std::to_string(must);
}

inline spec::Complaint compare_touch(Touched const &seen, bool must, std::uint8_t content, void const *address, std::uint64_t offset)
{
    auto const where { " at offset " + std::to_string(offset) };
    if (seen.works != must)
        return must ? "4.1: SIGBUS on a shared page" + where : "4.1: no SIGBUS" + where;
    if (seen.works && seen.value != content)
        return "2.6, 4.3: read " + std::to_string(seen.value) + ", must be " + std::to_string(content) + where;
    if (!seen.works && (seen.code != BUS_ADRERR || seen.address != address))
        return "4.1: SIGBUS of another kind or at another address" + where;
    return std::nullopt;
}

} // namespace gmem::generated
