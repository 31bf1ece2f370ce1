#include "os/say.hpp"

#include "base/text.hpp"
#include "os/syscall.hpp"

namespace gmem::os {

void say(std::string_view text) noexcept
{
    char line[512];
    Text out { line };
    out << "gmem: " << text << "\n";
    system_call(SYS_write, 2, out.view().data(), out.view().size());
}

} // namespace gmem::os
