#include "memory/fork.hpp"

#include "memory/gate.hpp"
#include "memory/hidden_file.hpp"
#include "memory/holds.hpp"
#include "memory/pool.hpp"
#include "memory/process.hpp"
#include "memory/space.hpp"
#include "observe/session.hpp"
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
// What take_addresses() looks at: plain data, noted before the fork.
constinit GuestMemory *ever_used { nullptr };
constinit std::size_t ever_used_count { 0 };
constinit WindowTable::Records windows { nullptr, 0 };
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

} // namespace

void Fork::prepare() noexcept GMEM_NO_THREAD_SAFETY
{
    if (!Process::started())
        return;
    ::new (signals_storage) os::SignalsBlocked;
    Pool::lock().lock();
    Space::lock().lock();
    Holds::lock().lock();
    under_way = true;
    copies.count = 0;
    ever_used = Pool::ever_used().data();
    ever_used_count = Pool::ever_used().size();
    windows = Space::table().records();
    for (auto &g : Pool::ever_used())
        if (g.in_use())
            g.copy_for_child_ = copy_of(g.file_);
}

void Fork::in_parent() noexcept GMEM_NO_THREAD_SAFETY
{
    if (!under_way)
        return;
    for (unsigned i { 0 }; i < copies.count; ++i)
        os::system_call(SYS_close, copies.fds[i]);
    under_way = false;
    Holds::lock().unlock();
    Space::lock().unlock();
    Pool::lock().unlock();
    signals().~SignalsBlocked();
}

void Fork::in_child() noexcept
{
    if (!under_way) {
        observe::Session::continue_in_child();
        return;
    }
    take_addresses();
    restore();
    observe::Session::continue_in_child();
}

void Fork::restore() noexcept GMEM_NO_THREAD_SAFETY
{
    under_way = false;
    Space::lock().reset_after_fork();
    Pool::lock().reset_after_fork();
    std::sort(copies.fds, copies.fds + copies.count);
    auto const restarted { Process::restart_in_child(copies.fds, copies.count) };
    for (auto &g : Pool::ever_used())
        if (g.in_use())
            g.continue_in_child();
    Holds::forget_after_fork();
    // A record without a mapping would speak of whatever comes to lie there: it goes.
    auto &table { Space::table() };
    for (std::size_t i { 0 }; i < table.all().size();)
        if (auto &w { table.all()[i] }; restarted && map_again(w))
            ++i;
        else
            Space::forget_locked(w.addresses);
    for (unsigned i { 0 }; i < copies.count; ++i)
        os::system_call(SYS_close, copies.fds[i]);
    signals().~SignalsBlocked();
}

// The addresses of windows and views are free in the child: they are taken before anything else may land there, be it only what a
// sanitizer's runtime maps for itself. Hence nothing here is instrumented. Where somebody's earlier fork handler has mapped something
// (os/aside.hpp makes that unlikely), it is left alone: the window is lost to this child.
__attribute__((no_sanitize("thread"), no_sanitize("address"), no_sanitize("undefined"))) void Fork::take_addresses() noexcept
{
    constexpr long protection { PROT_NONE }, flags { MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | os::map_fixed_noreplace };
    for (std::size_t i { 0 }; i < ever_used_count; ++i) {
        auto &g { ever_used[i] };
        if (g.view_ != 0 && os::bare_syscall(SYS_mmap, static_cast<long>(g.view_), static_cast<long>(__builtin_bit_cast(std::uint64_t, g.pages_) << page_bits), protection, flags, -1) < 0)
            g.copy_for_child_ = -1;
    }
    for (std::size_t i { 0 }; i < windows.count; ++i) {
        auto &w { windows.first[i] };
        if (w.forked && os::bare_syscall(SYS_mmap, static_cast<long>(w.addresses.begin), static_cast<long>(w.addresses.end - w.addresses.begin), protection, flags, -1) < 0)
            w.forked = false;
    }
}

// Closed, whatever the attribute says: a child with nothing open owes the others nothing. Recovery opens what it touches.
bool Fork::map_again(Window &w) noexcept
{
    // The copied bits speak of the parent's registrations; they are not shared with it, so they may simply be cleared.
    if (w.native)
        w.native->set(w.pages(), false);
    if (!w.forked || w.file->file_ == os::HelperFd::none)
        return false;
    auto const mapped { os::map_hidden(w.file->file_, w.addresses.begin, w.addresses.length(), PROT_NONE, MAP_FIXED, w.first.to_bytes()) };
    if (!mapped)
        return false;
    auto const gated { [&w]() noexcept -> Status {
        GMEM_CHECK(os::advise(w.addresses, MADV_DONTFORK));
        (void)os::advise(w.addresses, MADV_NOHUGEPAGE);
        GMEM_CHECK(gate::close_all_again(w));
        return os::protect(w.addresses, w.protection);
    }() };
    if (!gated)
        os::unmap(w.addresses);
    return bool(gated);
}

// The control block came along by inheritance; the file and the view did not. The child becomes a member when it first opens a page.
void GuestMemory::continue_in_child() noexcept
{
    file_ = copy_for_child_ < 0 ? os::HelperFd::none : static_cast<os::HelperFd>(copy_for_child_);
    gives_back_ = false;
    guest_window_ = 0; // the parent's: whatever lies at its addresses here is somebody else's
    control_.moved_in_helper(file_);
    figures_.continue_in_child();
    agent_.forget_after_fork();
    if (file_ != os::HelperFd::none)
        (void)map_view();
}

} // namespace gmem::memory
