#include "player/said.hpp"

#include "driver/failure.hpp"

#include <sys/mman.h>

namespace gmem::player {

Said::Said()
    : file_ { driver::must("memfd_create", ::memfd_create("standard error", MFD_CLOEXEC)) }
    , before_ { driver::must("dup", ::dup(STDERR_FILENO)) }
{
    driver::must("dup2", ::dup2(file_.get(), STDERR_FILENO));
}

Said::~Said() { ::dup2(before_.get(), STDERR_FILENO); }

std::string Said::take()
{
    std::string text;
    char piece[1024];
    for (;;) {
        auto const n { driver::must("pread", ::pread(file_.get(), piece, sizeof piece, taken_)) };
        if (n == 0)
            return text;
        text.append(piece, static_cast<std::size_t>(n));
        taken_ += n;
    }
}

} // namespace gmem::player
