// How a World looks at bytes: through windows, from the kernel, from the guest's side, and from a forked child.

#include "tests/conformance/differences.hpp"
#include "tests/generated/cells.hpp"
#include "tests/generated/compare.hpp"
#include "tests/generated/world.hpp"

#include "spec/access.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gmem::generated {
namespace {

std::uint64_t cell_of(std::uint64_t offset) { return offset - offset % page_size + cell_in_page(offset); }

struct Pipe final {
    int ends[2];
    Pipe() { [[maybe_unused]] auto const result { pipe2(ends, O_NONBLOCK | O_CLOEXEC) }; }
    static Pipe &here()
    {
        static Pipe p;
        return p;
    }
};

} // namespace

spec::Complaint World::read_page(Window const &w, std::uint64_t offset) const
{
    auto const in_file { w.offset + offset };
    bool const must { spec::access(w.file->model, in_file) == spec::AccessOutcome::works };
    auto const at { cell_of(offset) };
    return compare_touch(touch_read(w.address + at), must, must ? spec::content(w.file->model, in_file) : 0, w.address + at, in_file);
}

spec::Complaint World::states(File const &f, std::uint64_t first, std::uint64_t last) const
{
    if (f.handles.empty())
        return std::nullopt;
    for (auto p { first }; p < last; ++p) {
        auto const seen { subject_.state(f.handles.front(), p * page_size) };
        if (!seen)
            return std::nullopt;
        if (*seen != f.model.pages[p].state)
            return "2.2: the attribute of page " + std::to_string(p) + " is " + (*seen == spec::PageState::shared ? "shared" : "private");
    }
    return std::nullopt;
}

// Attributes of the range and of its neighbours, or of the whole file where that is cheap; its first page through every window.
spec::Complaint World::look_at(File const &f, std::uint64_t first, std::uint64_t last) const
{
    auto const pages { f.model.pages.size() };
    bool const small { pages <= 64 };
    auto const from { small || first == 0 ? 0 : first - 1 };
    if (auto const c { states(f, std::min<std::uint64_t>(from, pages), small ? pages : std::min<std::uint64_t>({ last + 1, pages, from + 64 })) })
        return c;
    if (auto const end { std::min<std::uint64_t>(last + 1, pages) }; !small && end > 2)
        if (auto const c { states(f, end - 2, end) })
            return c;
    for (auto const &w : windows_)
        if (w.file == &f && first >= w.offset / page_size && first - w.offset / page_size < w.pages)
            if (auto const c { read_page(w, first * page_size - w.offset) })
                return c;
    return peers_look_at(f, first, std::min(last, pages));
}

spec::Complaint World::check_everything()
{
    for (auto const &f : files_) {
        if (auto const c { states(*f, 0, f->model.pages.size()) })
            return c;
        if (f->handles.empty())
            continue;
        auto const step { f->model.pages.size() / 1024 + 1 };
        for (std::uint64_t p { 0 }; p < f->model.pages.size(); p += step)
            if (auto const seen { subject_.guest_read(f->handles.front(), p * page_size + cells[p % cells.size()]) }; seen && *seen != f->model.pages[p].byte)
                return "2.6, 4.3: the guest reads " + std::to_string(*seen) + " from page " + std::to_string(p) + ", must be " + std::to_string(f->model.pages[p].byte);
        if (auto const c { subject_.audit(f->handles.front()) })
            return c;
    }
    for (auto const &w : windows_) {
        auto const step { w.pages / 512 + 1 };
        for (std::uint64_t p { 0 }; p < w.pages; p += step)
            if (auto const c { read_page(w, p * page_size + p % cells.size()) })
                return c;
    }
    for (auto const &p : peers_)
        if (auto const c { everything_in(p) })
            return c;
    return std::nullopt;
}

spec::Complaint World::act(Read const &op)
{
    auto const *const w { window(op.window) };
    return w ? read_page(*w, op.offset % (w->pages * page_size)) : std::nullopt;
}

spec::Complaint World::act(Write const &op)
{
    auto *const w { window(op.window) };
    if (!w)
        return std::nullopt;
    auto const offset { op.offset % (w->pages * page_size) };
    auto const page { offset / page_size };
    auto const cell { offset % cells.size() };
    auto *const address { w->address + page * page_size };
    bool const must { spec::access(w->file->model, w->offset + offset) == spec::AccessOutcome::works };
    auto const seen { write_cells(address, static_cast<std::uint8_t>(op.value), cell) };
    if (auto const c { compare_touch(seen, must, 0, address + cells[cell], w->offset + offset) })
        return c;
    if (must)
        w->file->model.pages[w->offset / page_size + page].byte = static_cast<std::uint8_t>(op.value);
    return read_page(*w, offset);
}

spec::Complaint World::act(KernelRead const &op)
{
    auto *const w { window(op.window) };
    if (!w)
        return std::nullopt;
    auto const offset { op.offset % (w->pages * page_size) };
    auto const length { std::clamp<std::uint64_t>(op.length, 1, std::min(page_size, w->pages * page_size - offset)) };
    bool const must { spec::kernel_can_access(w->file->model, w->offset + offset, length) };
    if (!subject_.features().recovers_in_calls)
        for (auto p { offset / page_size }; p <= (offset + length - 1) / page_size; ++p)
            touch_read(w->address + p * page_size);
    auto const seen { write(Pipe::here().ends[1], w->address + offset, length) };
    auto const err { seen < 0 ? errno : 0 };
    std::array<std::uint8_t, page_size> bytes {};
    if (seen > 0 && read(Pipe::here().ends[0], bytes.data(), bytes.size()) != seen)
        return "the pipe lost bytes";
    if (err != (must ? 0 : EFAULT) || (must && seen != static_cast<ssize_t>(length)))
        return "4.1: a system call that reads offset " + std::to_string(w->offset + offset) + " length " + std::to_string(length) + " of the window: errno " + std::to_string(err);
    for (std::uint64_t i { 0 }; must && i < length; ++i)
        if (auto const at { offset + i }; std::find(cells.begin(), cells.end(), at % page_size) != cells.end() && bytes[i] != spec::content(w->file->model, w->offset + at))
            return "2.6: a system call read " + std::to_string(bytes[i]) + " at offset " + std::to_string(w->offset + at);
    return std::nullopt;
}

spec::Complaint World::act(KernelWrite const &op)
{
    auto *const w { window(op.window) };
    if (!w)
        return std::nullopt;
    auto const page { op.offset % (w->pages * page_size) / page_size };
    auto const in_file { w->offset + page * page_size };
    bool const must { spec::access(w->file->model, in_file) == spec::AccessOutcome::works };
    auto const value { static_cast<std::uint8_t>(op.value) };
    if (!subject_.features().recovers_in_calls)
        touch_read(w->address + page * page_size);
    std::array<std::uint8_t, cells.size()> const bytes { value, value, value };
    if (write(Pipe::here().ends[1], bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
        return "the pipe is full";
    std::array<iovec, cells.size()> vector {};
    for (std::size_t i { 0 }; i < cells.size(); ++i)
        vector[i] = { w->address + page * page_size + cells[i], 1 };
    auto const seen { readv(Pipe::here().ends[0], vector.data(), static_cast<int>(vector.size())) };
    auto const err { seen < 0 ? errno : 0 };
    if (seen != static_cast<ssize_t>(bytes.size())) {
        std::array<std::uint8_t, 16> rest {};
        while (read(Pipe::here().ends[0], rest.data(), rest.size()) > 0) {}
    }
    if (err != (must ? 0 : EFAULT))
        return "4.1: a system call that writes offset " + std::to_string(in_file) + " of the window: errno " + std::to_string(err);
    if (must)
        w->file->model.pages[in_file / page_size].byte = value;
    return read_page(*w, page * page_size);
}

spec::Complaint World::act(GuestWrite const &op)
{
    auto *const f { with_descriptor(op.file) };
    if (!f)
        return std::nullopt;
    auto const page { op.offset / page_size % f->model.pages.size() };
    auto const value { static_cast<std::uint8_t>(op.value) };
    for (auto const cell : cells)
        if (!subject_.guest_write(f->handles.back(), page * page_size + cell, value))
            return std::nullopt;
    f->model.pages[page].byte = value;
    return look_at(*f, page, page + 1);
}

// What a guest meets: sections 4.2, 4.4, 6.2 and 6.4.
spec::Complaint World::act(GuestTouch const &op)
{
    auto *const v { vm(op.vm) };
    if (!v)
        return std::nullopt;
    auto const gpa { guest_base + op.gpa % (std::uint64_t { 1 } << 24) };
    auto const must { spec::guest_access(v->slots, gpa) };
    File *behind { nullptr };
    for (auto const &f : files_)
        if (must.file == f->id)
            behind = f.get();
    if (must.what == spec::GuestMeets::userspace)
        return std::nullopt; // memory of the VMM, not of a guest_memfd
    if (must.what != spec::GuestMeets::mmio && !subject_.features().guests)
        return std::nullopt;
    if (behind && conformance::differences::slot_shows_userspace(behind->model.mmap, subject_.features().in_place))
        return std::nullopt;
    if (behind && behind->handles.empty() && behind->windows == 0 && conformance::differences::slot_loses_what_others_hold(subject_.features().in_place))
        return std::nullopt;
    auto const value { static_cast<std::uint8_t>(op.value) };
    auto const at { cell_of(gpa) };
    auto const seen { subject_.guest_touch(v->handle, at, op.store ? std::optional { value } : std::nullopt) };
    if (!seen)
        return std::nullopt;
    auto const meets { must.what == spec::GuestMeets::mmio ? GuestSeen::What::mmio : must.what == spec::GuestMeets::file ? GuestSeen::What::done : GuestSeen::What::efault };
    if (meets == GuestSeen::What::efault && seen->what == GuestSeen::What::mmio && subject_.features().unreachable_is_mmio)
        return std::nullopt; // what a KVM without hardware page tables may say instead
    if (seen->what != meets)
        return "4.2: the guest meets " + std::to_string(static_cast<int>(seen->what)) + " (" + std::to_string(seen->detail) + "), must be " + std::to_string(static_cast<int>(meets));
    if (meets == GuestSeen::What::mmio && seen->detail != at)
        return "4.4: MMIO at " + std::to_string(seen->detail) + ", must be " + std::to_string(at);
    if (!behind)
        return std::nullopt;
    auto &page { behind->model.pages[must.at / page_size] };
    if (!op.store && seen->detail != page.byte)
        return "2.6, 4.3: the guest reads " + std::to_string(seen->detail) + ", must be " + std::to_string(page.byte);
    if (op.store) {
        for (auto const cell : cells)
            if (auto const stored { subject_.guest_touch(v->handle, gpa - gpa % page_size + cell, value) }; !stored || stored->what != GuestSeen::What::done)
                return "4.2: a second store of the guest did not work";
        page.byte = value;
        return look_at(*behind, must.at / page_size, must.at / page_size + 1);
    }
    return std::nullopt;
}

// The child only acts; what it saw is judged here, by the same model: state belongs to the inode (4.1).
spec::Complaint World::act(InChild const &op)
{
    auto *const w { window(op.window) };
    if (!w)
        return std::nullopt;
    auto &f { *w->file };
    enum What : Number { reads, writes, to_private, to_shared, punches };
    auto const what { static_cast<What>(op.what % 5) };
    if (what >= to_private && f.handles.empty())
        return std::nullopt;
    if (what == to_private && !subject_.features().peers)
        return std::nullopt;
    auto const inside { op.page % w->pages };
    auto const first { w->offset / page_size + inside };
    auto *const address { w->address + inside * page_size };
    auto const size { std::max<Number>(op.pages, 1) * page_size };
    spec::ConvertCall const conversion { first * page_size, size, what == to_private ? spec::attribute_private : 0, 0, {} };
    spec::FallocateCall const punch { spec::keep_size | spec::punch_hole, static_cast<std::int64_t>(first * page_size), static_cast<std::int64_t>(size) };

    struct Seen {
        bool finished;
        Touched touched;
        spec::Outcome outcome;
        int err;
    };
    static auto *const seen { static_cast<Seen *>(mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) };
    *seen = {};
    auto const child { fork() };
    if (child == 0) {
        switch (what) {
        case reads:      seen->touched = touch_read(address + cells[op.value % cells.size()]); break;
        case writes:     seen->touched = write_cells(address, static_cast<std::uint8_t>(op.value), 0); break;
        case to_private:
        case to_shared:  seen->outcome = subject_.convert(f.handles.back(), conversion); break;
        case punches:    seen->err = subject_.fallocate(f.handles.back(), punch); break;
        }
        seen->finished = true;
        _exit(0);
    }
    int status { 0 };
    if (child < 0 || waitpid(child, &status, 0) != child || !seen->finished)
        return "the child did not come to its end: status " + std::to_string(status);

    bool const open { spec::access(f.model, first * page_size) == spec::AccessOutcome::works };
    switch (what) {
    case reads:
        return compare_touch(seen->touched, open, open ? spec::content(f.model, first * page_size) : 0, address + cells[op.value % cells.size()], first * page_size);
    case writes:
        if (auto const c { compare_touch(seen->touched, open, 0, address + cells[0], first * page_size) })
            return "in a child: " + *c;
        if (open)
            f.model.pages[first].byte = static_cast<std::uint8_t>(op.value);
        return read_page(*w, inside * page_size);
    case to_private:
    case to_shared: {
        bool const legal { spec::convert_argument_errno(f.model, conversion) == 0 };
        if (auto const c { spec::convert(f.model, conversion, seen->outcome) })
            return "in a child: " + *c + ", seen errno " + std::to_string(seen->outcome.err);
        return legal ? look_at(f, first, first + size / page_size) : std::nullopt;
    }
    case punches:
        return judge_fallocate(f, punch, seen->err);
    }
    return std::nullopt;
}

} // namespace gmem::generated
