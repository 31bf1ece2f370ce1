#include "platform/pkvm/transitions.hpp"

#include <cerrno>
#include <cstring>

namespace gmem::platform::pkvm {
namespace {

constexpr Cell to(State s) noexcept { return { 0, s, Content::kept }; }
constexpr Cell wiped_to(State s) noexcept { return { 0, s, Content::wiped }; }
constexpr Cell no(int error) noexcept { return { error, {}, {} }; }

// Columns: host_owned, shared_with_hyp, guest_owned, shared_by_guest, lent_to_guest, poisoned, poisoned_shared_with_hyp.
// assumption: what a poisoned entry answers to the host's calls (EPERM), and MEM_RELINQUISH of a page that is shared (EPERM), are not in
//   the sources that were read.
// assumption: force_reclaim_page_guest calls everything "raced" that is not a guest's private page.
constexpr Cell table[calls][states] {
    // host_share_hyp
    { to(State::shared_with_hyp), no(EPERM), no(EPERM), no(EPERM), no(EPERM), to(State::poisoned_shared_with_hyp), no(EPERM) },
    // host_unshare_hyp
    { no(EPERM), to(State::host_owned), no(EPERM), no(EPERM), no(EPERM), no(EPERM), to(State::poisoned) },
    // host_donate_guest
    { to(State::guest_owned), no(EPERM), no(EPERM), no(EPERM), no(EPERM), no(EPERM), no(EPERM) },
    // host_share_guest: lent_to_guest counts
    { to(State::lent_to_guest), no(EPERM), no(EPERM), no(EPERM), to(State::lent_to_guest), no(EPERM), no(EPERM) },
    // host_unshare_guest: stays lent while others borrow
    { no(EPERM), no(EPERM), no(EPERM), no(EPERM), to(State::host_owned), no(EPERM), no(EPERM) },
    // guest_share_host
    { no(ENOENT), no(ENOENT), to(State::shared_by_guest), no(EPERM), no(EPERM), no(EHWPOISON), no(EHWPOISON) },
    // guest_unshare_host
    { no(ENOENT), no(ENOENT), no(EPERM), to(State::guest_owned), no(EPERM), no(EHWPOISON), no(EHWPOISON) },
    // guest_relinquish
    { no(ENOENT), no(ENOENT), wiped_to(State::host_owned), no(EPERM), no(EPERM), no(EHWPOISON), no(EHWPOISON) },
    // host_reclaim_page_guest: what was private is wiped, what was shared is the host's already
    { no(EPERM), no(EPERM), wiped_to(State::host_owned), to(State::host_owned), no(EPERM), to(State::host_owned), to(State::shared_with_hyp) },
    // force_reclaim_page_guest
    { no(EAGAIN), no(EAGAIN), wiped_to(State::poisoned), no(EAGAIN), no(EAGAIN), no(EAGAIN), no(EAGAIN) },
};

constexpr bool by_guest(Call c) noexcept { return c == Call::guest_share_host || c == Call::guest_unshare_host || c == Call::guest_relinquish; }
constexpr bool makes_tables(Call c) noexcept { return c == Call::host_donate_guest || c == Call::host_share_guest; }
// Calls that name the guest's page, and so must be about the guest that has it.
constexpr bool names_guest(Call c) noexcept { return by_guest(c) || c == Call::host_unshare_guest || c == Call::host_reclaim_page_guest; }
constexpr bool has_guest(State s) noexcept { return sides(s).guest != Owner::nopage; }

// What is wrong with the call before the page's state is looked at.
int circumstances(PageState const &page, Call call, Caller const &caller) noexcept
{
    if (makes_tables(call) && (caller.handle == 0 || caller.frame >= most_frames))
        return EINVAL;
    if (names_guest(call) && has_guest(page.state) && page.handle != caller.handle)
        return by_guest(call) ? ENOENT : EPERM;
    // Only a page that is lent may be at several frames.
    if (names_guest(call) && has_guest(page.state) && page.shares == 0 && page.frame != caller.frame)
        return by_guest(call) ? ENOENT : EPERM;
    if (call == Call::host_reclaim_page_guest && !caller.dying)
        return EPERM;
    if ((call == Call::guest_share_host || call == Call::guest_unshare_host) && caller.block_mapping && has_guest(page.state))
        return E2BIG;
    return 0;
}

// One more borrower is another entry of the same guest's table, never the same entry again.
int another_share(PageState const &page, Caller const &caller) noexcept
{
    return page.handle != caller.handle || page.frame == caller.frame || page.shares == ~std::uint32_t { 0 } ? EPERM : 0;
}

}

Cell const &cell(Call call, State state) noexcept { return table[static_cast<std::size_t>(call)][static_cast<std::size_t>(state)]; }

int apply(Pages &pages, PageNo p, Call call, Caller const &caller) noexcept
{
    auto page { record_as<PageState>(pages.record(p)) };
    if (auto const error { circumstances(page, call, caller) })
        return error;
    auto const &step { cell(call, page.state) };
    if (step.error)
        return step.error;
    if (makes_tables(call) && !caller.memcache)
        return ENOMEM;

    if (call == Call::host_share_guest) {
        if (page.shares != 0)
            if (auto const error { another_share(page, caller) })
                return error;
        ++page.shares;
    }
    if (call == Call::host_unshare_guest && --page.shares != 0) {
        store_record(pages.record(p), page);
        return 0;
    }
    if (makes_tables(call) && !has_guest(page.state)) {
        page.handle = caller.handle;
        page.frame = caller.frame;
    }
    if (step.content == Content::wiped)
        std::memset(pages.page(p), 0, page_size);
    page.state = step.next;
    if (!has_guest(page.state))
        page = { page.state, 0, 0, 0, 0 };
    store_record(pages.record(p), page);
    return 0;
}

} // namespace gmem::platform::pkvm
