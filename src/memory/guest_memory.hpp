#pragma once
// One guest_memfd: the file, who may see which page of it, and the guest's view of all of it.
//
// Invariants (audit() proves those that can be seen):
//   G1  the file's size is ControlBlock::file_size(pages()), sealed.
//   G2  an attribute changes only in convert(), all or nothing, under the control block's lock.
//   G3  in no process is a private page reachable through a host window when convert() to private returns Ok.
//   G4  the view reaches every page and is neither forked nor dumped.
//   G5  the object is used between create() and the release() of the last reference; its memory is type-stable for ever, so a
//       stale pointer reads "not in use", never something else.

#include "crypto/primitives.hpp"
#include "memory/agent.hpp"
#include "memory/control_block.hpp"
#include "memory/file_figures.hpp"
#include "memory/hidden_file.hpp"
#include "memory/opening.hpp"
#include "memory/window.hpp"
#include "observe/recording.hpp"
#include "os/own_copy.hpp"

#include <atomic>

namespace gmem::memory {

// May the program map the file? GUEST_MEMFD_FLAG_MMAP.
enum class Windows : std::uint8_t { refused, allowed };

// Has the VM that made the file private memory? Without it every conversion is EINVAL (specification 2.2 (6)); kvm/ checks.
enum class Conversions : std::uint8_t { refused, allowed };

// The VM that made the file, as far as memory/ cares: 0 is nobody.
enum class Owner : std::uint64_t {};

class GuestMemory final {
public:
    struct Birth final {
        PageNo pages;
        Attribute initial;
        Windows windows;
        Conversions conversions { Conversions::allowed };
        Owner owner {};
        // The trusted side of that VM. Of a kind that encrypts: crypto::primitives() must be there.
        platform::Kind platform { platform::Kind::sw_protected };
        platform::Phase phase { platform::Phase::running };
        platform::Options options {};
        std::uint16_t vm_id { 0 };      // VmState::id
        std::byte const *key { nullptr }; // of crypto::xts_key_bytes; needed by a kind that encrypts
    };

    // Half of the 47-bit address space would be one view: enough for any guest, and ENOMEM beyond.
    static constexpr PageNo most_pages { (std::uint64_t { 64 } << 40) >> page_bits };

    // One reference for the caller. ENOMEM, or the errno of what the host refuses (Process::start).
    static Result<GuestMemory *> create(Birth birth) noexcept;

    // The gmem behind a descriptor of the program that came from elsewhere: over a socket, or through exec. One reference for the
    // caller; an object that this process has already is found again. EBADF: not a gmem. EACCES: another user's.
    static Result<GuestMemory *> adopt(int fd) noexcept;

    // References: one a descriptor of the program, one a window, one an operation under way.
    void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    // For a pointer that was read without a lock: false when the memory is already going away.
    bool try_acquire() noexcept;
    void release() noexcept;
    void release_locked() noexcept; // the caller holds Space::lock(): a record of a window goes
    bool in_use() const noexcept { return used_.load(std::memory_order_acquire); }

    // Sets the attribute of `r` (inside the file). Ok, or EAGAIN / ENOMEM with the offending byte, and nothing changed.
    // guest_memfd specification 2.2 steps 11-15. `mode`: of versions of the proposal that have it; EOPNOTSUPP where the platform cannot keep it.
    // `event`: the caller says what was asked, this says what came of it, in the order in which the file saw it. done() is the caller's.
    Status convert(PageRange r, Attribute to, platform::ContentMode mode, observe::Recording &event) noexcept;

    Attribute at(PageNo p) const noexcept { return attributes().at(p); }
    AttributeMap attributes() const noexcept { return control_.attributes(); }

    // The first run in [from, limit) that windows may open: shared, and with huge pages in settled extents only.
    std::optional<PageRange> next_run_to_open(PageNo from, PageNo limit) const noexcept;

    // With huge pages (huge_pages.hpp):
    bool has_huge_pages() const noexcept { return header().identity.huge_pages != 0; }
    ExtentMap extents() const noexcept { return control_.extents(); }
    bool stage_extents(PageRange r) noexcept { return control_.stage_extents(r); }
    // Not in a forked child: the guests run in its parent.
    bool gives_back() const noexcept { return gives_back_; }

    // fallocate(KEEP_SIZE | PUNCH_HOLE): pages go, attributes stay. `r` may end beyond the file.
    Status punch(PageRange r) noexcept;
    Status punch(PageRange r, observe::Recording &event) noexcept; // as convert()
    // fallocate(KEEP_SIZE): `r` inside the file.
    Status allocate(PageRange r) noexcept;

    // What a guest would read and write, for callers without a VM: page n is its frame n. As guest_touch() answers.
    Status read_as_guest(Bytes offset, void *to, std::size_t size) noexcept;
    Status write_as_guest(Bytes offset, void const *from, std::size_t size) noexcept;

    // Opens the shared runs of `part` (of the window; it may end beyond the file). Cannot fail: what stays closed is recovered when it is touched.
    // Callers hold Space::lock() too.
    void open_shared(Window &w, PageRange part, Opening how) noexcept GMEM_REQUIRES(header().lock);

    // Re-opens one page after its window raised SIGBUS; see Space::recover.
    Status reopen(Window &w, PageNo p) noexcept GMEM_REQUIRES(header().lock);

    Windows windows() const noexcept { return windows_; }
    Owner owner() const noexcept { return owner_; }
    Conversions conversions() const noexcept { return conversions_; }
    PageNo pages() const noexcept { return pages_; }
    Bytes size() const noexcept { return pages_.to_bytes(); }
    std::uintptr_t view() const noexcept { return view_; }
    os::AddressRange view_of(PageRange r) const noexcept { return { view_ + raw(r.offset()), view_ + raw(r.offset()) + raw(r.length()) }; }
    os::HelperFd file() const noexcept { return file_; }
    os::OwnCopy &own_copy() noexcept { return own_copy_; }
    ControlHeader &header() const noexcept { return control_.header(); }
    FileFacts const &facts() const noexcept { return facts_; }
    FileFigures const &figures() const noexcept { return figures_; }
    // A new descriptor for the program, the lowest free number: O_PATH, so that whatever does not pass through gmem gets EBADF.
    Result<int> open_for_program(int more_flags = 0) const noexcept;
    // Bytes of the guest's pages that are in memory now.
    Result<Bytes> allocated() const noexcept;

    // A memory failure that --inject made: nobody gets at its bytes any more.
    bool is_poisoned(PageNo p) const noexcept;

    // The end of what a window can show: the window's last page or the end of the file.
    PageNo last_page_of(Window const &w) const noexcept { return w.pages().last() < pages_ ? w.pages().last() : pages_; }

    // A memslot may outlive the memory: with `guard` the view's addresses then stay taken, unreadable, until forget_view().
    enum class ViewFate : std::uint8_t { unmap, guard };
    void view_fate(ViewFate f) noexcept { view_fate_ = f; }

    // This process may have open pages from now on (ControlHeader::attached), or has none left.
    void attach() noexcept GMEM_REQUIRES(header().lock);
    void detach() noexcept;
    // No other living process may have pages open.
    bool alone() const noexcept GMEM_REQUIRES(header().lock);

    // The trusted side (trusted_side.hpp).
    ControlBlock const &control() const noexcept { return control_; }
    ControlBlock &control() noexcept { return control_; }
    // In the machine that is modelled: no two files share a page.
    std::uint64_t first_physical() const noexcept { return facts_.inode << 34; }
    crypto::Cipher *cipher() const noexcept { return cipher_; }
    // Who accepts a page that has just become the guest's: a real guest cannot execute what its platform has for that.
    enum class Accepts : std::uint8_t { guest, gmem };
    // The guest uses a page, at the frame where a memslot has it. ENOMEM, or what KVM's fault path answers for the platform.
    Status guest_touch(PageNo p, std::uint64_t frame, Accepts who) noexcept;
    // The guest asks for `r` to be converted: its vCPU exits with that to the VMM.
    void guest_asks(PageRange r, Attribute to) noexcept;
    // A memslot that had `r` at frames from `first_frame` on is gone.
    void slot_gone(PageRange r, std::uint64_t first_frame) noexcept;
    // Must a page be the platform's before the guest may reach it?
    bool guest_is_gated() const noexcept;
    // What the VM's launch has come to: for all processes, from now on.
    void set_phase(platform::Phase p) noexcept { header().vm.phase.store(p, std::memory_order_release); }

    // Pins a range of shared pages: until unpin() with the same arguments, or the end of this process, it cannot become private.
    // EFAULT: a page is private. ENOMEM: too many pins.
    Status pin(PageRange r, PinKind kind, std::uint64_t token) noexcept;
    Status unpin(PageRange r, PinKind kind, std::uint64_t token) noexcept; // EINVAL: no such pin
    void unpin_all(PinKind kind, std::uint64_t token) noexcept;
    std::uint32_t pins() const noexcept { return control_.pins().live(); }

    // nullptr: healthy; otherwise the broken invariant.
    char const *audit() noexcept;

private:
    friend class FileLocked;
    friend class Fork;
    friend struct GuestWindow;
    friend class HugePages;
    friend class Pool;

    Status join() noexcept; // makes this process a member
    Status take_cipher() noexcept;
    void complete_interrupted() noexcept GMEM_REQUIRES(header().lock);
    Status take_place(os::HelperFd file, Identity const &identity) noexcept;
    void give_place_back() noexcept;

    std::optional<PageRange> next_sound_run(PageNo from, PageNo limit) const noexcept;
    Status convert_once(PageRange r, Attribute to, platform::ContentMode mode, observe::Recording &event) noexcept;
    Status convert_locked(PageRange r, Attribute to, platform::ContentMode mode, observe::Recording &event) noexcept GMEM_REQUIRES(header().lock);
    Status to_private_locked(PageRange r, platform::ContentEffect effect, observe::Recording &event, CountedConversion &counted) noexcept GMEM_REQUIRES(header().lock);
    Status to_shared_locked(PageRange r, platform::ContentEffect effect, observe::Recording &event, CountedConversion &counted) noexcept GMEM_REQUIRES(header().lock);
    Status close_everywhere(PageRange r) noexcept GMEM_REQUIRES(header().lock);
    Status close_to_guest(PageRange r) noexcept GMEM_REQUIRES(header().lock); // before the platform gives pages of it up. ENOMEM
    Status punch_inside(PageRange r) noexcept GMEM_REQUIRES(header().lock);
    Status punch_locked(PageRange r) noexcept GMEM_REQUIRES(header().lock);
    Status unused_locked(PageRange r) noexcept GMEM_REQUIRES(header().lock);
    void detach_pins_locked(PageRange r) noexcept GMEM_REQUIRES(header().lock); // the pages were punched
    void destroy() noexcept; // without a guest's window
    void continue_in_child() noexcept;
    Status map_view() noexcept; // at view_, whose addresses are taken

    std::atomic<bool> used_ { false }; // the pool may hand the object out again when false
    std::atomic<std::uint64_t> references_ { 0 };
    PageNo pages_ { 0 };
    Windows windows_ { Windows::refused };
    Owner owner_ {};
    Conversions conversions_ { Conversions::allowed };
    os::HelperFd file_ { os::HelperFd::none };
    os::OwnCopy own_copy_; // of file_
    std::uintptr_t view_ { 0 };
    ViewFate view_fate_ { ViewFate::unmap };
    ControlBlock control_;
    bool has_control_ { false };
    Agent agent_;
    FileFacts facts_ {};
    FileFigures figures_;
    int copy_for_child_ { -1 }; // only between Fork::prepare() and the end of fork()
    bool gives_back_ { false };
    std::uintptr_t guest_window_ { 0 };
    crypto::Cipher *cipher_ { nullptr }; // of header().vm.key, where the platform encrypts
};

// The lock of one gmem for a scope. Taking it makes this process a member first, which may fail: then nothing is locked, and the scope
// must be left with error().
class GMEM_SCOPED_CAPABILITY FileLocked final {
public:
    enum class Patience : std::uint8_t { endless, bounded }; // bounded: EAGAIN after Process::peer_timeout()

    explicit FileLocked(GuestMemory &g, Patience patience = Patience::endless) noexcept GMEM_ACQUIRE(g.header().lock);
    ~FileLocked() GMEM_RELEASE();
    FileLocked(FileLocked const &) = delete;

    explicit operator bool() const noexcept { return lock_ != nullptr; }
    Error error() const noexcept { return error_; }

private:
    FileLock *lock_ { nullptr };
    Error error_ { Error::of(Why::no_memory, "lock") };
};

} // namespace gmem::memory
