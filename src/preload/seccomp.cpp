// seccomp: gmem takes note of the filters that the program installs, so that it makes no call which they forbid (os/seccomp.hpp).

#include "memory/process.hpp"
#include "os/linux_abi.hpp"
#include "os/process_calls.hpp"
#include "os/seccomp.hpp"
#include "preload/answer.hpp"
#include "preload/next.hpp"
#include "os/say.hpp"
#include "preload/seccomp.hpp"

#include <cstdarg>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

using namespace gmem;
using os::Filter;
using os::Restrictions;

namespace {

// What gating cannot do without: checked when a filter binds the helper, too.
void report_what_no_longer_works() noexcept
{
    struct Need final {
        long nr;
        long arguments[6];
        char const *consequence;
    };
    static constexpr Need needs[] {
        { SYS_madvise, { 0, 4096, os::madv_dontneed_locked }, "pages can no longer be made private (madvise is forbidden to every thread, SECCOMP_FILTER_FLAG_TSYNC)" },
        { SYS_ioctl, { 0, static_cast<long>(UFFDIO_CONTINUE) }, "windows can no longer be changed (ioctl on a userfaultfd is forbidden to every thread, SECCOMP_FILTER_FLAG_TSYNC)" },
        { SYS_fallocate, {}, "no guest_memfd can be made or changed any more (fallocate is forbidden to every thread, SECCOMP_FILTER_FLAG_TSYNC)" },
        { SYS_futex, {}, "gmem's helper thread cannot be asked any more (futex is forbidden to every thread, SECCOMP_FILTER_FLAG_TSYNC)" },
    };
    static constinit std::atomic<bool> said { false };
    if (!memory::Process::started())
        return;
    for (auto const &need : needs)
        if (!Restrictions::permitted_to_helper(need.nr, need.arguments)) {
            if (!said.exchange(true))
                os::say(need.consequence);
            return;
        }
}

// `install` makes the program's call and answers like it.
template <typename Install>
long noted(sock_fprog const *program, bool all, Install &&install) noexcept
{
    Filter const *filter { nullptr };
    {
        preload::ErrnoKept kept;
        os::own_process_id = os::process_id();
        filter = Restrictions::read(program);
    }
    auto const result { install() };
    if (result == 0 && filter) {
        Restrictions::enter(filter, all);
        if (all) {
            preload::ErrnoKept kept;
            report_what_no_longer_works();
        }
    }
    return result;
}

// What a new thread needs until it runs. No heap here; when all are taken (64 threads being born at once) the next one is not noted.
struct Birth final {
    std::atomic<bool> taken;
    void *(*start)(void *);
    void *argument;
    Filter const *filter;
};
constinit Birth births[64] {};

void *born(void *birth) noexcept(false)
{
    auto &b { *static_cast<Birth *>(birth) };
    auto *const start { b.start };
    auto *const argument { b.argument };
    Restrictions::enter(b.filter, false);
    b.taken.store(false, std::memory_order_release);
    return start(argument);
}

} // namespace

long preload::seccomp(long operation, long flags, void *argument) noexcept
{
    auto const install { [=]() noexcept { return GMEM_NEXT(syscall)(SYS_seccomp, operation, flags, argument); } };
    if (operation != SECCOMP_SET_MODE_FILTER)
        return install();
    return noted(static_cast<sock_fprog const *>(argument), (static_cast<unsigned long>(flags) & SECCOMP_FILTER_FLAG_TSYNC) != 0, install);
}

GMEM_EXPORT int prctl(int option, ...) noexcept
{
    unsigned long a[4];
    std::va_list list;
    va_start(list, option);
    for (auto &word : a)
        word = va_arg(list, unsigned long);
    va_end(list);
    auto const install { [&]() noexcept { return static_cast<long>(GMEM_NEXT(prctl)(option, a[0], a[1], a[2], a[3])); } };
    if (option != PR_SET_SECCOMP || a[0] != SECCOMP_MODE_FILTER) [[likely]]
        return static_cast<int>(install());
    return static_cast<int>(noted(reinterpret_cast<sock_fprog const *>(a[1]), false, install));
}

// A thread inherits the filters of the one that makes it.
GMEM_EXPORT int pthread_create(pthread_t *thread, pthread_attr_t const *attributes, void *(*start)(void *), void *argument) noexcept
{
    if (Restrictions::any()) [[unlikely]]
        for (auto &b : births)
            if (!b.taken.exchange(true, std::memory_order_acquire)) {
                b.start = start;
                b.argument = argument;
                b.filter = Restrictions::of_this_thread();
                auto const result { GMEM_NEXT(pthread_create)(thread, attributes, &born, &b) };
                if (result != 0)
                    b.taken.store(false, std::memory_order_release);
                return result;
            }
    return GMEM_NEXT(pthread_create)(thread, attributes, start, argument);
}
