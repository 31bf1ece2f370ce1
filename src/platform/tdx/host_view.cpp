#include "platform/tdx/host_view.hpp"

#include "platform/tdx/tdx.hpp"

namespace gmem::platform::tdx {
namespace {

constexpr std::size_t line_bytes { 64 };

void fill_with_poison(std::byte *page) noexcept
{
    for (std::uint64_t at { 0 }; at < page_size; at += sizeof poison_word)
        __builtin_memcpy(page + at, &poison_word, sizeof poison_word);
}

bool line_poisoned(std::byte const *line) noexcept
{
    for (std::size_t at { 0 }; at < line_bytes; at += sizeof poison_word)
        if (__builtin_memcmp(line + at, &poison_word, sizeof poison_word) != 0)
            return false;
    return true;
}

// In place, from what the TD reads.
void as_the_host_reads(Pages const &pages, PageNo p, TdxRemoved how, std::byte *page) noexcept
{
    if (how == TdxRemoved::noise && pages.cipher)
        crypto::primitives()->encrypt_page(pages.cipher, pages.physical(p), page);
    else if (how == TdxRemoved::poison)
        fill_with_poison(page);
    else
        __builtin_memset(page, 0, page_size);
}

}

void leave_to_host(Pages const &pages, PageNo p) noexcept
{
    auto const &options { pages.vm->options };
    as_the_host_reads(pages, p, options.tdx_cpu == TdxCpu::partial_write_erratum ? TdxRemoved::zeros : options.tdx_removed, pages.page(p));
}

void show_host(Pages const &pages, PageNo p, std::byte *out) noexcept
{
    __builtin_memcpy(out, pages.page(p), page_size);
    as_the_host_reads(pages, p, pages.vm->options.tdx_removed, out);
}

bool poisoned(Pages const &pages, PageNo p) noexcept
{
    if (pages.vm->options.tdx_removed != TdxRemoved::poison)
        return false;
    for (std::uint64_t at { 0 }; at < page_size; at += line_bytes)
        if (line_poisoned(pages.page(p) + at))
            return true;
    return false;
}

} // namespace gmem::platform::tdx
