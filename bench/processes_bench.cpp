// A conversion of 4 KiB to private while N processes have the page open: "N median p90" in microseconds, one line each.
// The peers touch the page before each conversion, so every one of them has something to close.

#include "gmem/gmem.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t page { 4096 };
constexpr int rounds { 2000 };

void must(bool ok)
{
    if (!ok) {
        std::perror("processes_bench");
        std::exit(1);
    }
}

struct Pipe final {
    int ends[2];
    Pipe() { must(pipe(ends) == 0); }
    ~Pipe()
    {
        close(ends[0]);
        close(ends[1]);
    }
    void put() const { must(write(ends[1], "x", 1) == 1); }
    bool get() const
    {
        char c { 0 };
        return read(ends[0], &c, 1) == 1;
    }
};

void measure(int processes)
{
    gmem_file *g { nullptr };
    void *address { nullptr };
    must(gmem_create(64 * page, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, &g) == 0 && gmem_map(g, 0, 64 * page, PROT_READ | PROT_WRITE, &address) == 0);
    auto volatile *const byte { static_cast<unsigned char volatile *>(address) };
    *byte = 1;
    Pipe const go, done;
    std::vector<pid_t> peers;
    for (int i { 1 }; i < processes; ++i) {
        auto const pid { fork() };
        must(pid >= 0);
        if (pid == 0) {
            while (go.get()) {
                (void)*byte;
                done.put();
            }
            _exit(0);
        }
        peers.push_back(pid);
    }
    std::vector<double> times;
    for (int r { 0 }; r < rounds; ++r) {
        for (std::size_t i { 0 }; i < peers.size(); ++i)
            go.put();
        for (std::size_t i { 0 }; i < peers.size(); ++i)
            must(done.get());
        (void)*byte;
        auto const begin { std::chrono::steady_clock::now() };
        must(gmem_convert(g, 0, page, GMEM_PRIVATE, nullptr) == 0);
        times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
        must(gmem_convert(g, 0, page, GMEM_SHARED, nullptr) == 0);
    }
    for (auto const pid : peers)
        kill(pid, SIGKILL);
    while (wait(nullptr) > 0) {}
    std::sort(times.begin(), times.end());
    std::printf("%d %.1f %.1f\n", processes, times[rounds / 2], times[rounds * 9 / 10]);
    std::fflush(stdout);
    gmem_unmap(address, 64 * page);
    gmem_destroy(g);
}

} // namespace

int main()
{
    for (int const n : { 1, 2, 4, 8 })
        measure(n);
}
