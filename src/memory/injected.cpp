#include "memory/injected.hpp"

#include "observe/clock.hpp"
#include "observe/inject.hpp"
#include "os/clock.hpp"

#include <csignal>

namespace gmem::memory::injected {
namespace {

using observe::Call;
using observe::Fault;
using observe::Inject;

std::optional<observe::Struck> strikes(Fault f, Call call, GuestMemory const &file, PageRange r) noexcept
{
    return Inject::at(f, { call, file.facts().inode, raw(r.offset()), raw(r.length()) });
}

PageNo page_of(observe::Struck const &s) noexcept { return PageNo::holding(Bytes { s.page() }); }

} // namespace

Status refusal(GuestMemory const &file, PageRange r, Attribute to) noexcept
{
    if (!Inject::on()) [[likely]]
        return Ok {};
    if (to == Attribute::private_)
        if (auto const struck { strikes(Fault::eagain, Call::convert, file, r) })
            return Error::at_page(Why::page_in_use, page_of(*struck), refusal_site);
    if (strikes(Fault::enomem, Call::convert, file, r))
        return Error::at_page(Why::no_memory, r.first(), refusal_site); // specification 2.2: ENOMEM names the beginning
    return Ok {};
}

// In eight pieces, between which gmem top sees it go on.
void delay(GuestMemory const &file, PageRange r, Attribute to) noexcept
{
    auto const struck { strikes(Fault::delay, Call::convert, file, r) };
    if (!struck)
        return;
    auto *const e { file.figures().entry() };
    if (e)
        begin(e->under_way, r, to, observe::now());
    for (std::uint64_t piece { 0 }; piece < 8; ++piece) {
        auto const nanoseconds { struck->choice * 1'000'000 / 8 };
        timespec left { static_cast<time_t>(nanoseconds / 1'000'000'000), static_cast<long>(nanoseconds % 1'000'000'000) };
        while (os::system_call(SYS_nanosleep, &left, &left) == -EINTR)
            ;
        if (e)
            observe::set(e->under_way.done, raw(r.length()) / 8 * (piece + 1));
    }
    if (e)
        observe::set(e->under_way.size, 0);
}

void poison(GuestMemory const &file, PageRange r) noexcept
{
    if (auto const struck { strikes(Fault::poison, Call::convert, file, r) })
        (void)Inject::poison(file.facts().inode, page_of(*struck).index());
}

Status allocation(GuestMemory const &file, PageRange r) noexcept
{
    if (strikes(Fault::enomem, Call::allocate, file, r))
        return Error::of(Why::no_memory, "inject.allocate");
    return Ok {};
}

void kill_peer(GuestMemory const &file, Peers &peers, PageRange r) noexcept
{
    if (!Inject::on() || peers.none()) [[likely]]
        return;
    auto const pid { peers.any_process() };
    if (pid > 0 && strikes(Fault::kill, Call::close, file, r))
        os::system_call(SYS_kill, pid, SIGKILL);
}

} // namespace gmem::memory::injected
