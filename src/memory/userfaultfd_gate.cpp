#include "memory/userfaultfd_gate.hpp"

#include "memory/guest_memory.hpp"
#include "memory/process.hpp"
#include "os/host_limits.hpp"
#include "os/mapping_calls.hpp"
#include "os/userfaultfd.hpp"

namespace gmem::memory::userfaultfd_gate {
namespace {

// Up to here a hole is allocated at once when native opening is not to be had; beyond, recovery does it page by page.
constexpr std::uint64_t most_pages_to_allocate { 512 };

bool native_budget_left() noexcept { return NativePages::runs_of_process() < most_native_runs(); }

bool open_natively(Window &w, PageRange r) noexcept
{
    if (!native_budget_left())
        return false;
    if (!os::unregister_range(Process::userfaultfd(), w.addresses_of(r)))
        return false;
    w.native->set(r, true);
    // Only here may a huge page be mapped as one. Where pages are gated MADV_COLLAPSE would open 512 of them at once; so a registered
    // run is MADV_NOHUGEPAGE, and the two differ where the VMAs are cut anyway.
    if (w.file->has_huge_pages() && r.pages() >= pages_per_mega)
        (void)os::advise(w.addresses_of(r), MADV_HUGEPAGE);
    return true;
}

// Ends huge mappings in a run that is about to be gated.
Status forbid_huge_mappings(Window const &w, os::AddressRange r) noexcept { return w.file->has_huge_pages() ? os::advise(r, MADV_NOHUGEPAGE) : Status { Ok {} }; }

// Allocates `r` through the guest view: afterwards UFFDIO_CONTINUE finds the pages.
bool allocate(Window const &w, PageRange r) noexcept { return bool(os::advise(w.file->view_of(r), os::madv_populate_write)); }

// Installs the PTEs of a registered run, and deals with holes of the file on the way.
void install(Window &w, PageRange run) noexcept
{
    for (auto at { run.first() }; at < run.last();) {
        auto const rest { *PageRange::make(at, run.last()) };
        auto const done { os::continue_range(Process::userfaultfd(), w.addresses_of(rest)) };
        at = at.plus(done.mapped >> page_bits);
        switch (done.stopped_by) {
        case 0:
            return;
        case EEXIST: // open already
            at = at.plus(1);
            break;
        case EFAULT: { // a hole: let the kernel populate what is left, or allocate it
            auto const left { *PageRange::make(at, run.last()) };
            if (open_natively(w, left))
                return;
            if (left.pages() > most_pages_to_allocate || !allocate(w, left))
                at = at.plus(1);
            break;
        }
        default: // no memory for page tables, or the mapping is not there any more: recovery, or nobody, will meet it
            return;
        }
    }
}

// Fewer VMAs: registers the whole window, and installs again what was natively open and shared.
Status consolidate(Window &w) noexcept
{
    GMEM_CHECK(forbid_huge_mappings(w, w.addresses));
    GMEM_CHECK(os::register_range(Process::userfaultfd(), w.addresses));
    w.native->set(w.pages(), false);
    // A PMD that maps a huge page would die as a whole with the first page of it that is closed.
    if (w.file->has_huge_pages())
        GMEM_CHECK(os::zap(w.addresses));
    auto const end { w.file->last_page_of(w) };
    for (auto at { w.first }; at < end;) {
        auto const run { w.file->next_run_to_open(at, end) };
        if (!run)
            break;
        for (auto page { run->first() }; page < run->last();) {
            auto const done { os::continue_range(Process::userfaultfd(), w.addresses_of(*PageRange::make(page, run->last()))) };
            page = page.plus((done.mapped >> page_bits) + 1); // past the page that stopped it: open, or a hole for recovery
        }
        at = run->last();
    }
    return Ok {};
}

} // namespace

std::uint64_t most_native_runs() noexcept
{
    static constinit std::uint64_t most { 0 }; // same value from whoever asks first
    if (most == 0)
        most = os::most_mappings() / 4;
    return most;
}

Status arm(Window &w) noexcept
{
    GMEM_TRY(native, NativePages::create(w.first, w.pages().pages()));
    w.native = native;
    auto const registered { os::register_range(Process::userfaultfd(), w.addresses) };
    if (!registered) {
        native->release();
        w.native = nullptr;
    }
    return registered;
}

Status close_all_again(Window &w) noexcept { return os::register_range(Process::userfaultfd(), w.addresses); }

Status close(Window &w, PageRange r) noexcept
{
    // Registering what is registered already changes nothing: one call covers every native run of the range.
    if (w.native->any(r)) {
        auto const part { w.addresses_of(r) };
        auto const forbidden { forbid_huge_mappings(w, part) };
        if (forbidden && os::register_range(Process::userfaultfd(), part))
            w.native->set(r, false);
        else if (!consolidate(w)) // out of VMAs: merging needs none
            return Error::at_page(Why::no_memory, r.first(), "userfaultfd.close");
        if (!native_budget_left())
            (void)consolidate(w);
    }
    if (!os::zap(w.addresses_of(r)))
        return Error::at_page(Why::no_memory, r.first(), "userfaultfd.zap");
    return Ok {};
}

Status can_open(Window &, PageRange) noexcept { return Ok {}; } // recovery can always install

void open(Window &w, PageRange r, Opening how) noexcept
{
    // A huge page is mapped as one when it is open natively, and as 512 pages when they are installed.
    auto const most { w.file->has_huge_pages() ? pages_per_mega - 1 : most_pages_to_install };
    if ((how == Opening::native || r.pages() > most) && open_natively(w, r))
        return;
    for (auto at { r.first() }; at < r.last();) {
        auto const registered { w.native->next_run(*PageRange::make(at, r.last()), false) };
        if (!registered)
            return;
        install(w, *registered);
        at = registered->last();
    }
}

Status reopen(Window &w, PageNo p) noexcept
{
    auto const page { PageRange::one(p) };
    if (w.native->test(p)) { // opened meanwhile: the access will succeed when it is repeated, if memory can be had
        if (allocate(w, page))
            return Ok {};
        return Error::at_page(Why::no_memory, p, "userfaultfd.populate");
    }
    for (int attempt { 0 }; attempt < 8; ++attempt) {
        auto const done { os::continue_range(Process::userfaultfd(), w.addresses_of(page)) };
        if (done.stopped_by == 0 || done.stopped_by == EEXIST)
            return Ok {};
        if (done.stopped_by == EFAULT) {
            if (!allocate(w, page))
                break;
        } else if (done.stopped_by != EAGAIN) {
            break;
        }
    }
    return Error::at_page(Why::no_memory, p, "userfaultfd.reopen");
}

void open_lazily(Window &w, PageRange r) noexcept { (void)open_natively(w, r); }

} // namespace gmem::memory::userfaultfd_gate
