// fread and fwrite: libc's own read and write inside them do not pass through us, so with huge pages, where pages of a window are
// closed until their extent is settled, they would meet EFAULT. What they are about to touch is opened before.

#include "memory/huge_pages.hpp"
#include "memory/space.hpp"
#include "preload/answer.hpp"
#include "preload/next.hpp"

#include <cstdio>

using namespace gmem;

namespace {

void prepare(void const *buffer, std::size_t size, std::size_t count) noexcept
{
    std::size_t length { 0 };
    if (!memory::HugePages::wished() || __builtin_mul_overflow(size, count, &length) || length == 0) [[likely]]
        return;
    auto const begin { reinterpret_cast<std::uintptr_t>(buffer) };
    os::AddressRange const r { begin & ~(page_size - 1), (begin + length + page_size - 1) & ~(page_size - 1) };
    if (!memory::Space::touches(r)) [[likely]]
        return;
    preload::ErrnoKept kept;
    memory::Space::prepare_lock(r);
}

} // namespace

extern "C" std::size_t __fread_chk(void *, std::size_t, std::size_t, std::size_t, FILE *);
extern "C" std::size_t __fread_unlocked_chk(void *, std::size_t, std::size_t, std::size_t, FILE *);

GMEM_EXPORT std::size_t fread(void *to, std::size_t size, std::size_t count, FILE *stream)
{
    prepare(to, size, count);
    return GMEM_NEXT(fread)(to, size, count, stream);
}
GMEM_EXPORT std::size_t fread_unlocked(void *to, std::size_t size, std::size_t count, FILE *stream)
{
    prepare(to, size, count);
    return GMEM_NEXT(fread_unlocked)(to, size, count, stream);
}
GMEM_EXPORT std::size_t __fread_chk(void *to, std::size_t room, std::size_t size, std::size_t count, FILE *stream)
{
    prepare(to, size, count);
    return GMEM_NEXT(__fread_chk)(to, room, size, count, stream);
}
GMEM_EXPORT std::size_t __fread_unlocked_chk(void *to, std::size_t room, std::size_t size, std::size_t count, FILE *stream)
{
    prepare(to, size, count);
    return GMEM_NEXT(__fread_unlocked_chk)(to, room, size, count, stream);
}
GMEM_EXPORT std::size_t fwrite(void const *from, std::size_t size, std::size_t count, FILE *stream)
{
    prepare(from, size, count);
    return GMEM_NEXT(fwrite)(from, size, count, stream);
}
GMEM_EXPORT std::size_t fwrite_unlocked(void const *from, std::size_t size, std::size_t count, FILE *stream)
{
    prepare(from, size, count);
    return GMEM_NEXT(fwrite_unlocked)(from, size, count, stream);
}
