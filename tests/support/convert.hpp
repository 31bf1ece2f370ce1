#pragma once
// A conversion of a file that the test holds as an object.

#include "memory/guest_memory.hpp"
#include "observe/recording.hpp"

namespace gmem::test {

inline Status convert(memory::GuestMemory &file, PageRange r, Attribute to) noexcept
{
    observe::Recording event { observe::Kind::convert };
    auto const result { file.convert(r, to, platform::ContentMode::unspecified, event) };
    event.done(result);
    return result;
}

} // namespace gmem::test
