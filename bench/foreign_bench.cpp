// Calls on descriptors and memory that are none of gmem's. Run twice: plain, and with the preload library; the difference is what
// interposition costs. fcntl(F_GETFD) and ioctl(FIONREAD) are the cheapest calls that pass a gate.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

void ioctl_foreign(benchmark::State &state)
{
    int pipes[2], n { 0 };
    if (pipe(pipes) != 0)
        return state.SkipWithError("pipe");
    for (auto _ : state)
        benchmark::DoNotOptimize(ioctl(pipes[0], FIONREAD, &n));
    close(pipes[0]);
    close(pipes[1]);
}

void fcntl_foreign(benchmark::State &state)
{
    for (auto _ : state)
        benchmark::DoNotOptimize(fcntl(0, F_GETFD));
}

void read_foreign(benchmark::State &state)
{
    int const fd { open("/dev/zero", O_RDONLY) };
    char c;
    for (auto _ : state)
        benchmark::DoNotOptimize(read(fd, &c, 1));
    close(fd);
}

void madvise_foreign(benchmark::State &state)
{
    void *const p { mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
    for (auto _ : state)
        benchmark::DoNotOptimize(madvise(p, 4096, MADV_NORMAL));
    munmap(p, 4096);
}

} // namespace

BENCHMARK(ioctl_foreign)->MinTime(0.2);
BENCHMARK(fcntl_foreign)->MinTime(0.2);
BENCHMARK(read_foreign)->MinTime(0.2);
BENCHMARK(madvise_foreign)->MinTime(0.2);
