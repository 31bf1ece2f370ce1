// The attribute map of a 16 TiB file: lookups, setting ranges, and what it costs to exist.

#include "gmem/gmem.h"

#include "attributes/attribute_map.hpp"

#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <fstream>

using namespace gmem;

namespace {

constexpr PageNo pages { (std::uint64_t { 16 } << 40) >> page_bits };

class Map final {
public:
    Map() : base_ { static_cast<std::byte *>(mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) }, map { base_, pages } {}
    ~Map() { munmap(base_, bytes()); }
    Map(Map const &) = delete;
    void set(std::uint64_t first, std::uint64_t n, Attribute a)
    {
        auto const r { *PageRange::make(PageNo { first }, PageNo { first + n }) };
        map.stage(r, [](std::size_t, std::size_t) { return true; });
        map.commit(r, a);
    }

private:
    static std::size_t bytes() { return AttributeMap::layout(pages).total_bytes; }
    std::byte *base_;

public:
    AttributeMap map;
};

// Every second page of a gigabyte private: each lookup goes down to the bits.
void lookup(benchmark::State &state)
{
    Map m;
    for (std::uint64_t p { 0 }; p < pages_per_giga; p += 2)
        m.set(p, 1, Attribute::private_);
    std::uint64_t at { 1 };
    for (auto _ : state) {
        benchmark::DoNotOptimize(m.map.at(PageNo { at }));
        at = (at * 1103515245 + 12345) % pages_per_giga;
    }
}

void set_range(benchmark::State &state)
{
    Map m;
    auto const n { static_cast<std::uint64_t>(state.range(0)) >> page_bits };
    bool to_private { true };
    for (auto _ : state) {
        m.set(5 * pages_per_giga, n, to_private ? Attribute::private_ : Attribute::shared);
        to_private = !to_private;
    }
}

// What is in memory of this process now, files' pages included.
long resident_kib()
{
    long total { 0 }, resident { 0 };
    std::ifstream { "/proc/self/statm" } >> total >> resident;
    return resident * 4;
}

// A whole gmem of 16 TiB through the library.
void create(benchmark::State &state)
{
    long grown { 0 };
    for (auto _ : state) {
        state.PauseTiming();
        auto const before { resident_kib() };
        state.ResumeTiming();
        gmem_file *g { nullptr };
        if (gmem_create(std::uint64_t { 16 } << 40, GMEM_FLAG_MMAP, &g) != 0)
            return state.SkipWithError("creation failed");
        state.PauseTiming();
        grown = std::max(grown, resident_kib() - before);
        gmem_destroy(g);
        state.ResumeTiming();
    }
    state.counters["resident_KiB"] = static_cast<double>(grown);
}

} // namespace

BENCHMARK(lookup)->Name("attribute_lookup")->MinTime(0.2);
BENCHMARK(set_range)->Name("set_range")->Arg(4 << 10)->Arg(2 << 20)->Arg(1 << 30)->Arg(std::int64_t { 1 } << 40)->MinTime(0.1);
BENCHMARK(create)->Name("create_16_TiB")->Unit(benchmark::kMicrosecond)->MinTime(0.2);
