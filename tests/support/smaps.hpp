#pragma once
// What the kernel says of a range of addresses: /proc/self/smaps.

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace gmem::test {

// The sum of a field, in bytes, over the mappings that begin in [begin, end).
inline std::uint64_t smaps(std::uintptr_t begin, std::uintptr_t end, char const *field)
{
    auto *const file { std::fopen("/proc/self/smaps", "r") };
    char line[512];
    unsigned long first { 0 }, kilobytes { 0 };
    std::uint64_t sum { 0 };
    while (std::fgets(line, sizeof line, file)) {
        unsigned long a { 0 }, b { 0 }; // the names of some fields begin like a number
        if (std::sscanf(line, "%lx-%lx ", &a, &b) == 2) {
            first = a;
            continue;
        }
        auto const length { std::strlen(field) };
        if (first >= begin && first < end && std::strncmp(line, field, length) == 0 && std::sscanf(line + length, ": %lu kB", &kilobytes) == 1)
            sum += kilobytes * 1024;
    }
    std::fclose(file);
    return sum;
}

} // namespace gmem::test
