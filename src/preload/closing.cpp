#include "preload/closing.hpp"

#include "memory/holds.hpp"
#include "os/description_calls.hpp"
#include "preload/fd_table.hpp"

namespace gmem::preload {
namespace {

using memory::Holds;

struct Search final {
    int closing;
    unsigned first, last; // all of them go
    bool pipe;
};

// What waits in a pipe can be asked of its other end too.
int find_heir(Search &search) noexcept
{
    return os::find_descriptor(
        [](int fd, void *context) noexcept {
            auto const &s { *static_cast<Search const *>(context) };
            auto const n { static_cast<unsigned>(fd) };
            return (n < s.first || n > s.last) && (os::same_description(s.closing, fd) || (s.pipe && os::same_pipe(s.closing, fd)));
        },
        &search);
}

} // namespace

Closing::Closing(unsigned first, unsigned last) noexcept
{
    auto fd { Holds::first_in(first, last) };
    if (fd < 0 || FdTable::in_vfork_child()) [[likely]]
        return;
    for (; fd >= 0; fd = Holds::first_in(static_cast<unsigned>(fd) + 1, last)) {
        auto const held { Holds::held_by(fd) };
        Search search { fd, first, last, held == Holds::Held::in_pipe };
        auto heir { held == Holds::Held::nothing ? -1 : find_heir(search) };
        if (heir < 0)
            heir = orphan_ = orphan_ == -1 ? Holds::new_orphan() : orphan_;
        Holds::move(fd, heir);
    }
}

Closing::~Closing()
{
    if (orphan_ != -1) [[unlikely]]
        Holds::drop_descriptor(orphan_);
}

} // namespace gmem::preload
