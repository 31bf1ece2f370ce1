// What is done with a file itself: made, mapped, punched, touched, pinned.

#include "checker/possible.hpp"
#include "checker/world.hpp"
#include "spec/create.hpp"
#include "spec/file_operations.hpp"

#include <algorithm>
#include <cerrno>

namespace gmem::checker {
namespace {

bool one_of(int err, std::initializer_list<int> choices) { return std::find(choices.begin(), choices.end(), err) != choices.end(); }

spec::Complaint must_be(std::string section, int must) { return section + ": errno must be " + errno_name(must); }

// Bytes that the file surely has not got.
bool may_lie_beyond(FileModel const &f, std::uint64_t offset) { return !f.size || offset >= *f.size; }

} // namespace

spec::Complaint check_create(World &w, Moment const &m)
{
    auto const &e { m.event() };
    spec::CreateCall const call { .size = e.size, .flags = e.more[0] };
    if (one_of(m.err(), { EFAULT, EMFILE, ENFILE, ENOMEM, EINTR }))
        return std::nullopt;
    FileModel made;
    made.vm = w.vm_of(e);
    if (m.now.step->arguments_known) {
        made.private_memory = e.more[4] != 0;
        if (e.more[2] <= static_cast<std::uint64_t>(spec::Platform::cca))
            made.platform = static_cast<spec::Platform>(e.more[2]);
        if (!w.facts.in_place)
            w.facts.in_place = e.more[5] == 0; // the files are who tracks what is private
        spec::Complaint first;
        bool allowed { false };
        for (auto const &world : possible_worlds(made, w.facts)) {
            auto const must { spec::create_errno(call, world.vm) };
            allowed = allowed || must == m.err();
            if (must != m.err() && !first)
                first = must_be("1.3, 1.5", must);
        }
        if (!allowed)
            return first;
        if (m.err() != 0)
            return std::nullopt;
        if (made.vm.number != 0) {
            auto &vm { w.vm(made.vm) };
            vm.private_memory = made.private_memory;
            vm.platform = made.platform;
        }
        auto const one { spec::created({ page_size, call.flags }, {}) };
        made.pages = PageMap { one.pages[0].state == spec::PageState::shared ? Known::shared : Known::private_ };
        made.size = call.size;
        made.mmap = one.mmap;
    }
    if (m.err() == 0)
        w.files[e.file] = made;
    return std::nullopt;
}

spec::Complaint check_fallocate(World &w, Moment const &m)
{
    auto const &e { m.event() };
    auto &file { w.file(e.file) };
    bool const punches { e.kind == observe::Kind::punch };
    if (!punches && one_of(m.err(), { EINTR, ENOMEM, ENOSPC }))
        return std::nullopt;
    // A hole without a mode has the only one that it can have.
    auto const mode { e.more[0] == 0 && punches ? spec::keep_size | spec::punch_hole : static_cast<int>(e.more[0]) };
    spec::FallocateCall const call { mode, static_cast<std::int64_t>(e.offset), static_cast<std::int64_t>(e.size) };
    spec::Complaint first;
    for (auto const size : file.size ? std::vector { *file.size } : std::vector { file.longest, file.at_least }) {
        auto const must { spec::fallocate_errno(size, call) };
        if (must == m.err()) {
            if (!punches && m.err() == 0)
                file.at_least = std::max(file.at_least, e.offset + e.size);
            return std::nullopt;
        }
        if (!first)
            first = must_be("4.4", must);
    }
    return first;
}

spec::Complaint check_map(World &w, Moment const &m)
{
    auto const &e { m.event() };
    auto &file { w.file(e.file) };
    // What Linux says of any mapping: no room, a bad address, one that is taken, too much locked memory.
    if (one_of(m.err(), { ENOMEM, EEXIST, EAGAIN, EINVAL, EOVERFLOW }))
        return std::nullopt;
    constexpr std::uint64_t executable { 4 };
    spec::Complaint first;
    for (bool const mmap : file.mmap ? std::vector { *file.mmap } : std::vector { true, false }) {
        auto const must { spec::mmap_errno({ {}, mmap, {} }, { .length = e.size, .shared = true, .executable = (e.more[2] & executable) != 0 }) };
        if (must == m.err()) {
            file.mmap = mmap;
            return std::nullopt;
        }
        if (!first)
            first = must_be("4.4", must);
    }
    return first;
}

// The program met a page that it may not touch: SIGBUS, or EFAULT in a system call.
spec::Complaint check_access(World &w, Moment const &m)
{
    auto const &e { m.event() };
    auto &file { w.file(e.file) };
    bool const by_kernel { e.kind == observe::Kind::kernel_access };
    auto const first { e.offset / page_size };
    auto const last { by_kernel ? std::max(pages_of(e).last, first + 1) : first + 1 };
    bool const refused { file.pages.any(first, last, Known::private_) || file.pages.any(first, last, Known::unknown) };
    constexpr std::uint16_t no_memory { 2 }; // observe::word::places; 4.1 (3)
    if (!refused && e.value != no_memory && !may_lie_beyond(file, (last - 1) * page_size) && !disturbed(m.at_once, first, last))
        return by_kernel ? "4.1: the pages are shared: a system call reaches them" : "4.1 (2): page " + std::to_string(first) + " is shared: an access works";
    if (last == first + 1 && file.size && e.value != no_memory && !disturbed(m.at_once, first, last))
        file.pages.set(first, last, Known::private_);
    return std::nullopt;
}

// A pin is taken through a window: only what can be touched can be pinned.
spec::Complaint check_pin(World &w, Moment const &m)
{
    auto const &e { m.event() };
    auto &file { w.file(e.file) };
    auto const [first, last] { pages_of(e) };
    if (m.err() != 0 || disturbed(m.at_once, first, last))
        return std::nullopt;
    if (file.pages.any(first, last, Known::private_))
        return "4.1: a private page cannot be pinned (EFAULT)";
    file.pages.set(first, last, Known::shared);
    return std::nullopt;
}

} // namespace gmem::checker
