#include "memory/fork.hpp"

#include "memory/gate.hpp"
#include "memory/hidden_file.hpp"
#include "memory/pool.hpp"
#include "memory/process.hpp"
#include "memory/space.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"

#include <algorithm>

namespace gmem::memory {
namespace {

// The copies of the hidden files that the child takes over: made in the forking thread's table just before, closed just after.
struct Copies final {
    unsigned count;
    int fds[os::most_kept_descriptors];
};
constinit Copies copies { 0, {} };
constinit bool under_way { false };
alignas(os::SignalsBlocked) constinit char signals_storage[sizeof(os::SignalsBlocked)] {};

os::SignalsBlocked &signals() noexcept { return *reinterpret_cast<os::SignalsBlocked *>(signals_storage); }

int copy_of(os::HelperFd fd) noexcept
{
    auto opened { open_in_own_table(fd, os::open_read_write | os::close_on_exec) };
    if (!opened || copies.count + 2 >= os::most_kept_descriptors)
        return -1; // the child's windows on it stay unmapped: closed, not open
    auto const moved { os::move_out_of_the_way(std::move(opened).take()) };
    copies.fds[copies.count++] = moved;
    return moved;
}

void reserve(os::AddressRange r) noexcept
{
    os::system_call(SYS_mmap, r.begin, r.length(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | os::map_fixed_noreplace, -1, 0);
}

} // namespace

void Fork::prepare() noexcept GMEM_NO_THREAD_SAFETY
{
    if (!Process::started())
        return;
    ::new (signals_storage) os::SignalsBlocked;
    Pool::lock().lock();
    Space::lock().lock();
    under_way = true;
    copies.count = 0;
    for (auto &g : Pool::ever_used())
        if (g.in_use()) {
            g.copy_for_child_ = copy_of(g.file_);
            g.control_copy_for_child_ = copy_of(g.control_.file());
        }
}

void Fork::in_parent() noexcept GMEM_NO_THREAD_SAFETY
{
    if (!under_way)
        return;
    for (unsigned i { 0 }; i < copies.count; ++i)
        os::system_call(SYS_close, copies.fds[i]);
    under_way = false;
    Space::lock().unlock();
    Pool::lock().unlock();
    signals().~SignalsBlocked();
}

void Fork::in_child() noexcept GMEM_NO_THREAD_SAFETY
{
    if (!under_way)
        return;
    under_way = false;
    Space::lock().reset_after_fork();
    Pool::lock().reset_after_fork();
    // The addresses are free in the child: take them before any mapping of our own lands there.
    for (auto &g : Pool::ever_used())
        if (g.in_use())
            reserve({ g.view_, g.view_ + raw(g.size()) });
    for (auto &w : Space::table().all())
        if (w.forked)
            reserve(w.addresses);
    std::sort(copies.fds, copies.fds + copies.count);
    auto const restarted { Process::restart_in_child(copies.fds, copies.count) };
    for (auto &g : Pool::ever_used())
        if (g.in_use())
            g.continue_in_child();
    if (restarted)
        for (auto &w : Space::table().all())
            map_again(w);
    for (unsigned i { 0 }; i < copies.count; ++i)
        os::system_call(SYS_close, copies.fds[i]);
    signals().~SignalsBlocked();
}

// Closed, whatever the attribute says: a child with nothing open owes the others nothing. Recovery opens what it touches.
void Fork::map_again(Window &w) noexcept
{
    // The copied bits speak of the parent's registrations; they are not shared with it, so they may simply be cleared.
    if (w.native)
        w.native->set(w.pages(), false);
    if (!w.forked || w.file->file_ == os::HelperFd::none)
        return;
    auto const mapped { os::map_hidden(w.file->file_, w.addresses.begin, w.addresses.length(), PROT_NONE, MAP_FIXED, w.first.to_bytes()) };
    if (!mapped)
        return;
    auto const gated { [&w]() noexcept -> Status {
        GMEM_CHECK(os::advise(w.addresses, MADV_DONTFORK));
        (void)os::advise(w.addresses, MADV_NOHUGEPAGE);
        GMEM_CHECK(gate::close_all_again(w));
        return os::protect(w.addresses, w.protection);
    }() };
    if (!gated)
        os::unmap(w.addresses);
}

// The control block came along by inheritance; the file and the view did not.
void GuestMemory::continue_in_child() noexcept
{
    auto const hidden { [](int fd) noexcept { return fd < 0 ? os::HelperFd::none : static_cast<os::HelperFd>(fd); } };
    file_ = hidden(copy_for_child_);
    gives_back_ = false;
    control_.moved_in_helper(hidden(control_copy_for_child_));
    // Our slot may have been somebody's who is gone: his open pages are not ours.
    header().attached.fetch_and(~(std::uint64_t { 1 } << Process::slot()), std::memory_order_acq_rel);
    if (file_ != os::HelperFd::none)
        (void)map_view();
}

} // namespace gmem::memory
