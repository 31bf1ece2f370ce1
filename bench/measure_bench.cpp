// The launch measurement of an image of 16 MiB, all of it measured.

#include "crypto/openssl/openssl.hpp"
#include "platform/measure/cca_digest.hpp"
#include "platform/measure/snp_digest.hpp"
#include "platform/measure/tdx_digest.hpp"

#include <benchmark/benchmark.h>

#include <vector>

using namespace gmem;
using namespace gmem::platform::measure;

namespace {

auto const &table { crypto::openssl_primitives() };

std::vector<std::byte> image(benchmark::State const &state)
{
    std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)));
    for (std::size_t i { 0 }; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(i * 7 + (i >> 8));
    return bytes;
}

template <typename Digest, typename Add>
void each_page(benchmark::State &state, Digest &digest, Add add)
{
    auto const bytes { image(state) };
    for (auto _ : state) {
        for (std::size_t at { 0 }; at < bytes.size(); at += page_size)
            add(digest, at, bytes.data() + at);
        benchmark::DoNotOptimize(digest.value());
    }
}

void measure_snp(benchmark::State &state)
{
    SnpDigest d { table };
    each_page(state, d, [](SnpDigest &s, std::uint64_t gpa, std::byte const *page) { benchmark::DoNotOptimize(s.add(SnpPage::normal, gpa, page)); });
}

void measure_tdx(benchmark::State &state)
{
    TdxDigest d { table };
    each_page(state, d, [](TdxDigest &t, std::uint64_t gpa, std::byte const *page) { t.add_measured(gpa, page); });
}

template <crypto::Hash hash>
void measure_cca(benchmark::State &state)
{
    CcaDigest d { table, hash };
    each_page(state, d, [](CcaDigest &c, std::uint64_t ipa, std::byte const *page) { benchmark::DoNotOptimize(c.add(ipa, page)); });
}

BENCHMARK(measure_snp)->Arg(16 << 20)->Unit(benchmark::kMillisecond);
BENCHMARK(measure_tdx)->Arg(16 << 20)->Unit(benchmark::kMillisecond);
BENCHMARK(measure_cca<crypto::Hash::sha256>)->Name("measure_cca_sha256")->Arg(16 << 20)->Unit(benchmark::kMillisecond);
BENCHMARK(measure_cca<crypto::Hash::sha512>)->Name("measure_cca_sha512")->Arg(16 << 20)->Unit(benchmark::kMillisecond);

} // namespace
