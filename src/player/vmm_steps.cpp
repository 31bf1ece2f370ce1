// What the VMM does to memory: conversions, accesses, file operations.

#include "player/perform.hpp"
#include "scenario/operations.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>

namespace gmem::player {
namespace {

using scenario::Does;

constexpr std::uint64_t page { driver::page_size };

struct OldAttributes final {
    std::uint64_t address, size, attributes, flags;
};
constexpr unsigned long set_memory_attributes { _IOW(KVMIO, 0xd2, OldAttributes) };
static_assert(set_memory_attributes == 0x4020AED2);

int errno_of(long result) { return result == -1 ? errno : 0; }

int pass_to_kernel(Region const &region, std::uint64_t offset, std::uint64_t size)
{
    int ends[2];
    driver::must("pipe", ::pipe2(ends, O_CLOEXEC | O_NONBLOCK));
    driver::Descriptor const out { ends[0] }, in { ends[1] };
    return errno_of(::write(in.get(), region.own ? region.own->at(offset) : region.window->at(offset), size));
}

} // namespace

void do_conversion(Stage &stage, scenario::Step const &step, Seen &seen)
{
    auto const &g { step.given };
    auto const size { g.size.value_or(page) };
    if (step.operation->does == Does::convert_by_vm) {
        OldAttributes a { stage.gpa(*g.at), size, *g.to_private ? MEMORY_ATTRIBUTE_PRIVATE : 0, 0 };
        seen.error = errno_of(::ioctl(stage.vm().fd(), set_memory_attributes, &a));
        return;
    }
    auto const &file { *stage.region(g.at->memory).file };
    auto const done { file.convert(g.at->offset, size, *g.to_private ? driver::To::private_ : driver::To::shared, g.mode.value_or(0)) };
    seen.error = done.err;
    if (done.err != 0)
        seen.error_offset = done.error_offset;
}

void do_access(Stage &stage, scenario::Step const &step, Seen &seen)
{
    auto const &g { step.given };
    auto const does { step.operation->does };
    auto const size { g.size.value_or(page) };
    if (does == Does::pass_to_kernel) {
        seen.error = pass_to_kernel(stage.region(g.at->memory), g.at->offset, size);
    } else if (does == Does::write) {
        seen.sigbus = !stage.write(*g.at, g.words.empty() ? filled(g.text.value_or(""), size) : of_words(g.words, size));
    } else {
        Bytes bytes(does == Does::touch ? 1 : size);
        seen.sigbus = !stage.read(*g.at, bytes);
        if (!*seen.sigbus && does == Does::read)
            seen.bytes = bytes;
    }
}

void do_file(Stage &stage, scenario::Step const &step, Seen &seen)
{
    auto const &g { step.given };
    switch (step.operation->does) {
    case Does::punch:
        seen.error = stage.region(g.at->memory).file->punch(g.at->offset, g.size.value_or(page));
        break;
    case Does::allocate:
        seen.error = errno_of(::fallocate(stage.region(g.at->memory).file->fd(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(g.at->offset), static_cast<off_t>(g.size.value_or(page))));
        break;
    case Does::map: {
        auto const &file { *stage.region(*g.memory).file };
        void *const at { ::mmap(nullptr, file.size(), PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0) };
        seen.error = at == MAP_FAILED ? errno : 0;
        if (at != MAP_FAILED)
            ::munmap(at, file.size());
        break;
    }
    default:
        seen.value = static_cast<std::uint64_t>(stage.vm().extension(static_cast<std::uint32_t>(*g.number)));
    }
}

// vmsplice() without SPLICE_F_GIFT takes a reference to each page; it goes when the bytes have left the pipe, or the pipe has gone.
void do_device(Stage &stage, scenario::Step const &step, Seen &seen)
{
    if (step.operation->does == Does::unpin) {
        stage.pipes.clear();
        return;
    }
    auto const &g { step.given };
    auto const size { g.size.value_or(page) };
    int ends[2];
    driver::must("pipe", ::pipe2(ends, O_CLOEXEC | O_NONBLOCK));
    stage.pipes.emplace_back(ends[0]);
    stage.pipes.emplace_back(ends[1]);
    iovec const bytes { stage.region(g.at->memory).window->at(g.at->offset), size };
    seen.error = errno_of(::vmsplice(ends[1], &bytes, 1, 0));
}

} // namespace gmem::player
