#include "driver/window.hpp"

#include <csetjmp>
#include <csignal>
#include <cstdint>

namespace gmem::driver {
namespace {

thread_local sigjmp_buf escape;
thread_local std::byte const *volatile looking_at { nullptr }; // the page; nullptr: nobody looks

void on_sigbus(int number, siginfo_t *info, void *)
{
    std::byte const *const page { looking_at };
    auto const *const hit { static_cast<std::byte const *>(info->si_addr) };
    if (page && hit >= page && hit < page + page_size) {
        looking_at = nullptr;
        siglongjmp(escape, 1);
    }
    std::signal(number, SIG_DFL); // the access is made again, and this time it ends us
}

// Nothing of `copy` may need a destructor.
template <typename Copy>
bool expecting_sigbus(std::byte const *page, Copy copy)
{
    if (sigsetjmp(escape, 1) != 0)
        return false;
    looking_at = page;
    copy();
    looking_at = nullptr;
    return true;
}

// Word by word, so that each is one access, and in an order of ours.
void copy_words(void volatile *to, void const volatile *from)
{
    auto *const target { static_cast<std::uint64_t volatile *>(to) };
    auto const *const source { static_cast<std::uint64_t const volatile *>(from) };
    for (std::size_t i { 0 }; i < page_size / sizeof *target; ++i)
        target[i] = source[i];
}

} // namespace

Window::Window(GuestMemfd const &file) : mapping_ { Mapping::shared(file.fd(), file.size()) }
{
    struct sigaction action {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    must("sigaction", ::sigaction(SIGBUS, &action, nullptr));
}

std::optional<Page> Window::read(std::uint64_t offset) const
{
    alignas(8) static thread_local Page page;
    if (!expecting_sigbus(at(offset), [this, offset] { copy_words(page.data(), at(offset)); }))
        return std::nullopt;
    return page;
}

bool Window::write(std::uint64_t offset, Page const &bytes) const
{
    alignas(8) static thread_local Page page;
    page = bytes;
    return expecting_sigbus(at(offset), [this, offset] { copy_words(at(offset), page.data()); });
}

} // namespace gmem::driver
