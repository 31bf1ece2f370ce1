#pragma once
// A machine of a few pages for the tests: one VM, one file, real cryptography unless a test asks for a quick substitute.

#include "crypto/openssl/openssl.hpp"
#include "platform/snp/guest_instructions.hpp"
#include "platform/snp/snp.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

namespace gmem::platform::snp {

// The table in force in this executable: OpenSSL's, with what tests need to bend.
struct Bend final {
    static inline bool quick_cipher { false }; // only the first 64 bytes of a page, by adding a number made of key and page
    static inline int hashes_left { -1 };      // then there is no memory; below 0: never
    static inline int ciphered { 0 };          // pages that were encrypted or decrypted

    static void quick(std::uint64_t page, std::byte *bytes, bool encrypt) noexcept
    {
        for (unsigned i { 0 }; i < 8; ++i) {
            std::uint64_t word;
            std::memcpy(&word, bytes + 8 * i, 8);
            auto const number { (page * 8 + i + 1) * 0x9e3779b97f4a7c15 };
            word = encrypt ? word + number : word - number;
            std::memcpy(bytes + 8 * i, &word, 8);
        }
    }
    static void encrypt(crypto::Cipher *c, std::uint64_t page, std::byte *bytes) noexcept
    {
        ++ciphered;
        quick_cipher ? quick(page, bytes, true) : crypto::openssl_primitives().encrypt_page(c, page, bytes);
    }
    static void decrypt(crypto::Cipher *c, std::uint64_t page, std::byte *bytes) noexcept
    {
        ++ciphered;
        quick_cipher ? quick(page, bytes, false) : crypto::openssl_primitives().decrypt_page(c, page, bytes);
    }
    static bool hash(crypto::Hash h, std::byte const *data, std::size_t size, std::byte *out) noexcept
    {
        if (hashes_left == 0)
            return false;
        hashes_left -= hashes_left > 0;
        return crypto::openssl_primitives().hash(h, data, size, out);
    }
    static void install() noexcept
    {
        static crypto::Primitives const table { [] {
            auto t { crypto::openssl_primitives() };
            t.encrypt_page = &encrypt;
            t.decrypt_page = &decrypt;
            t.hash = &hash;
            return t;
        }() };
        crypto::install(table);
    }
};

inline constexpr std::uint16_t our_asid { 7 }, other_asid { 9 };

struct World final {
    // `first_physical`: where the file's first page is in the machine's memory. 512 divides 0x100000.
    explicit World(std::uint64_t count, std::uint64_t first_physical = 0x100000) : memory(count * page_size), records(count), vm { std::make_unique<VmState>() }
    {
        Bend::install();
        vm->kind = Kind::snp;
        vm->id = our_asid;
        for (unsigned i { 0 }; i < sizeof vm->key; ++i)
            vm->key[i] = static_cast<std::byte>(3 * i + 1);
        cipher = crypto::primitives()->make_cipher(vm->key);
        pages = { memory.data(), records.data(), PageNo { count }, vm.get(), first_physical, cipher };
    }
    ~World() { crypto::primitives()->free_cipher(cipher); }
    World(World const &) = delete;
    World &operator=(World const &) = delete;

    Rmp rmp() const { return Rmp { pages }; }
    RmpEntry entry(std::uint64_t p) const { return rmp().at(PageNo { p }); }
    void set(std::uint64_t p, RmpEntry const &e) { store_record(records[p], e); }
    std::string state(std::uint64_t p) const { return platform_of(Kind::snp).state_name(records[p]); }
    std::vector<std::byte> bytes(std::uint64_t p) const { return { memory.data() + p * page_size, memory.data() + (p + 1) * page_size }; }
    void write(std::uint64_t p, std::vector<std::byte> const &b) { std::memcpy(memory.data() + p * page_size, b.data(), b.size()); }
    std::vector<std::byte> ciphertext(std::uint64_t p) const
    {
        std::vector<std::byte> out(page_size);
        platform_of(Kind::snp).read_ciphertext(pages, PageNo { p }, out.data());
        return out;
    }
    // Healthy, every page of it.
    ::testing::AssertionResult healthy() const
    {
        for (std::uint64_t p { 0 }; p < records.size(); ++p)
            if (auto const *broken { rmp().audit(PageNo { p }) })
                return ::testing::AssertionFailure() << "page " << p << ": " << broken;
        return ::testing::AssertionSuccess();
    }

    std::vector<std::byte> memory;
    std::vector<Record> records;
    std::unique_ptr<VmState> vm;
    crypto::Cipher *cipher {};
    Pages pages { nullptr, nullptr, PageNo { 0 }, nullptr, 0 };
};

// Page p of the measurement vectors: byte i is (7 i + (i >> 8) + seed) & 0xff.
inline std::vector<std::byte> pattern(unsigned seed = 0)
{
    std::vector<std::byte> page(page_size);
    for (unsigned i { 0 }; i < page_size; ++i)
        page[i] = static_cast<std::byte>(7 * i + (i >> 8) + seed);
    return page;
}

// One entry of each state, as it can be.
inline RmpEntry example_of(PageState s, std::uint16_t asid = our_asid, std::uint64_t frame = 0x100)
{
    RmpEntry e {};
    auto const guests { s >= PageState::pre_guest };
    e.assigned = s != PageState::hypervisor && s != PageState::hv_fixed;
    e.immutable = s != PageState::hypervisor && s != PageState::reclaim && s < PageState::guest_invalid;
    e.vmsa = s == PageState::context;
    e.frame = guests || s == PageState::metadata ? frame : 0;
    e.asid = guests ? asid : std::uint16_t { 0 };
    e.validated = s == PageState::pre_swap || s == PageState::guest_valid;
    if (guests)
        e.permissions = fresh_permissions;
    return e;
}
inline constexpr std::array all_states { PageState::hypervisor, PageState::hv_fixed, PageState::reclaim, PageState::firmware, PageState::context, PageState::metadata,
    PageState::pre_guest, PageState::pre_swap, PageState::guest_invalid, PageState::guest_valid };

} // namespace gmem::platform::snp
