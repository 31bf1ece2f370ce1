#include "spec/pins.hpp"

#include "spec/access.hpp"

#include <cerrno>

namespace gmem::spec {

int pin(File &file, std::uint64_t first, std::uint64_t last)
{
    for (auto p { first }; p < last; ++p)
        if (access(file, p * page_size) == AccessOutcome::sigbus)
            return EFAULT;
    for (auto p { first }; p < last; ++p)
        ++file.pages[p].pins;
    return 0;
}

void unpin(File &file, std::uint64_t first, std::uint64_t last)
{
    for (auto p { first }; p < last; ++p)
        if (file.pages[p].pins > 0) // a punched page has left its pinner behind (4.4)
            --file.pages[p].pins;
}

std::optional<std::uint64_t> first_pinned(File const &file, std::uint64_t first, std::uint64_t last)
{
    for (auto p { first }; p < last; ++p)
        if (file.pages[p].pins > 0)
            return p;
    return std::nullopt;
}

} // namespace gmem::spec
