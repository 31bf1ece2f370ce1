#include "memory/process.hpp"

#include "memory/hidden_file.hpp"
#include "os/host_limits.hpp"
#include "os/mapping_calls.hpp"
#include "os/userfaultfd.hpp"

#include <algorithm>

namespace gmem::memory {

constinit Wishes Process::wishes_;
constinit Engine Process::engine_ { Engine::userfaultfd };
constinit Opening Process::opening_ { Opening::native };
constinit os::HiddenFd Process::userfaultfd_;
constinit os::HelperFd Process::empty_file_ { os::HelperFd::none };
constinit os::OwnCopy Process::empty_copy_;
constinit os::Mutex Process::start_lock_;

Status Process::start() noexcept
{
    os::Locked guard { start_lock_ };
    if (started())
        return Ok {};
    return begin(nullptr, 0);
}

Status Process::begin(int const *kept, unsigned kept_count) noexcept
{
    // The userfaultfd must exist before the helper, which keeps it: both then speak of the same registrations.
    int own { -1 };
    engine_ = Engine::overlay;
    if (wishes_.engine != Engine::overlay) {
        auto opened { os::open_userfaultfd() };
        if (opened) {
            engine_ = Engine::userfaultfd;
            own = os::move_out_of_the_way(std::move(opened).take());
        } else if (wishes_.engine == Engine::userfaultfd) {
            return opened.error();
        }
    }

    int all[os::most_kept_descriptors];
    unsigned count { 0 };
    for (unsigned i { 0 }; i < kept_count && count + 1 < os::most_kept_descriptors; ++i)
        all[count++] = kept[i];
    if (own >= 0)
        all[count++] = own;
    std::sort(all, all + count);

    auto const helper { os::Helper::start({ all, count }) };
    if (!helper) {
        if (own >= 0)
            os::system_call(SYS_close, own);
        return helper.error();
    }
    userfaultfd_.adopt(static_cast<os::HelperFd>(own), own);
    os::OwnNumbers::add(own);
    if (engine_ == Engine::overlay) {
        GMEM_TRY(empty, create_hidden_file("gmem-private", Bytes { 0 }));
        empty_file_ = empty;
        auto const facts { facts_of_file(empty) };
        if (auto copy { open_in_own_table(empty, os::open_read_write | os::close_on_exec) }; copy && facts) {
            empty_copy_.close();
            empty_copy_.adopt(std::move(copy).take(), facts.value().device, facts.value().inode);
        } else if (copy) {
            os::system_call(SYS_close, std::move(copy).take());
        }
    }
    opening_ = policy(wishes_.opening);
    return Ok {};
}

// Installed pages are a cache that reclaim may drop: only where nothing is reclaimed is it the first choice.
Opening Process::policy(Opening wished) noexcept
{
    if (wished != Opening::automatic)
        return wished;
    return os::swap_of_this_process() == os::Swap::unreachable ? Opening::installed : Opening::native;
}

void Process::set_opening(Opening wished) noexcept
{
    wishes_.opening = wished;
    opening_ = policy(wished);
}

Status Process::restart_in_child(int const *kept, unsigned kept_count) noexcept
{
    start_lock_.reset_after_fork();
    os::Helper::forget_after_fork();
    // The copy of the parent's userfaultfd speaks of the parent's memory.
    if (auto const parents { userfaultfd_.yield_own() }; parents >= 0) {
        os::OwnNumbers::remove(parents);
        os::system_call(SYS_close, parents);
    }
    return begin(kept, kept_count);
}

} // namespace gmem::memory
