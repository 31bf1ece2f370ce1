#pragma once
// Launches for the tests.

#include "platform/snp/launch.hpp"
#include "world.hpp"

namespace gmem::platform::snp {

inline std::string hex(LaunchDigest const &d)
{
    std::string s;
    for (auto const b : d) {
        s += "0123456789abcdef"[static_cast<unsigned>(b) >> 4];
        s += "0123456789abcdef"[static_cast<unsigned>(b) & 15];
    }
    return s;
}

// A launch that has an ASID and takes pages.
inline Launch launching(World const &w, LaunchStart const &with = {})
{
    Launch l;
    EXPECT_EQ(l.start(with, w.vm->key), Firmware::success);
    EXPECT_EQ(l.activate(w.vm->id), Firmware::success);
    return l;
}

} // namespace gmem::platform::snp
