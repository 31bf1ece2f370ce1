#pragma once
// A gmem and a window on all of it, for tests: made in the constructor, audited and given back in the destructor.

#include "gmem/gmem.h"
#include "tests/support/probe.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace gmem::test {

inline constexpr std::uint64_t page { 4096 };

class File final {
public:
    explicit File(std::uint64_t pages, std::uint64_t flags = GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, gmem_platform platform = GMEM_SW_PROTECTED, char const *options = nullptr) : size_ { pages * page }
    {
        static bool const once { (install_probe(), true) };
        (void)once;
        EXPECT_EQ(gmem_create_trusted(size_, flags, platform, options, &g_), 0);
        void *address { nullptr };
        EXPECT_EQ(gmem_map(g_, 0, size_, PROT_READ | PROT_WRITE, &address), 0);
        window_ = static_cast<unsigned char *>(address);
    }
    ~File()
    {
        audit();
        EXPECT_EQ(gmem_unmap(window_, size_), 0);
        gmem_destroy(g_);
    }
    File(File const &) = delete;

    int convert(std::uint64_t first, std::uint64_t pages, gmem_attribute to, std::uint64_t *where = nullptr) { return gmem_convert(g_, first * page, pages * page, to, where); }
    int to_private(std::uint64_t first, std::uint64_t pages = 1) { return convert(first, pages, GMEM_PRIVATE); }
    int to_shared(std::uint64_t first, std::uint64_t pages = 1) { return convert(first, pages, GMEM_SHARED); }

    unsigned char *at(std::uint64_t p) const { return window_ + p * page; }
    bool is_private(std::uint64_t p) const { return gmem_attribute_at(g_, p * page) == GMEM_PRIVATE; }
    void write(std::uint64_t p, unsigned char value) { *static_cast<volatile unsigned char *>(at(p)) = value; }
    unsigned char guest(std::uint64_t p) const
    {
        unsigned char b { 0 };
        EXPECT_EQ(gmem_guest_read(g_, p * page, &b, 1), 0);
        return b;
    }

    // Every page reachable if and only if it is shared.
    void expect_gated() const
    {
        for (std::uint64_t p { 0 }; p < size_ / page; ++p)
            EXPECT_EQ(probe(at(p)).readable(), !is_private(p)) << "page " << p;
    }
    void audit() const
    {
        char text[128];
        EXPECT_EQ(gmem_audit(g_, text, sizeof text), 0) << text;
    }
    struct gmem_stats stats() const
    {
        struct gmem_stats s;
        EXPECT_EQ(gmem_get_stats(g_, &s), 0);
        return s;
    }
    gmem_file *get() const { return g_; }
    std::uint64_t pages() const { return size_ / page; }

private:
    std::uint64_t size_;
    gmem_file *g_ { nullptr };
    unsigned char *window_ { nullptr };
};

} // namespace gmem::test
