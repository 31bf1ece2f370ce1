// What it costs to write down what happens: an event, a conversion with and without, and how many events a core writes in a second. CPU time of the thread, of slices that
// take turns, the median of each: on a busy machine too, the ratio is that of the code.

#include "gmem/gmem.h"

#include "observe/log_reader.hpp"
#include "observe/recording.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

using namespace gmem;
using observe::Log;

namespace {

constexpr std::uint64_t page { 4096 }, pages { 256 };

double seconds(clockid_t clock)
{
    timespec t {};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

void must(bool it, char const *what)
{
    if (it)
        return;
    std::perror(what);
    std::exit(1);
}

double median(std::vector<double> all)
{
    std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2));
    return all[all.size() / 2];
}

// As `gmem run` makes it: memory that keeps the latest, or a file that keeps all.
class SomeLog final {
public:
    SomeLog(observe::Keep keep, std::uint64_t slots) : size_ { observe::bytes_of_log(slots) }
    {
        int const fd { keep == observe::Keep::latest ? memfd_create("observe_bench", MFD_CLOEXEC) : open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) };
        must(fd >= 0 && ftruncate(fd, static_cast<off_t>(size_)) == 0 && posix_fallocate(fd, 0, observe::slots_at) == 0, "log");
        begin_ = static_cast<std::byte *>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0));
        must(begin_ != MAP_FAILED, "mmap");
        close(fd);
        Log::create(begin_, keep, slots, 0, 0);
    }
    ~SomeLog()
    {
        Log::use_nothing();
        munmap(begin_, size_);
    }
    SomeLog(SomeLog const &) = delete;
    void use() const { Log::use(begin_); }
    observe::LogHeader &header() const { return *reinterpret_cast<observe::LogHeader *>(begin_); }

private:
    std::size_t size_;
    std::byte *begin_ { nullptr };
};

// Nanoseconds of CPU for each of `n` runs of `it`.
template <typename It>
double cost(int n, It &&it)
{
    auto const begin { seconds(CLOCK_THREAD_CPUTIME_ID) };
    for (int i { 0 }; i < n; ++i)
        it(i);
    return (seconds(CLOCK_THREAD_CPUTIME_ID) - begin) / n * 1e9;
}

void some_event(int i) { (void)observe::note(observe::Kind::punch, { .file = 12, .offset = static_cast<std::uint64_t>(i) * page, .size = page }); }

void some_call(int i)
{
    observe::Recording event { observe::Kind::punch };
    event->offset = static_cast<std::uint64_t>(i) * page;
    event.done(0);
}

void events()
{
    SomeLog const ring { observe::Keep::latest, 1 << 16 };
    ring.use();
    std::vector<double> instants, calls;
    for (int slice { 0 }; slice < 200; ++slice) {
        instants.push_back(cost(5000, some_event));
        calls.push_back(cost(5000, some_call));
    }
    std::printf("an instant             %7.0f ns of the thread\na call (two clocks)    %7.0f ns\n", median(instants), median(calls));
}

// `bytes` from private to shared to private; in between their first pages, or all, are touched, as by a host that uses what it was given.
void conversions(gmem_file *file, unsigned char *window, std::uint64_t bytes, std::uint64_t touched)
{
    SomeLog const plain { observe::Keep::latest, 1 << 16 }, with_stacks { observe::Keep::latest, 1 << 16 };
    with_stacks.header().has_stacks = 1;
    for (auto const *log : { &plain, &with_stacks }) { // a turn of the ring, so that its memory is there
        log->use();
        (void)cost(1 << 16, some_event);
    }
    auto const pair { [&](int) {
        must(gmem_convert(file, 0, bytes, GMEM_SHARED, nullptr) == 0, "to shared");
        for (std::uint64_t at { 0 }; at < touched; at += page)
            *static_cast<volatile unsigned char *>(window + at) = 1;
        must(gmem_convert(file, 0, bytes, GMEM_PRIVATE, nullptr) == 0, "to private");
    } };
    std::vector<double> ratios, ratios_with_stacks, offs;
    for (int slice { 0 }; slice < 400; ++slice) {
        Log::use_nothing();
        auto const before { cost(100, pair) };
        plain.use();
        auto const on { cost(100, pair) };
        with_stacks.use();
        auto const stacks { cost(100, pair) };
        Log::use_nothing();
        auto const off { (before + cost(100, pair)) / 2 }; // around the others, so that a change of the machine's does not count
        offs.push_back(off);
        ratios.push_back(on / off);
        ratios_with_stacks.push_back(stacks / off);
    }
    std::printf("%4lu KiB there and back, %3lu pages touched: %7.0f ns unobserved; observed x %.4f, with stacks x %.4f\n", static_cast<unsigned long>(bytes / 1024), static_cast<unsigned long>(touched / page), median(offs), median(ratios), median(ratios_with_stacks));
}

// As fast as it goes: one core, one burst.
void burst(observe::Keep keep, char const *name, std::uint64_t slots)
{
    constexpr int count { 1'000'000 };
    SomeLog const log { keep, slots };
    log.use();
    auto const wall { seconds(CLOCK_MONOTONIC) };
    auto const each { cost(count, some_event) };
    std::printf("a million events, %-6s %6.0f ns of CPU each: %.1f million a second of CPU, %.1f of the clock; dropped %lu\n", name, each, 1e3 / each, count / (seconds(CLOCK_MONOTONIC) - wall) / 1e6,
        static_cast<unsigned long>(log.header().dropped.load()));
}

} // namespace

int main()
{
    gmem_file *file { nullptr };
    void *window { nullptr };
    must(gmem_create(pages * page, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, &file) == 0 && gmem_map(file, 0, pages * page, PROT_READ | PROT_WRITE, &window) == 0, "gmem");
    events();
    auto *const begin { static_cast<unsigned char *>(window) };
    conversions(file, begin, page, page);
    conversions(file, begin, 16 * page, 16 * page);
    conversions(file, begin, 256 * page, page);
    conversions(file, begin, 256 * page, 256 * page);
    burst(observe::Keep::latest, "ring", 1 << 16);
    burst(observe::Keep::all, "trace", 1 << 24);
    return 0;
}
