// include/gmem/gmem.h over memory/: checks the caller's numbers once, then speaks in types.

#include "gmem/gmem.h"

#include "library/guest.hpp"
#include "library/launch.hpp"
#include "library/prepare.hpp"
#include "library/trust.hpp"
#include "base/text.hpp"
#include "kvm/uapi.hpp"
#include "memory/guest_memory.hpp"
#include "memory/holds.hpp"
#include "memory/host_report.hpp"
#include "memory/memory_policy.hpp"
#include "memory/process.hpp"
#include "memory/sigbus.hpp"
#include "memory/space.hpp"
#include "memory/trusted_side.hpp"
#include "observe/recording.hpp"
#include "os/file_calls.hpp"
#include "os/signals.hpp"
#include "platform/pkvm/pending.hpp"
#include "platform/profile.hpp"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>

using namespace gmem;
using memory::GuestMemory;

namespace {

int negative(Error const &e) noexcept { return -e.err; }
int zero_or_negative(Status const &s) noexcept { return s ? 0 : negative(s.error()); }

// [offset, offset + size), page aligned, not empty, inside the file.
std::optional<PageRange> pages_inside(GuestMemory const &g, std::uint64_t offset, std::uint64_t size) noexcept
{
    if (offset % page_size || size % page_size || offset > raw(g.size()) || size > raw(g.size()) - offset)
        return std::nullopt;
    return PageRange::make(PageNo { offset >> page_bits }, PageNo { (offset + size) >> page_bits });
}

bool inside(GuestMemory const &g, std::uint64_t offset, std::size_t size) noexcept
{
    return offset <= raw(g.size()) && size <= raw(g.size()) - offset;
}

// The handle is the object: opaque to the caller, and nothing else to look up.
GuestMemory &memory_of(gmem_file *g) noexcept { return *reinterpret_cast<GuestMemory *>(g); }
GuestMemory const &memory_of(gmem_file const *g) noexcept { return *reinterpret_cast<GuestMemory const *>(g); }

// The last step of creation and import.
int handle_of(Result<GuestMemory *> made, gmem_file **out) noexcept
{
    if (!made)
        return negative(made.error());
    auto *const memory { std::move(made).take() };
    if (auto const installed { memory::Sigbus::install() }; !installed) {
        memory->release();
        return negative(installed.error());
    }
    *out = reinterpret_cast<gmem_file *>(memory);
    return 0;
}

// Page n is the guest's frame n.
int touch(GuestMemory &g, std::uint64_t offset, GuestMemory::Accepts who) noexcept
{
    auto const p { PageNo::holding(Bytes { offset }) };
    return offset < raw(g.size()) ? zero_or_negative(g.guest_touch(p, p.index(), who)) : -EINVAL;
}

library::Launch &launch_of(gmem_launch *l) noexcept { return *reinterpret_cast<library::Launch *>(l); }

constexpr std::uint64_t known_flags { GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED };

int create(std::uint64_t size, std::uint64_t flags, gmem_platform platform, char const *options, gmem_file **out) noexcept
{
    if ((flags & ~known_flags) || size == 0 || size > INT64_MAX || size % page_size)
        return -EINVAL;
    library::prepare_process();
    memory::GuestMemory::Birth birth { .pages = PageNo { size >> page_bits },
        .initial = flags & GMEM_FLAG_INIT_SHARED ? Attribute::shared : Attribute::private_,
        .windows = flags & GMEM_FLAG_MMAP ? memory::Windows::allowed : memory::Windows::refused };
    auto const trust { library::trust_of(platform, options) };
    if (!trust)
        return negative(trust.error());
    birth.platform = trust.value().kind;
    birth.phase = trust.value().phase;
    birth.options = trust.value().options;
    birth.vm_id = trust.value().id;
    birth.key = trust.value().key;
    return handle_of(GuestMemory::create(birth), out);
}

// A conversion as include/gmem/gmem.h has it.
int convert(GuestMemory &memory, std::uint64_t offset, std::uint64_t size, gmem_attribute to, std::uint64_t flags, std::uint64_t *error_offset, observe::Recording &event) noexcept
{
    auto const r { pages_inside(memory, offset, size) };
    auto const mode { platform::Profile::current().mode_of(flags) };
    if (!r || !mode || (to != GMEM_SHARED && to != GMEM_PRIVATE))
        return -EINVAL;
    auto const done { memory.convert(*r, to == GMEM_PRIVATE ? Attribute::private_ : Attribute::shared, *mode, event) };
    if (done)
        return 0;
    if (error_offset && done.error().at)
        *error_offset = raw(*done.error().at);
    return negative(done.error());
}

} // namespace

#define GMEM_API __attribute__((visibility("default")))
extern "C" {

GMEM_API const char *gmem_version(void) { return "0.1.0"; }

GMEM_API int gmem_create(uint64_t size, uint64_t flags, gmem_file **out) { return gmem_create_trusted(size, flags, GMEM_SW_PROTECTED, nullptr, out); }

GMEM_API int gmem_create_trusted(uint64_t size, uint64_t flags, enum gmem_platform platform, const char *options, gmem_file **out)
{
    observe::Recording event { observe::Kind::create, observe::Asks::who_called };
    auto const result { create(size, flags, platform, options, out) };
    if (event) [[unlikely]] {
        event->detail = !(flags & GMEM_FLAG_INIT_SHARED);
        event->value = static_cast<std::uint16_t>(platform::Profile::current().uapi);
        event->file = result == 0 ? memory_of(*out).facts().inode : 0;
        event->size = size;
        event->more = { flags, 0, static_cast<std::uint64_t>(platform), 0, 1 };
    }
    event.done(result);
    return result;
}

GMEM_API void gmem_finish_launch(gmem_file *g) { memory_of(g).set_phase(platform::Phase::running); }

GMEM_API int gmem_launch_begin(gmem_file *g, const struct gmem_realm_parameters *realm, gmem_launch **out)
{
    auto begun { library::Launch::begin(memory_of(g), realm) };
    if (!begun)
        return negative(begun.error());
    *out = reinterpret_cast<gmem_launch *>(std::move(begun).take());
    return 0;
}

GMEM_API int gmem_launch_add(gmem_launch *l, enum gmem_launch_page type, uint64_t offset, uint64_t size, void *source, uint64_t *done)
{
    auto &launch { launch_of(l) };
    auto const r { pages_inside(launch.file(), offset, size) };
    auto const from { reinterpret_cast<std::uintptr_t>(source) };
    std::uint64_t pages { 0 };
    auto const result { r && from % page_size == 0 ? zero_or_negative(launch.add(type, *r, from, pages)) : -EINVAL };
    if (done)
        *done = pages << page_bits;
    return result;
}

GMEM_API int gmem_launch_add_vcpu(gmem_launch *l, const void *state, size_t size) { return zero_or_negative(launch_of(l).add_vcpu(state, size)); }

GMEM_API int gmem_launch_finish(gmem_launch *l) { return zero_or_negative(launch_of(l).finish()); }

GMEM_API int gmem_launch_measurement(gmem_launch *l, void *digest, size_t size)
{
    auto const m { launch_of(l).measurement() };
    std::memcpy(digest, m.bytes, std::min(size, m.size));
    return static_cast<int>(m.size);
}

GMEM_API void gmem_launch_end(gmem_launch *l)
{
    if (l)
        launch_of(l).end();
}

GMEM_API void gmem_destroy(gmem_file *g)
{
    if (g)
        memory_of(g).release();
}

GMEM_API int gmem_map(gmem_file *g, uint64_t offset, size_t length, int protection, void **address)
{
    if (memory_of(g).windows() == memory::Windows::refused)
        return -ENODEV;
    if (length == 0 || offset % page_size)
        return -EINVAL;
    if (protection & PROT_EXEC)
        return -EPERM;
    auto mapped { memory::Space::map(memory_of(g), { .hint = 0, .length = length, .protection = protection, .flags = 0, .offset = Bytes { offset } }) };
    if (!mapped)
        return negative(mapped.error());
    *address = reinterpret_cast<void *>(std::move(mapped).take());
    return 0;
}

GMEM_API int gmem_unmap(void *address, size_t length)
{
    auto const begin { reinterpret_cast<std::uintptr_t>(address) };
    if (begin % page_size || length == 0)
        return -EINVAL;
    os::AddressRange const r { begin, begin + ((length + page_size - 1) & ~(page_size - 1)) };
    if (!memory::Space::touches(r))
        return -EINVAL;
    return zero_or_negative(memory::Space::unmap(r));
}

GMEM_API int gmem_convert(gmem_file *g, uint64_t offset, uint64_t size, enum gmem_attribute to, uint64_t *error_offset)
{
    return gmem_convert_with(g, offset, size, to, 0, error_offset);
}

GMEM_API int gmem_convert_with(gmem_file *g, uint64_t offset, uint64_t size, enum gmem_attribute to, uint64_t flags, uint64_t *error_offset)
{
    auto &memory { memory_of(g) };
    observe::Recording event { observe::Kind::convert, observe::Asks::who_called };
    if (event) [[unlikely]] {
        event->detail = to == GMEM_PRIVATE;
        event->file = memory.facts().inode;
        event->offset = offset;
        event->size = size;
        event->more[0] = flags;
        event->more[4] = to == GMEM_PRIVATE ? kvm::uapi::memory_attribute_private : 0;
    }
    auto const result { convert(memory, offset, size, to, flags, error_offset, event) };
    event.done(result);
    return result;
}

GMEM_API int gmem_export(const gmem_file *g)
{
    auto fd { memory_of(g).open_for_program(os::close_on_exec) };
    return fd ? std::move(fd).take() : negative(fd.error());
}

GMEM_API int gmem_import(int fd, gmem_file **out)
{
    library::prepare_process();
    return handle_of(GuestMemory::adopt(fd), out);
}

GMEM_API int gmem_pin(gmem_file *g, uint64_t offset, uint64_t size)
{
    auto const r { pages_inside(memory_of(g), offset, size) };
    return r ? zero_or_negative(memory_of(g).pin(*r, memory::PinKind::api, 0)) : -EINVAL;
}

GMEM_API int gmem_unpin(gmem_file *g, uint64_t offset, uint64_t size)
{
    auto const r { pages_inside(memory_of(g), offset, size) };
    return r ? zero_or_negative(memory_of(g).unpin(*r, memory::PinKind::api, 0)) : -EINVAL;
}

GMEM_API int gmem_attribute_at(const gmem_file *g, uint64_t offset)
{
    auto const &memory { memory_of(g) };
    if (offset >= raw(memory.size()))
        return -EINVAL;
    return memory.at(PageNo::holding(Bytes { offset })) == Attribute::private_ ? GMEM_PRIVATE : GMEM_SHARED;
}

GMEM_API int gmem_allocate(gmem_file *g, uint64_t offset, uint64_t size)
{
    auto const r { pages_inside(memory_of(g), offset, size) };
    return r ? zero_or_negative(memory_of(g).allocate(*r)) : -EINVAL;
}

GMEM_API int gmem_punch(gmem_file *g, uint64_t offset, uint64_t size)
{
    auto const r { pages_inside(memory_of(g), offset, size) };
    return r ? zero_or_negative(memory_of(g).punch(*r)) : -EINVAL;
}

GMEM_API int gmem_mbind(gmem_file *g, uint64_t offset, uint64_t size, int mode, const unsigned long *nodes, unsigned long most_nodes, unsigned flags)
{
    auto const whole { (size + page_size - 1) & ~(page_size - 1) };
    if (offset % page_size || whole < size || !inside(memory_of(g), offset, size))
        return -EINVAL;
    if (whole == 0)
        return 0;
    return zero_or_negative(memory::MemoryPolicy::set(memory_of(g), Bytes { offset }, whole, { .mode = mode, .nodes = reinterpret_cast<std::uintptr_t>(nodes), .most_nodes = most_nodes, .flags = flags }));
}

GMEM_API int gmem_get_mempolicy(gmem_file *g, uint64_t offset, int *mode, unsigned long *nodes, unsigned long most_nodes)
{
    if (offset >= raw(memory_of(g).size()))
        return -EINVAL;
    return zero_or_negative(memory::MemoryPolicy::at(memory_of(g), PageNo::holding(Bytes { offset }).to_bytes(), { .mode = reinterpret_cast<std::uintptr_t>(mode), .nodes = reinterpret_cast<std::uintptr_t>(nodes), .most_nodes = most_nodes }));
}

GMEM_API int gmem_guest_read(gmem_file *g, uint64_t offset, void *buffer, size_t size)
{
    return inside(memory_of(g), offset, size) ? zero_or_negative(memory_of(g).read_as_guest(Bytes { offset }, buffer, size)) : -EINVAL;
}

GMEM_API int gmem_guest_write(gmem_file *g, uint64_t offset, const void *buffer, size_t size)
{
    return inside(memory_of(g), offset, size) ? zero_or_negative(memory_of(g).write_as_guest(Bytes { offset }, buffer, size)) : -EINVAL;
}

GMEM_API int gmem_guest_touch(gmem_file *g, uint64_t offset) { return touch(memory_of(g), offset, GuestMemory::Accepts::guest); }
GMEM_API int gmem_guest_accept(gmem_file *g, uint64_t offset) { return touch(memory_of(g), offset, GuestMemory::Accepts::gmem); }

GMEM_API int gmem_guest_request(gmem_file *g, uint64_t offset, uint64_t size, enum gmem_attribute to)
{
    auto &memory { memory_of(g) };
    auto const r { pages_inside(memory, offset, size) };
    if (!r || (to != GMEM_SHARED && to != GMEM_PRIVATE))
        return -EINVAL;
    os::SignalsBlocked blocked;
    memory::FileLocked const guard { memory };
    if (!guard)
        return negative(guard.error());
    if (memory.header().vm.kind == platform::Kind::pkvm)
        platform::pkvm::record_request(memory.header().vm, *r, to == GMEM_PRIVATE);
    return 0;
}

GMEM_API int gmem_host_access(gmem_file *g, uint64_t offset, uint64_t size, enum gmem_access access, const char *by)
{
    auto &memory { memory_of(g) };
    if (!inside(memory, offset, size) || (access != GMEM_READ && access != GMEM_WRITE))
        return -EINVAL;
    os::SignalsBlocked blocked;
    memory::FileLocked const guard { memory };
    if (!guard)
        return negative(guard.error());
    memory::TrustedSide const trusted { memory };
    auto const how { access == GMEM_READ ? platform::Access::read : platform::Access::write };
    for (auto p { PageNo::holding(Bytes { offset }) }; raw(p.to_bytes()) < offset + size; p = p.plus(1))
        if (auto const met { trusted.host_access(p, how) }; memory::is_mistake(met)) {
            memory::report_host_access(memory.facts().inode, p, trusted.state_name(p), how, met, by ? by : "a host access");
            return -memory::errno_of(met);
        }
    return 0;
}

GMEM_API const char *gmem_page_state(gmem_file *g, uint64_t offset)
{
    auto &memory { memory_of(g) };
    os::SignalsBlocked blocked;
    memory::FileLocked const guard { memory };
    if (offset >= raw(memory.size()) || !guard)
        return nullptr;
    return memory::TrustedSide { memory }.state_name(PageNo::holding(Bytes { offset }));
}

GMEM_API int gmem_guest_create(gmem_file *g, gmem_guest **out)
{
    auto made { library::Guest::create(memory_of(g)) };
    if (!made)
        return negative(made.error());
    *out = reinterpret_cast<gmem_guest *>(std::move(made).take());
    return 0;
}

GMEM_API void gmem_guest_destroy(gmem_guest *v)
{
    if (v)
        reinterpret_cast<library::Guest *>(v)->destroy();
}

GMEM_API int gmem_guest_do(gmem_guest *v, struct gmem_guest_op *op, struct gmem_guest_exit *exit) { return reinterpret_cast<library::Guest *>(v)->execute(*op, *exit); }

GMEM_API int gmem_get_stats(const gmem_file *g, struct gmem_stats *out)
{
    auto const &memory { memory_of(g) };
    auto const &c { memory.header().counters };
    auto const allocated { memory.allocated() };
    *out = {};
    out->size = raw(memory.size());
    out->allocated = allocated ? raw(allocated.value()) : 0;
    out->private_bytes = memory.attributes().count(Attribute::private_) << page_bits;
    out->windows = memory::Space::windows_of(memory);
    out->conversions_to_shared = c.conversions_to_shared.load();
    out->conversions_to_private = c.conversions_to_private.load();
    out->conversions_unchanged = c.conversions_unchanged.load();
    out->conversions_failed = c.conversions_failed.load();
    out->recoveries = c.recoveries.load();
    out->punched = c.punched.load();
    out->pins = memory.pins();
    out->huge_bytes = memory.has_huge_pages() ? memory.extents().huge_extents() * pages_per_mega << page_bits : 0;
    out->held_bytes = memory.has_huge_pages() ? memory.extents().held_pages() << page_bits : 0;
    out->extents_kept_small = c.extents_kept_small.load();
    std::strncpy(out->engine, name(memory::Process::engine()), sizeof out->engine - 1);
    std::strncpy(out->opening, name(memory::Process::opening()), sizeof out->opening - 1);
    return 0;
}

GMEM_API int gmem_audit(gmem_file *g, char *text, size_t size)
{
    auto const *broken { memory_of(g).audit() };
    if (!broken)
        broken = memory::Space::audit();
    if (!broken)
        broken = memory::Holds::audit();
    Text { text, size } << (broken ? broken : "");
    return broken ? 1 : 0;
}

GMEM_API int gmem_set_window_opening(enum gmem_window_opening how)
{
    switch (how) {
    case GMEM_OPENING_AUTOMATIC: memory::Process::set_opening(memory::Opening::automatic); return 0;
    case GMEM_OPENING_INSTALLED: memory::Process::set_opening(memory::Opening::installed); return 0;
    case GMEM_OPENING_NATIVE:    memory::Process::set_opening(memory::Opening::native); return 0;
    }
    return -EINVAL;
}

} // extern "C"
