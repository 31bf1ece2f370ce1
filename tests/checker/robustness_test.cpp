// No bytes crash who reads them: logs of which parts were changed at random, and text of the same kind. Each ends with a verdict or is refused.

#include "checker/text.hpp"
#include "observe/log.hpp"
#include "traces.hpp"

#include <cstring>
#include <random>

using namespace gmem;
using namespace gmem::checker;
using namespace gmem::checker::test;

namespace {

using Random = std::mt19937_64;

std::uint64_t below(Random &r, std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t> { 0, n - 1 }(r); }

observe::Event any_event(Random &r)
{
    observe::Event e;
    e.kind = static_cast<observe::Kind>(1 + below(r, observe::kinds - 1));
    e.time = below(r, 1000);
    e.duration = below(r, 3) ? below(r, 50) : 0;
    e.process = static_cast<std::uint32_t>(1 + below(r, 2));
    e.thread = e.process;
    e.file = 1 + below(r, 2);
    e.offset = 4096 * below(r, 8);
    e.size = 4096 * below(r, 5);
    e.detail = static_cast<std::uint8_t>(below(r, 2));
    constexpr int results[] { 0, 0, 0, -EAGAIN, -EINVAL };
    e.result = results[below(r, std::size(results))];
    for (auto &m : e.more)
        m = below(r, 4);
    return e;
}

class LogFile final {
public:
    LogFile(Random &r, observe::Keep keep) : bytes_(observe::bytes_of_log(capacity) / sizeof(std::uint64_t))
    {
        observe::Log::create(begin(), keep, capacity, 1, 2);
        auto &h { *reinterpret_cast<observe::LogHeader *>(begin()) };
        h.limit = capacity;
        h.head = keep == observe::Keep::latest ? below(r, 3 * capacity) : capacity;
        auto *const slots { reinterpret_cast<observe::Slot *>(begin() + observe::slots_at) };
        auto const head { h.head.load() };
        for (auto n { head > capacity ? head - capacity : 0 }; n < head; ++n) {
            auto const words { std::bit_cast<observe::Slot::Words>(any_event(r)) };
            for (std::size_t i { 0 }; i < words.size(); ++i)
                slots[n % capacity].words[i] = words[i];
            slots[n % capacity].state = observe::state_of(n, observe::Content::event);
        }
    }
    std::byte *begin() { return reinterpret_cast<std::byte *>(bytes_.data()); }
    std::span<std::byte> bytes() { return { begin(), bytes_.size() * sizeof(std::uint64_t) }; }

private:
    static constexpr std::uint64_t capacity { 64 };
    std::vector<std::uint64_t> bytes_;
};

bool has_an_answer(std::span<std::byte const> bytes)
{
    try {
        auto const t { read(bytes) };
        (void)check(t);
        for (auto const &s : t.steps)
            (void)to_text(s);
        return true;
    } catch (Unusable const &) {
        return false;
    }
}

TEST(RobustnessTest, LogsThatWereChanged)
{
    Random r { 1 };
    unsigned readable { 0 };
    for (int round { 0 }; round < 3000; ++round) {
        LogFile log { r, below(r, 2) ? observe::Keep::all : observe::Keep::latest };
        auto const bytes { log.bytes() };
        auto const header { sizeof(observe::LogHeader) - sizeof observe::LogHeader::settings - sizeof observe::LogHeader::command };
        for (auto changes { below(r, 20) }; changes > 0; --changes) {
            auto const at { below(r, 8) == 0 ? below(r, header) : observe::slots_at + below(r, bytes.size() - observe::slots_at) };
            bytes[at] = std::byte(below(r, 2) ? below(r, 256) : 255 * below(r, 2));
        }
        auto const length { below(r, 4) ? bytes.size() : below(r, bytes.size()) };
        // A copy of its own, so that a sanitizer sees what is read beyond it.
        std::vector<std::uint64_t> exact((length + 7) / 8);
        std::memcpy(exact.data(), bytes.data(), length);
        readable += has_an_answer({ reinterpret_cast<std::byte const *>(exact.data()), length });
    }
    EXPECT_GT(readable, 300u);
    EXPECT_LT(readable, 3000u);
}

TEST(RobustnessTest, TextThatWasChanged)
{
    Random r { 2 };
    Lines const lines {
        "trace from=beginning pins=all in_place=on", "create process=1 file=7 size=0x4000 flags=3 private_memory=1 vm=1", "pin process=1 file=7 offset=0x1000 size=0x1000 token=5",
        "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000", "process process=1 name=\"/bin/x\"", "bind process=1 file=7 offset=0 size=0x2000 slot=1 gpa=0x10000 vm=1",
        R"(100   ioctl(4, 0xc040aed4, 0x7ffe4f1502e0)   = 5)", R"(100   clone3({flags=0x3d0f00, stack_size=0x7ffe80}, 88) = 101)", "100 mmap(NULL, 16384, 0x3, 0x1, 5, 0) = 0x7f1000",
        R"([pid 100] ioctl(5, 0xc080aed2, 0x7ffe <unfinished ...>)", R"([pid 100] <... ioctl resumed>)        = 0)", "100 --- SIGBUS {si_signo=0x7, si_code=0x2, si_addr=0x7f2008} ---",
        "  CPU 0/KVM-12 [001] d..1 1.5: gmem_punch: (x+0x0/0x1 <- y) file=7 offset=0x0 size=0x1000 ret=0",
    };
    unsigned readable { 0 };
    for (int round { 0 }; round < 20000; ++round) {
        std::string text;
        for (auto n { 1 + below(r, 6) }; n > 0; --n)
            text += lines[below(r, lines.size())] + "\n";
        for (auto changes { below(r, 3) }; changes > 0; --changes)
            if (auto const at { below(r, text.size()) }; below(r, 3))
                text[at] = static_cast<char>(below(r, 2) ? text[below(r, text.size())] : static_cast<char>(below(r, 256)));
            else
                text.erase(at, below(r, 12));
        readable += !text.empty() && has_an_answer(std::as_bytes(std::span { text }));
    }
    EXPECT_GT(readable, 3000u);
    EXPECT_LT(readable, 20000u);
}

} // namespace
