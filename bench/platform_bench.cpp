// What a platform costs: SNP's conversion of 2 MiB to shared, with the encryption of 512 pages, beside AES-XTS itself on as much data in turns; the
// look at one page's state; and the memory of the records. One line each: name, value, unit.

#include "crypto/openssl/openssl.hpp"
#include "gmem/gmem.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

using namespace gmem;

namespace {

constexpr std::uint64_t mega { 2 << 20 };
using Clock = std::chrono::steady_clock;

void must(bool right, char const *what)
{
    if (right)
        return;
    std::fprintf(stderr, "platform_bench: %s\n", what);
    std::exit(1);
}

template <typename Run>
double microseconds(Run &&run)
{
    auto const begin { Clock::now() };
    run();
    return std::chrono::duration<double, std::micro> { Clock::now() - begin }.count();
}

double median(std::vector<double> v)
{
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
}

gmem_file *file_of(std::uint64_t size, gmem_platform platform)
{
    gmem_file *g { nullptr };
    must(gmem_create_trusted(size, GMEM_FLAG_MMAP, platform, "", &g) == 0, "no file");
    gmem_finish_launch(g);
    return g;
}

void use_all(gmem_file *g, std::uint64_t size)
{
    for (std::uint64_t at { 0 }; at < size; at += page_size)
        must(gmem_guest_accept(g, at) == 0, "no page for the guest");
}

// With a host's window the conversion also opens its 512 pages.
void encryption(int rounds)
{
    auto const &table { crypto::openssl_primitives() };
    std::byte key[crypto::xts_key_bytes];
    for (unsigned i { 0 }; i < sizeof key; ++i)
        key[i] = static_cast<std::byte>(i);
    auto *const cipher { table.make_cipher(key) };
    auto *const g { file_of(mega, GMEM_SNP) };
    void *window { nullptr };
    must(cipher && gmem_map(g, 0, mega, 3, &window) == 0, "no window");
    std::vector<double> conversion, xts, sw, unmapped;
    auto *const without { file_of(mega, GMEM_SW_PROTECTED) };
    auto *const alone { file_of(mega, GMEM_SNP) };
    for (int i { 0 }; i < rounds; ++i) {
        use_all(g, mega);
        conversion.push_back(microseconds([g] { must(gmem_convert(g, 0, mega, GMEM_SHARED, nullptr) == 0, "no conversion"); }));
        xts.push_back(microseconds([&] {
            for (std::uint64_t at { 0 }; at < mega; at += page_size)
                table.encrypt_page(cipher, at >> page_bits, static_cast<std::byte *>(window) + at); // the very pages
        }));
        use_all(alone, mega);
        unmapped.push_back(microseconds([alone] { must(gmem_convert(alone, 0, mega, GMEM_SHARED, nullptr) == 0, "no conversion"); }));
        must(gmem_convert(alone, 0, mega, GMEM_PRIVATE, nullptr) == 0, "no conversion");
        sw.push_back(microseconds([without] { must(gmem_convert(without, 0, mega, GMEM_SHARED, nullptr) == 0, "no conversion"); }));
        must(gmem_convert(g, 0, mega, GMEM_PRIVATE, nullptr) == 0 && gmem_convert(without, 0, mega, GMEM_PRIVATE, nullptr) == 0, "no conversion");
    }
    std::printf("snp_to_shared_2_MiB %.1f us\nxts_2_MiB %.1f us\nsnp_to_shared_over_xts %.2f ratio\nsnp_to_shared_2_MiB_no_window %.1f us\nsnp_to_shared_no_window_over_xts %.2f ratio\nsw_protected_to_shared_2_MiB_no_window %.1f us\n", median(conversion), median(xts), median(conversion) / median(xts), median(unmapped), median(unmapped) / median(xts), median(sw));
    gmem_unmap(window, mega);
    gmem_destroy(g);
    gmem_destroy(without);
    gmem_destroy(alone);
    table.free_cipher(cipher);
}

// The same number of questions to files of any size takes as long.
void lookup(std::uint64_t size, char const *name)
{
    auto *const g { file_of(size, GMEM_SNP) };
    for (std::uint64_t at { 0 }; at < size; at += size / 64)
        must(gmem_guest_touch(g, at) == 0, "no page for the guest");
    std::vector<double> each;
    for (int i { 0 }; i < 2000; ++i)
        each.push_back(microseconds([&] { must(gmem_page_state(g, size / 64 * static_cast<std::uint64_t>(i % 64)) != nullptr, "no state"); }));
    std::printf("state_lookup_%s %.0f ns\n", name, median(each) * 1e3);
    gmem_destroy(g);
}

std::uint64_t resident_shmem_kib()
{
    std::uint64_t kib { 0 };
    char line[128];
    auto *const f { std::fopen("/proc/self/status", "r") };
    while (f && std::fgets(line, sizeof line, f))
        if (std::strncmp(line, "RssShmem:", 9) == 0)
            kib = std::strtoull(line + 9, nullptr, 10);
    if (f)
        std::fclose(f);
    return kib;
}

// pKVM: its pages have memory only where somebody writes, so what becomes resident is the model's own.
void records(std::uint64_t size)
{
    auto *const g { file_of(size, GMEM_PKVM) };
    auto const before { resident_shmem_kib() };
    must(gmem_convert(g, 0, size, GMEM_SHARED, nullptr) == 0 && gmem_convert(g, 0, size, GMEM_PRIVATE, nullptr) == 0, "no conversion");
    auto const unused { resident_shmem_kib() };
    for (std::uint64_t at { 0 }; at < size; at += page_size)
        must(gmem_guest_touch(g, at) == 0, "no page for the guest");
    auto const used { resident_shmem_kib() };
    auto const pages { static_cast<double>(size >> page_bits) };
    std::printf("records_of_1_GiB_unused %llu KiB\nrecords_of_1_GiB_used %llu KiB\nrecords_per_page %.2f bytes\n", static_cast<unsigned long long>(unused - before),
        static_cast<unsigned long long>(used - before), static_cast<double>(used - unused) * 1024 / pages);
    gmem_destroy(g);
}

} // namespace

int main()
{
    crypto::install(crypto::openssl_primitives());
    encryption(60);
    lookup(std::uint64_t { 1 } << 21, "2_MiB");
    lookup(std::uint64_t { 1 } << 40, "1_TiB");
    records(std::uint64_t { 1 } << 30);
}
