#include "kvm/launch/populate.hpp"

#include "kvm/launch/program_page.hpp"
#include "memory/file_data.hpp"
#include "observe/clock.hpp"
#include "observe/inject.hpp"
#include "os/mapping_calls.hpp"

#include <algorithm>

namespace gmem::kvm::launch {
namespace {

// Without memory left ENOMEM, and no SIGBUS later. Kernels before 5.14 do not know the advice: there it comes when it is touched.
int give_memory(memory::GuestMemory const &file, PageRange r) noexcept
{
    auto const view { file.view_of(r) };
    auto const result { os::system_call(SYS_madvise, view.begin, view.length(), os::madv_populate_write) };
    return os::failed(result) && result != -EINVAL ? -ENOMEM : 0;
}

// A call may do one page after the other, of one file.
void note_page(observe::Recording &event, memory::GuestMemory const &file, PageNo p, bool written) noexcept
{
    if (event->size == 0) {
        event->file = file.facts().inode;
        event->offset = raw(p.to_bytes());
    }
    event->size += page_size;
    event->more[4] += !written;
}

// The page gets its memory before its attribute is looked at, and keeps it whatever follows.
int populate_page(FrameAttributes const *of_vm, Stretch const &of, std::uint64_t index, std::byte *source, Populator &to) noexcept
{
    auto &file { of.file };
    auto const p { of.first.plus(index) };
    auto const frame { of.frame + index };
    auto const one { PageRange::one(p) };
    bool const existed { memory::has_memory(file, p) };
    memory::FileLocked const guard { file };
    if (!guard)
        return -guard.error().err;
    if (auto const given { existed ? 0 : give_memory(file, one) }; given != 0)
        return given;
    memory::TrustedSide trusted { file };
    if (auto const staged { trusted.stage(one) }; !staged)
        return -staged.error().err;
    auto const attribute { of_vm ? of_vm->at(PageNo { frame }) : file.at(p) };
    if (attribute != Attribute::private_)
        return -EINVAL;
    auto const result { to.page({ trusted, p, frame, attribute, source, existed, file.facts().inode }) };
    trusted.settle(one);
    if (of.event && *of.event && result == 0) [[unlikely]]
        note_page(*of.event, file, p, existed || source);
    return result;
}

// --inject: before anything is done with the page.
int injected(memory::GuestMemory const &file, PageNo p) noexcept
{
    observe::Target const page { observe::Call::launch, file.facts().inode, raw(p.to_bytes()), page_size };
    if (observe::Inject::at(observe::Fault::eintr, page))
        return -EINTR;
    return observe::Inject::at(observe::Fault::enomem, page) ? -ENOMEM : 0;
}

} // namespace

Result<std::uint64_t> populate(Stretch const &of, std::uintptr_t source, FrameAttributes const *of_vm, os::SignalsBlocked const &signals, Populator &to) noexcept
{
    ProgramPage copy;
    std::uint64_t done { 0 };
    int error { 0 };
    auto *const figures { of.file.figures().entry() };
    if (figures) [[unlikely]]
        memory::begin(figures->launch, *PageRange::make(of.first, of.first.plus(of.pages)), Attribute::private_, observe::now());
    for (; done < of.pages && error == 0; done += error == 0) {
        if (figures) [[unlikely]]
            figures->launch.done.store(done << page_bits, std::memory_order_relaxed);
        if (signals.one_waits())
            error = -EINTR;
        else if (observe::Inject::on() && (error = injected(of.file, of.first.plus(done))) != 0) [[unlikely]]
            break;
        else if (source && !copy.read(source + done * page_size))
            error = -EFAULT;
        else
            error = populate_page(of_vm, of, done, source ? copy.bytes() : nullptr, to);
    }
    if (figures) [[unlikely]] {
        figures->launch.size.store(0, std::memory_order_relaxed);
        figures->launched_pages.fetch_add(done, std::memory_order_relaxed);
    }
    if (done == 0)
        return Error::with_errno(-error, "populate.page");
    return done;
}

Result<std::uint64_t> populate(Memory const &memory, std::uint64_t frame, std::uintptr_t source, std::uint64_t pages, Populator &to) noexcept
{
    if (memory.event && memory.event->size == 0) [[unlikely]]
        memory.event->more[0] = frame << page_bits;
    if (source % page_size != 0)
        return Error::with_errno(EINVAL, "populate.source");
    auto const *const slot { frame < (std::uint64_t { 1 } << 52) ? memory.slots.holding(frame << page_bits) : nullptr };
    if (!slot || !slot->bound())
        return Error::with_errno(EINVAL, "populate.slot");
    if (!slot->file_alive() || !slot->file->try_acquire())
        return Error::with_errno(EFAULT, "populate.file");
    auto &file { *slot->file }; // kept: another thread may close its last descriptor
    auto const into_slot { frame - (slot->gpa >> page_bits) };
    Stretch const stretch { file, PageNo::holding(Bytes { slot->file_offset }).plus(into_slot), frame, std::min(pages, (slot->size >> page_bits) - into_slot), &memory.event };
    auto done { populate(stretch, source, memory.mode.tracker == Tracker::files ? nullptr : &memory.frames, memory.signals, to) };
    file.release();
    return done;
}

} // namespace gmem::kvm::launch
