#include "tests/generated/touch.hpp"

#include <csignal>
#include <ucontext.h>
#include <unistd.h>

// Both return 0..255 where the access worked and -1 where it did not.
asm(R"(
    .text
    .globl gmem_touch_read, gmem_touch_write, gmem_touch_read_at, gmem_touch_write_at, gmem_touch_failed
    .type gmem_touch_read, @function
    .type gmem_touch_write, @function
gmem_touch_read:
gmem_touch_read_at:
    movzbl (%rdi), %eax
    ret
gmem_touch_write:
    xorl %eax, %eax
gmem_touch_write_at:
    movb %sil, (%rdi)
    ret
gmem_touch_failed:
    movl $-1, %eax
    ret
)");

extern "C" {
int gmem_touch_read(void *p);
int gmem_touch_write(void *p, unsigned value);
extern char const gmem_touch_read_at[], gmem_touch_write_at[], gmem_touch_failed[];
}

namespace gmem::generated {
namespace {

siginfo_t seen;

void on_sigbus(int, siginfo_t *info, void *context)
{
    auto &next { static_cast<ucontext_t *>(context)->uc_mcontext.gregs[REG_RIP] };
    if (next != reinterpret_cast<greg_t>(gmem_touch_read_at) && next != reinterpret_cast<greg_t>(gmem_touch_write_at))
        _exit(99);
    seen = *info;
    next = reinterpret_cast<greg_t>(gmem_touch_failed);
}

Touched outcome(int result)
{
    if (result >= 0)
        return { true, static_cast<std::uint8_t>(result), 0, nullptr };
    return { false, 0, seen.si_code, seen.si_addr };
}

} // namespace

void install_touch()
{
    struct sigaction action {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, nullptr);
}

Touched touch_read(void *p) { return outcome(gmem_touch_read(p)); }
Touched touch_write(void *p, std::uint8_t value) { return outcome(gmem_touch_write(p, value)); }

} // namespace gmem::generated
