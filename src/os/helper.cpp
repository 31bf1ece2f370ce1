#include "os/helper.hpp"

#include "os/linux_abi.hpp"

#include <cstddef>
#include <cstring>
#include <linux/futex.h>

namespace gmem::os {
namespace {

constexpr std::size_t stack_bytes { 16384 };
constexpr auto done { static_cast<std::uint32_t>(RequestState::done) };
constexpr auto posted { static_cast<std::uint32_t>(RequestState::posted) };

void wait_until_done(HelperRequest &request) noexcept
{
    for (;;) {
        auto const seen { request.state.load(std::memory_order_acquire) };
        if (seen == done)
            return;
        bare_syscall(SYS_futex, word(&request.state), FUTEX_WAIT, seen, 0);
    }
}

} // namespace

constinit Mutex Helper::lock_;
constinit int Helper::tid_ { 0 };
constinit HelperRequest Helper::request_;
constinit HelperBirth Helper::birth_;

Status Helper::start(std::span<int const> kept) noexcept
{
    if (kept.size() > most_kept_descriptors)
        return Error::of(Why::no_memory, "helper.kept");

    // Stack, then one page that stands where a TLS block would be: the canary and the self pointer are read from there.
    auto const memory { system_call(SYS_mmap, nullptr, stack_bytes + page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
    if (failed(memory))
        return Error::os(memory, "helper.stack");
    auto *const stack { reinterpret_cast<std::byte *>(memory) };

    birth_.request = &request_;
    birth_.kept_count = static_cast<unsigned>(kept.size());
    for (std::size_t i { 0 }; i < kept.size(); ++i)
        birth_.kept[i] = kept[i];

    request_.state.store(static_cast<std::uint32_t>(RequestState::idle), std::memory_order_release);
    auto const tid { start_bare_thread({ .entry = &serve_requests, .argument = &birth_, .stack_top = stack + stack_bytes,
        .tls = reinterpret_cast<void **>(stack + stack_bytes), .alive = nullptr, .table = BareTable::own_copy }) };
    if (failed(tid)) {
        system_call(SYS_munmap, stack, stack_bytes + page_size);
        return Error::os(tid, "helper.clone");
    }
    wait_until_done(request_);
    tid_ = static_cast<int>(tid);
    return Ok {};
}

long Helper::ask(long nr, long const (&arguments)[6]) noexcept
{
    if (Restrictions::bind_helper() && !Restrictions::permitted_to_helper(nr == start_thread_request ? SYS_clone : nr, arguments)) [[unlikely]]
        return -EPERM; // a refusal, where the filter might kill
    Locked guard { lock_ };
    request_.nr = nr;
    std::memcpy(request_.arguments, arguments, sizeof arguments);
    request_.state.store(posted, std::memory_order_release);
    bare_syscall(SYS_futex, word(&request_.state), FUTEX_WAKE, 1);
    wait_until_done(request_);
    return request_.result;
}

long Helper::start_thread(BareThread const &how) noexcept
{
#ifdef GMEM_FAILURE_POINTS
    if (auto const err { failure_at_call(SYS_clone) })
        return -err;
#endif
    long const words[6] { word(&how) };
    return ask(start_thread_request, words);
}

void Helper::forget_after_fork() noexcept
{
    tid_ = 0;
    lock_.reset_after_fork();
}

} // namespace gmem::os
