// AES-256-XTS on pages, as an encrypting platform does it: what no conversion of encrypted memory can be faster than.

#include "crypto/openssl/openssl.hpp"

#include <benchmark/benchmark.h>

#include <vector>

using namespace gmem;

namespace {

using PageFunction = void (*)(crypto::Cipher *, std::uint64_t, std::byte *) noexcept;

void pages(benchmark::State &state, PageFunction run)
{
    auto const &table { crypto::openssl_primitives() };
    std::byte key[crypto::xts_key_bytes];
    for (unsigned i { 0 }; i < sizeof key; ++i)
        key[i] = static_cast<std::byte>(i);
    auto *const cipher { table.make_cipher(key) };
    if (!cipher) {
        state.SkipWithError("no cipher");
        return;
    }
    std::vector<std::byte> memory(static_cast<std::size_t>(state.range(0)), std::byte { 0x5a });
    for (auto _ : state) {
        for (std::size_t at { 0 }; at < memory.size(); at += page_size)
            run(cipher, at >> page_bits, memory.data() + at);
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
    table.free_cipher(cipher);
}

void encrypt(benchmark::State &state) { pages(state, crypto::openssl_primitives().encrypt_page); }
void decrypt(benchmark::State &state) { pages(state, crypto::openssl_primitives().decrypt_page); }

BENCHMARK(encrypt)->Arg(4 << 10)->Arg(2 << 20)->Unit(benchmark::kMicrosecond);
BENCHMARK(decrypt)->Arg(4 << 10)->Arg(2 << 20)->Unit(benchmark::kMicrosecond);

} // namespace
