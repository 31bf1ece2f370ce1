// Becoming a member of a gmem that other processes share, and its lock, which only members can take.

#include "memory/contents.hpp"
#include "memory/guest_memory.hpp"
#include "memory/pool.hpp"
#include "memory/process.hpp"
#include "memory/silent_process.hpp"
#include "memory/trusted_side.hpp"
#include "os/file_calls.hpp"
#include "os/signals.hpp"

#include <bit>

namespace gmem::memory {
namespace {

constinit os::Mutex adoption_lock;

// An object of this process for the same file, with a reference for the caller.
GuestMemory *find(FileFacts const &facts) noexcept
{
    for (auto &g : Pool::ever_used())
        if (g.try_acquire()) {
            if (g.facts().inode == facts.inode && g.facts().device == facts.device)
                return &g;
            g.release();
        }
    return nullptr;
}

} // namespace

Status GuestMemory::join() noexcept GMEM_NO_THREAD_SAFETY // the lock may be inherited
{
    if (agent_.slot() >= 0) [[likely]]
        return Ok {};
    GMEM_CHECK(agent_.start(*this, control_.slots()));
    auto const mine { static_cast<unsigned>(agent_.slot()) };
    // The slot's last process may have died with the lock, or with pins.
    bool const inherited { header().lock.inherit(mine) };
    if (inherited)
        complete_interrupted();
    if (inherited || !control_.pins().empty()) {
        if (!inherited && header().lock.lock(mine, control_.slots(), FileLock::for_ever) == FileLock::Taken::from_the_dead)
            complete_interrupted();
        control_.pins().remove_all_of(mine);
        header().lock.unlock();
    }
    return Ok {};
}

// All of what lies behind the point of no return, once more. A page that the dead process was encrypting is noise to its next reader, as it was
// to be.
void GuestMemory::complete_interrupted() noexcept
{
    if (auto const unsettled { control_.unsettled() })
        return TrustedSide { *this }.settle(*unsettled);
    if (auto const begun { control_.interrupted() }) {
        if (begun->to == Attribute::shared)
            TrustedSide { *this }.make_shared(begun->range);
        apply_to_contents(*this, begun->range, begun->effect, "a conversion that was interrupted");
        bool const to_private { begun->to == Attribute::private_ };
        (void)observe::note(observe::Kind::convert, { .detail = to_private, .value = 1, .file = facts_.inode, .offset = raw(begun->range.offset()), .size = raw(begun->range.length()),
            .more = { 0, 0, static_cast<std::uint64_t>(begun->effect) } });
        control_.commit();
    }
    if (auto const committed { control_.unconcluded() }) {
        TrustedSide { *this }.converted(committed->range, committed->to, committed->asked);
        control_.concluded();
    }
}

bool GuestMemory::alone() const noexcept
{
    auto others { header().attached.load(std::memory_order_acquire) & ~(std::uint64_t { 1 } << agent_.slot()) };
    for (; others != 0; others &= others - 1)
        if (os::holder_lives(__atomic_load_n(&control_.slots()[std::countr_zero(others)].liveness, __ATOMIC_ACQUIRE)))
            return false;
    return true;
}

Result<GuestMemory *> GuestMemory::adopt(int fd) noexcept
{
    os::SignalsBlocked blocked;
    GMEM_CHECK(Process::start());
    os::Locked guard { adoption_lock }; // two threads with two descriptors of one file make one object
    GMEM_TRY(file, open_in_helper(fd));
    auto const facts { facts_of_file(file) };
    auto const identity { facts ? ControlBlock::identify(file, facts.value().size) : std::nullopt };
    auto *const known { identity ? find(facts.value()) : nullptr };
    if (!identity || known) {
        close_hidden_file(file);
        if (!known)
            return Error::with_errno(EBADF, "adopt.identity");
        return known;
    }
    auto taken { Pool::take() };
    if (!taken) {
        close_hidden_file(file);
        return taken.error();
    }
    auto *const g { std::move(taken).take() };
    auto const made { [&]() noexcept -> Status {
        GMEM_CHECK(g->take_place(file, *identity));
        GMEM_TRY(control, ControlBlock::open(file, g->pages_));
        g->control_ = control;
        g->has_control_ = true;
        g->figures_.enter(*g);
        return g->take_cipher();
    }() };
    if (!made) {
        g->give_place_back();
        return made.error();
    }
    return g;
}

FileLocked::FileLocked(GuestMemory &g, Patience patience) noexcept
{
    if (auto const member { g.join() }; !member) {
        error_ = member.error();
        return;
    }
    auto &lock { g.header().lock };
    auto const longest { patience == Patience::bounded ? Process::peer_timeout() : FileLock::for_ever };
    switch (lock.lock(static_cast<unsigned>(g.agent_.slot()), g.control_.slots(), longest)) {
    case FileLock::Taken::timed_out:
        if (auto const holder { lock.holder() }; holder >= 0 && holder < static_cast<int>(most_peers))
            report_silent_process(g.facts().inode, g.control_.slots()[holder].pid, "is in the middle of an operation and has not gone on", longest);
        error_ = Error::of(Why::page_in_use, "lock.busy");
        return;
    case FileLock::Taken::from_the_dead:
        g.complete_interrupted();
        break;
    case FileLock::Taken::clean:
        break;
    }
    lock_ = &lock;
}

FileLocked::~FileLocked() GMEM_NO_THREAD_SAFETY
{
    if (lock_)
        lock_->unlock();
}

} // namespace gmem::memory
