#include "memory/guest_memory.hpp"

#include "base/references.hpp"
#include "memory/gate.hpp"
#include "memory/guest_window.hpp"
#include "memory/huge_pages.hpp"
#include "memory/injected.hpp"
#include "memory/pool.hpp"
#include "memory/process.hpp"
#include "memory/space.hpp"
#include "memory/trusted_side.hpp"
#include "observe/inject.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"

namespace gmem::memory {

Result<GuestMemory *> GuestMemory::create(Birth birth) noexcept
{
    os::SignalsBlocked blocked;
    if (birth.pages > most_pages)
        return Error::of(Why::no_memory, "create.size");
    GMEM_CHECK(Process::start());
    GMEM_TRY(g, Pool::take());
    Identity const identity { .magic = Identity::expected_magic, .pages = birth.pages.index(), .owner = static_cast<std::uint64_t>(birth.owner),
        .windows = static_cast<std::uint32_t>(birth.windows), .conversions = static_cast<std::uint32_t>(birth.conversions),
        .huge_pages = HugePages::wished() };
    // From here on every failure ends in one place, which undoes what was done.
    auto const made { [&]() noexcept -> Status {
        GMEM_TRY(file, create_hidden_file("guest_memfd", ControlBlock::file_size(birth.pages)));
        GMEM_CHECK(g->take_place(file, identity));
        auto const records { platform::platform_of(birth.platform).keeps_records() ? ControlBlock::Records::kept : ControlBlock::Records::none };
        GMEM_TRY(control, ControlBlock::create(file, identity, birth.initial, records));
        g->control_ = control;
        g->has_control_ = true;
        g->gives_back_ = true;
        auto &vm { g->header().vm };
        vm.kind = birth.platform;
        vm.phase.store(birth.phase, std::memory_order_relaxed);
        vm.options = birth.options;
        vm.id = birth.vm_id;
        if (birth.key)
            __builtin_memcpy(vm.key, birth.key, sizeof vm.key);
        GMEM_CHECK(g->take_cipher());
        g->figures_.enter(*g);
        return g->join();
    }() };
    if (!made) {
        g->give_place_back();
        return made.error();
    }
    return g;
}

// What creation and adoption have in common: `file` passes to this object, the view is mapped.
Status GuestMemory::take_place(os::HelperFd file, Identity const &identity) noexcept
{
    file_ = file;
    pages_ = PageNo { identity.pages };
    windows_ = static_cast<Windows>(identity.windows);
    conversions_ = static_cast<Conversions>(identity.conversions);
    owner_ = static_cast<Owner>(identity.owner);
    view_fate_ = ViewFate::unmap;
    GMEM_TRY(facts, facts_of_file(file));
    facts_ = facts;
    if (auto copy { open_in_own_table(file, os::open_read_write | os::close_on_exec) })
        own_copy_.adopt(std::move(copy).take(), facts.device, facts.inode);
    GMEM_TRY(place, os::reserve_for_huge_pages(raw(size()), Bytes { 0 }));
    view_ = place; // from here on there is something to unmap
    return map_view();
}

// Each process prepares the key for itself. Where a platform encrypts, whoever made the file had the functions; a process that has not is
// told ENOSYS rather than shown what no machine would show.
Status GuestMemory::take_cipher() noexcept
{
    if (!platform::platform_of(header().vm.kind).uses_cipher(header().vm.options))
        return Ok {};
    auto const *const functions { crypto::primitives() };
    if (!functions)
        return Error::with_errno(ENOSYS, "cipher.none");
    cipher_ = functions->make_cipher(header().vm.key);
    return cipher_ ? Status { Ok {} } : Error::of(Why::no_memory, "cipher");
}

void GuestMemory::give_place_back() noexcept
{
    agent_.stop();
    figures_.leave(*this);
    if (cipher_)
        crypto::primitives()->free_cipher(cipher_);
    cipher_ = nullptr;
    if (view_) {
        os::AddressRange const all { view_, view_ + raw(size()) };
        if (view_fate_ == ViewFate::unmap || guest_is_gated())
            os::unmap(all);
        else // a memslot still points here: its guest gets EFAULT, not somebody else's memory
            os::system_call(SYS_mmap, all.begin, all.length(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    }
    if (has_control_)
        control_.unmap();
    own_copy_.close();
    if (file_ != os::HelperFd::none)
        close_hidden_file(file_);
    view_ = 0;
    has_control_ = false;
    file_ = os::HelperFd::none;
    references_.store(0, std::memory_order_release);
    used_.store(false, std::memory_order_release);
}

// Bytes of private pages belong neither into a child nor into a core file.
Status GuestMemory::map_view() noexcept
{
    GMEM_TRY(view, os::map_hidden(own_copy_, file_, view_, raw(size()), PROT_READ | PROT_WRITE, MAP_FIXED, Bytes { 0 }));
    os::AddressRange const all { view, view + raw(size()) };
    GMEM_CHECK(os::advise(all, MADV_DONTFORK));
    GMEM_CHECK(os::advise(all, MADV_DONTDUMP));
    HugePages::advise(all);
    return Ok {};
}

bool GuestMemory::try_acquire() noexcept { return acquire_if_alive(references_); }

void GuestMemory::release() noexcept
{
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1)
        return;
    os::SignalsBlocked blocked;
    if (guest_window_) {
        os::Locked space { Space::lock() };
        GuestWindow::close(*this, view_fate_);
    }
    destroy();
}

void GuestMemory::release_locked() noexcept GMEM_NO_THREAD_SAFETY // Space::lock() is held: the header does not know it
{
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1)
        return;
    GuestWindow::close(*this, view_fate_);
    destroy();
}

void GuestMemory::destroy() noexcept
{
    (void)observe::note(observe::Kind::release, { .file = facts_.inode, .size = raw(size()) });
    detach();
    give_place_back();
}

void GuestMemory::attach() noexcept
{
    auto const mine { std::uint64_t { 1 } << agent_.slot() };
    if (!(header().attached.load(std::memory_order_relaxed) & mine))
        header().attached.fetch_or(mine, std::memory_order_acq_rel);
}

void GuestMemory::detach() noexcept
{
    if (auto const slot { agent_.slot() }; slot >= 0)
        header().attached.fetch_and(~(std::uint64_t { 1 } << slot), std::memory_order_acq_rel);
}

Result<int> GuestMemory::open_for_program(int more_flags) const noexcept { return open_in_own_table(file_, os::open_path | more_flags); }

Result<Bytes> GuestMemory::allocated() const noexcept
{
    GMEM_TRY(facts, facts_of_file(file_));
    auto const all { raw(facts.allocated) };
    auto const ours { header().resident_bytes.load(std::memory_order_relaxed) };
    return Bytes { all > ours ? all - ours : 0 };
}

// On the calling thread, whose NUMA policy is in force where the file has none; the helper's is that of its birth.
Status GuestMemory::allocate(PageRange r) noexcept
{
    os::SignalsBlocked blocked;
    GMEM_CHECK(injected::allocation(*this, r));
    if (has_huge_pages()) {
        FileLocked const guard { *this };
        if (!guard)
            return guard.error();
        HugePages huge { *this };
        huge.reserve(r);
        GMEM_CHECK(huge.settle_whole(r));
    }
    auto const own { own_copy_.get() };
    if (own < 0)
        return allocate_in_file(file_, os::falloc_keep_size, r.offset(), r.length());
    auto const result { os::system_call(SYS_fallocate, own, os::falloc_keep_size, raw(r.offset()), raw(r.length())) };
    if (os::failed(result))
        return Error::os(result, "fallocate");
    return Ok {};
}

Status GuestMemory::punch(PageRange r) noexcept
{
    observe::Recording event { observe::Kind::punch, observe::Asks::who_called };
    if (event) [[unlikely]] {
        event->file = facts_.inode;
        event->offset = raw(r.offset());
        event->size = raw(r.length());
        event->more[0] = os::falloc_keep_size | os::falloc_punch_hole;
    }
    auto const result { punch(r, event) };
    event.done(result);
    return result;
}

Status GuestMemory::punch(PageRange r, observe::Recording &event) noexcept
{
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (!guard)
        return guard.error();
    auto result { punch_inside(r) };
    event.write(result);
    return result;
}

Status GuestMemory::punch_inside(PageRange r) noexcept
{
    count(header().counters.punched);
    figures_.look(*this); // before the memory goes: this may have been the most
    if (auto *const e { figures_.entry() })
        observe::add(e->punched, 1);
    auto const inside { r.intersect(*PageRange::make(PageNo { 0 }, pages_)) };
    if (!inside)
        return Ok {};
    if (guest_is_gated())
        GMEM_CHECK(close_to_guest(*inside));
    TrustedSide { *this }.reclaim(*inside); // before the pages go: what then fails has lost them to the guest, as on hardware
    os::Locked space { Space::lock() };
    GMEM_CHECK(has_huge_pages() ? HugePages { *this }.punch(*inside) : punch_locked(*inside));
    detach_pins_locked(*inside);
    observe::Inject::forget_poisoned(facts_.inode, inside->first().index(), inside->last().index());
    return Ok {};
}

Status GuestMemory::punch_locked(PageRange r) noexcept GMEM_NO_THREAD_SAFETY
{
    // Punching takes the PTEs of open pages away. Natively open runs populate again by themselves; installed ones would be
    // closed, so they become native first.
    for (auto &w : Space::table().all())
        if (auto const part { w.file == this ? r.intersect(w.pages()) : std::nullopt })
            for (auto at { part->first() }; at < part->last();) {
                auto const run { next_run_to_open(at, part->last()) };
                if (!run)
                    break;
                attach(); // a conversion elsewhere must ask this process from now on
                gate::open_lazily(w, *run);
                at = run->last();
            }
    return allocate_in_file(file_, os::falloc_keep_size | os::falloc_punch_hole, r.offset(), r.length());
}

bool GuestMemory::is_poisoned(PageNo p) const noexcept { return observe::Inject::first_poisoned(facts_.inode, p.index(), p.index() + 1).has_value(); }

// Shared, and no memory failure (--inject).
std::optional<PageRange> GuestMemory::next_sound_run(PageNo from, PageNo limit) const noexcept
{
    for (auto at { from };; at = at.plus(1)) {
        auto const shared { attributes().next_run(at, limit, Attribute::shared) };
        auto const poisoned { shared ? observe::Inject::first_poisoned(facts_.inode, shared->first().index(), shared->last().index()) : std::nullopt };
        if (!poisoned)
            return shared;
        if (auto const before { PageRange::make(shared->first(), PageNo { *poisoned }) })
            return before;
        at = shared->first();
    }
}

std::optional<PageRange> GuestMemory::next_run_to_open(PageNo from, PageNo limit) const noexcept
{
    for (auto at { from };;) {
        auto const shared { next_sound_run(at, limit) };
        if (!shared || !has_huge_pages())
            return shared;
        if (auto const open { extents().next_settled(shared->first(), shared->last(), true) })
            return open;
        at = shared->last();
    }
}

char const *GuestMemory::audit() noexcept
{
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (!guard)
        return nullptr; // no memory to look
    if (header().identity.magic != Identity::expected_magic || header().identity.pages != pages_.index())
        return "G1: the control block is not ours";
    if (auto const now { facts_of_file(file_) }; now && now.value().size != ControlBlock::file_size(pages_))
        return "G1: the file has another size";
    if (header().journal.state.load() != Journal::nothing)
        return "C4: a commit is not complete though nobody is at it";
    if (auto const *const broken { control_.pins().audit(pages_) })
        return broken;
    if (auto const *const broken { attributes().audit() })
        return broken;
    if (auto const *const broken { TrustedSide { *this }.audit() })
        return broken;
    return has_huge_pages() ? extents().audit() : nullptr;
}

} // namespace gmem::memory
