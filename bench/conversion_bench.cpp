// A conversion pair (to private and back), with every page touched afterwards and untouched, beside two measures from the same run:
// the kernel's floor (its own guest_memfd: zap and touch, what a kernel conversion cannot do without) and the two-source way (copy
// and punch, both ways). Names: who/what/bytes.

#include "gmem/gmem.h"

#include <benchmark/benchmark.h>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr std::size_t page { 4096 };

void touch(unsigned char *p, std::size_t bytes)
{
    for (std::size_t i { 0 }; i < bytes; i += page)
        *const_cast<unsigned char volatile *>(p + i) = 1;
}

enum class Then { touch_all, leave };

void gmem_pair(benchmark::State &state, gmem_window_opening how, Then then)
{
    auto const bytes { static_cast<std::size_t>(state.range(0)) };
    gmem_set_window_opening(how);
    gmem_file *g { nullptr };
    void *address { nullptr };
    if (gmem_create(bytes, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, &g) != 0 || gmem_map(g, 0, bytes, PROT_READ | PROT_WRITE, &address) != 0)
        return state.SkipWithError("no gmem");
    auto *const window { static_cast<unsigned char *>(address) };
    touch(window, bytes);
    for (auto _ : state) {
        if (gmem_convert(g, 0, bytes, GMEM_PRIVATE, nullptr) != 0 || gmem_convert(g, 0, bytes, GMEM_SHARED, nullptr) != 0)
            state.SkipWithError("conversion failed");
        if (then == Then::touch_all)
            touch(window, bytes);
    }
    gmem_unmap(address, bytes);
    gmem_destroy(g);
}

// Memory of 4 KiB pages beside huge pages: the process is run twice, with GMEM_HUGEPAGES=on too. Every page is mapped when the pair
// begins; only the two conversions are timed, or with them the touching of every page afterwards.
void toggle(benchmark::State &state, Then then)
{
    auto const bytes { static_cast<std::size_t>(state.range(0)) };
    gmem_set_window_opening(GMEM_OPENING_AUTOMATIC);
    gmem_file *g { nullptr };
    void *address { nullptr };
    if (gmem_create(bytes, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, &g) != 0 || gmem_map(g, 0, bytes, PROT_READ | PROT_WRITE, &address) != 0)
        return state.SkipWithError("no gmem");
    auto *const window { static_cast<unsigned char *>(address) };
    touch(window, bytes);
    for (auto _ : state) {
        auto const begin { std::chrono::steady_clock::now() };
        if (gmem_convert(g, 0, bytes, GMEM_PRIVATE, nullptr) != 0 || gmem_convert(g, 0, bytes, GMEM_SHARED, nullptr) != 0)
            state.SkipWithError("conversion failed");
        if (then == Then::touch_all)
            touch(window, bytes);
        state.SetIterationTime(std::chrono::duration<double> { std::chrono::steady_clock::now() - begin }.count());
        if (then == Then::leave)
            touch(window, bytes);
    }
    struct gmem_stats stats;
    gmem_get_stats(g, &stats);
    state.counters["huge_MiB"] = static_cast<double>(stats.huge_bytes >> 20);
    gmem_unmap(address, bytes);
    gmem_destroy(g);
}

// The kernel's own guest_memfd, where it can be mapped: a conversion must at least zap and let everything fault again.
void kernel_floor(benchmark::State &state)
{
    auto const bytes { static_cast<std::size_t>(state.range(0)) };
    struct {
        unsigned long size, flags, reserved[6];
    } request { bytes, 3, {} };
    int const kvm { open("/dev/kvm", O_RDWR | O_CLOEXEC) };
    int const vm { kvm < 0 ? -1 : ioctl(kvm, 0xAE01, 0) };
    int const fd { vm < 0 ? -1 : ioctl(vm, 0xC040AED4, &request) };
    void *const address { fd < 0 ? MAP_FAILED : mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) };
    if (address == MAP_FAILED)
        return state.SkipWithError("this kernel has no guest_memfd that can be mapped");
    auto *const window { static_cast<unsigned char *>(address) };
    touch(window, bytes);
    for (auto _ : state) {
        madvise(window, bytes, MADV_DONTNEED);
        touch(window, bytes);
    }
    munmap(window, bytes);
    close(fd);
    close(vm);
    close(kvm);
}

// Shared and private memory apart, as before in-place conversion: the bytes are copied and the source is given back.
void two_source(benchmark::State &state)
{
    auto const bytes { static_cast<std::size_t>(state.range(0)) };
    auto const make { [bytes](int &fd) {
        fd = memfd_create("two-source", MFD_CLOEXEC);
        return ftruncate(fd, static_cast<off_t>(bytes)) == 0 ? static_cast<unsigned char *>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) : nullptr;
    } };
    int shared_fd { -1 }, private_fd { -1 };
    auto *const shared { make(shared_fd) };
    auto *const private_memory { make(private_fd) };
    touch(shared, bytes);
    auto const move { [bytes](unsigned char *to, unsigned char const *from, int from_fd) {
        std::memcpy(to, from, bytes);
        benchmark::DoNotOptimize(fallocate(from_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)));
    } };
    for (auto _ : state) {
        move(private_memory, shared, shared_fd);
        move(shared, private_memory, private_fd);
        touch(shared, bytes);
    }
    munmap(shared, bytes);
    munmap(private_memory, bytes);
    close(shared_fd);
    close(private_fd);
}

void sizes(benchmark::internal::Benchmark *b)
{
    for (std::int64_t bytes { 4 << 10 }; bytes <= 1 << 30; bytes <<= bytes < 1 << 20 ? 4 : bytes < 2 << 20 ? 1 : bytes < 32 << 20 ? 4 : 5)
        b->Arg(bytes);
    b->Unit(benchmark::kMicrosecond)->MinTime(0.1);
}

void huge_sizes(benchmark::internal::Benchmark *b) { b->Arg(4 << 10)->Arg(2 << 20)->Arg(256 << 20)->Unit(benchmark::kMicrosecond)->UseManualTime()->MinTime(0.1); }

} // namespace

BENCHMARK_CAPTURE(toggle, touched, Then::touch_all)->Name("toggle/touched")->Apply(huge_sizes);
BENCHMARK_CAPTURE(toggle, alone, Then::leave)->Name("toggle/alone")->Apply(huge_sizes);
BENCHMARK_CAPTURE(gmem_pair, installed, GMEM_OPENING_INSTALLED, Then::touch_all)->Name("gmem/installed")->Apply(sizes);
BENCHMARK_CAPTURE(gmem_pair, native, GMEM_OPENING_NATIVE, Then::touch_all)->Name("gmem/native")->Apply(sizes);
BENCHMARK_CAPTURE(gmem_pair, untouched, GMEM_OPENING_AUTOMATIC, Then::leave)->Name("gmem/untouched")->Apply(sizes);
BENCHMARK(kernel_floor)->Name("kernel_floor")->Apply(sizes);
BENCHMARK(two_source)->Name("two_source")->Apply(sizes);
