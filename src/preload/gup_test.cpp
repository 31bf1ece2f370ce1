#include "preload/gup_test.hpp"

#include "memory/hold.hpp"
#include "memory/space.hpp"
#include "os/linux_abi.hpp"
#include "os/signals.hpp"
#include "os/user_memory.hpp"
#include "preload/answer.hpp"
#include "preload/next.hpp"

#include <cstring>
#include <sys/ioctl.h>

namespace gmem::preload {
namespace {

using memory::Hold;
using memory::Holds;
using memory::PinKind;

// The argument of START.
struct LongTermTest final {
    std::uint64_t address, size;
    std::uint32_t flags;
};
static_assert(sizeof(LongTermTest) == 24);

constexpr std::uint32_t flag_write { 1 }, flag_fast { 2 };
constexpr unsigned long start_command { 0x40186707 }, stop_command { 0x6708 }, read_command { 0x40086709 };

// The kernel's state, of which there is one, too: one test at a time.
constinit os::Mutex test_lock;
constinit LongTermTest running {}; // size 0: none

constexpr std::uint32_t most_descriptions { 1024 };
constinit std::atomic<std::uint32_t> references[most_descriptions] {};

os::AddressRange range_of(LongTermTest const &t) noexcept { return { t.address, t.address + t.size }; }

// The part of the test's memory that begins at `at`: what a window shows, or one page of the program's.
os::AddressRange part_at(std::uintptr_t at) noexcept
{
    auto const held { Holds::view_of(PinKind::test, at) };
    return { at, at + (held ? held->length() : page_size) };
}

// As get_user_pages would: every page present, and writable where that is asked for.
bool fault_in(os::AddressRange r, std::uint32_t flags) noexcept
{
    memory::Space::recover_range(r.begin, r.length());
    auto const advice { flags & flag_write ? os::madv_populate_write : os::madv_populate_read };
    return !os::failed(os::system_call(SYS_madvise, r.begin, r.length(), advice));
}

long take(LongTermTest const &test) noexcept
{
    Hold hold { PinKind::test, -1 };
    if (auto const added { hold.add_by_address(range_of(test)) }; !added)
        return -added.error().err;
    hold.keep();
    for (auto at { test.address }; at < test.address + test.size;) {
        auto const part { part_at(at) };
        if (!fault_in(part, test.flags)) {
            Holds::drop_all(PinKind::test);
            return -EFAULT;
        }
        at = part.end;
    }
    return 0;
}

long start(std::uintptr_t argument) noexcept
{
    LongTermTest test {};
    if (running.size != 0)
        return -EINVAL;
    if (!os::copy_from_program(&test, argument, sizeof test))
        return -EFAULT;
    if ((test.flags & ~(flag_write | flag_fast)) || (test.address | test.size) % page_size || test.size == 0 || test.size > INT64_MAX)
        return -EINVAL;
    if (test.address > INT64_MAX - test.size)
        return -EFAULT;
    auto const taken { take(test) };
    if (taken == 0)
        running = test;
    return taken;
}

void stop() noexcept
{
    running = {};
    Holds::drop_all(PinKind::test);
}

bool copy_out(std::uintptr_t to, void const *from, std::size_t size) noexcept
{
    return os::copy_to_program(to, from, size) || (memory::Space::recover_range(to, size) && os::copy_to_program(to, from, size));
}

long read(std::uintptr_t argument) noexcept
{
    std::uint64_t to { 0 };
    if (running.size == 0)
        return -EINVAL;
    if (!os::copy_from_program(&to, argument, sizeof to))
        return -EFAULT;
    for (auto at { running.address }; at < running.address + running.size;) {
        auto const part { part_at(at) };
        auto const target { to + (at - running.address) };
        char page[page_size];
        if (auto const held { Holds::view_of(PinKind::test, at) }; held) {
            if (!copy_out(target, reinterpret_cast<void const *>(held->begin), held->length()))
                return -EFAULT;
        } else if (!os::copy_from_program(page, at, sizeof page) || !copy_out(target, page, sizeof page)) {
            return -EFAULT;
        }
        at = part.end;
    }
    return 0;
}

long command_of_stand_in(unsigned long command, std::uintptr_t argument) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { test_lock };
    switch (command) {
    case start_command: return start(argument);
    case stop_command:  return stop(), 0;
    case read_command:  return read(argument);
    default:            return -EINVAL;
    }
}

} // namespace

bool GupTest::is_path(char const *path) noexcept { return std::strcmp(path, "/sys/kernel/debug/gup_test") == 0; }

std::uint32_t GupTest::open() noexcept
{
    for (std::uint32_t i { 1 }; i < most_descriptions; ++i)
        if (std::uint32_t none { 0 }; references[i].compare_exchange_strong(none, 1))
            return i;
    return 0;
}

void GupTest::acquire(std::uint32_t description) noexcept { references[description].fetch_add(1); }

void GupTest::release(std::uint32_t description) noexcept
{
    if (references[description].fetch_sub(1) != 1)
        return;
    os::SignalsBlocked blocked;
    os::Locked guard { test_lock };
    stop();
}

int GupTest::ioctl_of_stand_in(unsigned long command, std::uintptr_t argument) noexcept { return answer(command_of_stand_in(command, argument)); }

int GupTest::ioctl_of_real(int fd, unsigned long command, void *argument) noexcept
{
    LongTermTest test {};
    Hold hold { PinKind::test, -1 };
    if (command == start_command && os::copy_from_program(&test, reinterpret_cast<std::uintptr_t>(argument), sizeof test) && test.address <= INT64_MAX - test.size) {
        auto const all { range_of(test) };
        if (all.begin % page_size == 0 && all.end % page_size == 0)
            if (auto const added { hold.add(all) }; !added)
                return refuse(added.error().err);
        if (hold.any())
            memory::Space::recover_range(all.begin, all.length());
    }
    auto const result { GMEM_NEXT(ioctl)(fd, command, argument) };
    if (result == 0 && command == stop_command) {
        ErrnoKept kept;
        Holds::drop_all(PinKind::test);
    }
    if (result == 0)
        hold.keep();
    return result;
}

} // namespace gmem::preload
