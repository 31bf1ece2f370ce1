// What a guest_memfd of 1 GiB costs before anything is in it: resident memory of this process and of its control blocks, in KiB, for
// one file of many; and what it costs more when every second page of it is private. "WHAT KIB" a line.

#include "gmem/gmem.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <vector>

namespace {

constexpr std::uint64_t size { std::uint64_t { 1 } << 30 }, page { 4096 };
constexpr int files { 64 };

long resident_kib()
{
    std::FILE *const f { std::fopen("/proc/self/smaps_rollup", "r") };
    char line[128];
    long kib { -1 };
    while (f && std::fgets(line, sizeof line, f))
        if (std::sscanf(line, "Rss: %ld kB", &kib) == 1)
            break;
    if (f)
        std::fclose(f);
    return kib;
}

gmem_file *made()
{
    gmem_file *g { nullptr };
    void *window { nullptr };
    if (gmem_create(size, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, &g) != 0 || gmem_map(g, 0, size, PROT_READ | PROT_WRITE, &window) != 0) {
        std::fputs("footprint_bench: no gmem\n", stderr);
        std::exit(1);
    }
    return g;
}

} // namespace

int main()
{
    std::vector<gmem_file *> all { made() }; // what the first one starts for all
    auto const before { resident_kib() };
    for (int i { 0 }; i < files; ++i)
        all.push_back(made());
    auto const uniform { resident_kib() };
    std::printf("file_and_window %.1f\n", static_cast<double>(uniform - before) / files);
    for (std::uint64_t p { 0 }; p < size / page; p += 2)
        if (gmem_convert(all.back(), p * page, page, GMEM_PRIVATE, nullptr) != 0)
            return 1;
    std::printf("every_second_page_private %.1f\n", static_cast<double>(resident_kib() - uniform));
    return 0;
}
