#pragma once
// A guest_memfd of a TD in plain memory.

#include "crypto/openssl/openssl.hpp"
#include "platform/tdx/memory_calls.hpp"
#include "platform/tdx/tdx.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace gmem::platform::tdx {

inline std::uint64_t word_at(std::byte const *page, std::uint64_t i)
{
    std::uint64_t w;
    std::memcpy(&w, page + 8 * i, 8);
    return w;
}

// Every word of the page.
inline void fill(std::byte *page, std::uint64_t word)
{
    for (std::uint64_t i { 0 }; i < page_size / 8; ++i)
        std::memcpy(page + 8 * i, &word, 8);
}

inline bool all_words(std::byte const *page, std::uint64_t word)
{
    for (std::uint64_t i { 0 }; i < page_size / 8; ++i)
        if (word_at(page, i) != word)
            return false;
    return true;
}

inline bool any_word(std::byte const *page, std::uint64_t word)
{
    for (std::uint64_t i { 0 }; i < page_size / 8; ++i)
        if (word_at(page, i) == word)
            return true;
    return false;
}

struct World {
    static constexpr std::uint16_t id { 7 };

    explicit World(std::uint64_t count, Options options = {})
        : memory { static_cast<std::byte *>(std::aligned_alloc(page_size, count * page_size)), &std::free },
          records(count)
    {
        std::memset(memory.get(), 0, count * page_size);
        vm.kind = Kind::tdx;
        vm.id = id;
        vm.options = options;
        for (std::size_t i { 0 }; i < sizeof vm.key; ++i)
            vm.key[i] = static_cast<std::byte>(i * 3 + 1);
        crypto::install(crypto::openssl_primitives());
        cipher = crypto::primitives()->make_cipher(vm.key);
        pages.cipher = cipher;
    }
    World(World const &) = delete;
    ~World()
    {
        crypto::primitives()->free_cipher(cipher);
    }

    TdState td() { return td_state_of(vm); }
    void run() { vm.phase = Phase::running; }
    PageRecord record(std::uint64_t p) const { return record_as<PageRecord>(records[p]); }
    std::byte *bytes(std::uint64_t p) const { return pages.page(PageNo { p }); }

    Platform const &platform { platform_of(Kind::tdx) };

    std::unique_ptr<std::byte, void (*)(void *)> memory;
    std::vector<Record> records;
    VmState vm {};
    crypto::Cipher *cipher { nullptr };
    Pages pages { memory.get(), records.data(), PageNo { records.size() }, &vm, 512 * 100, nullptr };
};

} // namespace gmem::platform::tdx
