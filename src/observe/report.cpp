#include "observe/report.hpp"

#include "observe/log.hpp"
#include "os/clock.hpp"
#include "os/process_calls.hpp"

namespace gmem::observe {
namespace {

constexpr auto longest { os::milliseconds(10'000) }, between_looks { os::milliseconds(500) };

std::uint32_t const *futex(std::atomic<std::uint32_t> const &a) noexcept { return reinterpret_cast<std::uint32_t const *>(&a); }

bool reader_lives(LogHeader const &h) noexcept
{
    auto const reader { h.reader.load(std::memory_order_acquire) };
    return reader != 0 && !os::is_gone(reader);
}

} // namespace

bool Report::is_told() noexcept
{
    auto const *const h { Log::header() };
    return h && reader_lives(*h);
}

void Report::ask() noexcept
{
    auto *const h { Log::header() };
    if (!h || h->reader.load(std::memory_order_relaxed) == 0)
        return;
    h->asked.fetch_add(1, std::memory_order_release);
    os::wake_one(futex(h->asked));
}

void Report::ask_and_wait() noexcept
{
    auto *const h { Log::header() };
    if (!h || !reader_lives(*h))
        return;
    auto const ticket { h->asked.fetch_add(1, std::memory_order_release) + 1 };
    os::wake_one(futex(h->asked));
    auto const end { raw(os::now()) + raw(longest) };
    for (;;) {
        auto const answered { h->answered.load(std::memory_order_acquire) };
        if (static_cast<std::int32_t>(answered - ticket) >= 0 || raw(os::now()) >= end || !reader_lives(*h))
            return;
        os::wait_on(futex(h->answered), answered, between_looks);
    }
}

} // namespace gmem::observe
