// What conversions tell the trusted side of a file.

#include "gmem/gmem.h"
#include "library/prepare.hpp"
#include "memory/guest_memory.hpp"
#include "memory/guest_window.hpp"
#include "memory/sigbus.hpp"
#include "memory/space.hpp"
#include "memory/trusted_side.hpp"
#include "os/signals.hpp"
#include "platform/pkvm/pending.hpp"
#include "tests/support/convert.hpp"
#include "tests/support/peer.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <sys/mman.h>

using namespace gmem;

namespace {

int convert(memory::GuestMemory &file, PageRange r, Attribute to)
{
    auto const s { test::convert(file, r, to) };
    return s ? 0 : s.error().err;
}

}

// A request is good for one conversion, and for its own direction.
TEST(TrustedSide, APendingRequestIsAnsweredOnce)
{
    library::prepare_process();
    auto created { memory::GuestMemory::create({ .pages = PageNo { 16 }, .initial = Attribute::private_, .windows = memory::Windows::allowed, .platform = platform::Kind::pkvm,
        .options = { .pkvm_unsolicited = platform::PkvmUnsolicited::refused }, .vm_id = 7 }) };
    ASSERT_TRUE(bool(created));
    auto &file { *std::move(created).take() };
    auto const r { *PageRange::make(PageNo { 4 }, PageNo { 8 }) };
    constexpr char const *unasked { "a VMM would take pages from a guest that never asked, and the guest's next access would be its last" };
    constexpr char const *again { "a request that was answered would count again: a VMM would take the pages once more, unasked" };
    EXPECT_EQ(convert(file, r, Attribute::shared), EPERM) << unasked;
    platform::pkvm::record_request(file.header().vm, r, false);
    EXPECT_EQ(convert(file, r, Attribute::shared), 0);
    EXPECT_EQ(convert(file, r, Attribute::private_), EPERM) << unasked;
    platform::pkvm::record_request(file.header().vm, r, true);
    EXPECT_EQ(convert(file, r, Attribute::private_), 0);
    EXPECT_EQ(convert(file, r, Attribute::shared), EPERM) << again;
    platform::pkvm::record_request(file.header().vm, r, false);
    EXPECT_EQ(convert(file, r, Attribute::shared), 0);
    EXPECT_EQ(convert(file, r, Attribute::private_), EPERM) << again;
    EXPECT_EQ(file.audit(), nullptr);
    file.release();
}

namespace {

memory::GuestMemory &create(platform::Kind kind)
{
    library::prepare_process(); // which engine; fork handlers
    return *memory::GuestMemory::create({ .pages = PageNo { 16 }, .initial = Attribute::private_, .windows = memory::Windows::allowed, .platform = kind, .vm_id = 7 }).take();
}

// A file with a guest's window, as a real vCPU has it, on a platform that keeps bytes.
struct Gated final {
    explicit Gated(platform::Kind kind = platform::Kind::cca)
        : file { create(kind) }
    {
        test::install_probe();
        EXPECT_TRUE(bool(memory::Sigbus::install()));
        auto const opened { memory::GuestWindow::open(file) };
        EXPECT_TRUE(bool(opened));
        window = reinterpret_cast<unsigned char *>(opened.value());
    }
    ~Gated()
    {
        EXPECT_EQ(file.audit(), nullptr);
        file.release();
    }
    bool touch(std::uint64_t p) { return bool(file.guest_touch(PageNo { p }, p, memory::GuestMemory::Accepts::gmem)); }
    bool reaches(std::uint64_t p) const { return test::probe(window + p * page_size).readable(); }

    memory::GuestMemory &file;
    unsigned char *window;
};
constexpr char const *punched { "the guest would go on in a page that no longer is its platform's: on hardware it would fault" };

} // namespace

TEST(GuestWindow, APrivatePageIsReachableWhileThePlatformHoldsIt)
{
    Gated g;
    EXPECT_FALSE(g.reaches(3));
    ASSERT_TRUE(g.touch(3));
    EXPECT_TRUE(g.reaches(3));
    EXPECT_FALSE(g.reaches(4));
    EXPECT_EQ(convert(g.file, PageRange::one(PageNo { 3 }), Attribute::shared), 0);
    EXPECT_TRUE(g.reaches(3));
    EXPECT_EQ(convert(g.file, PageRange::one(PageNo { 3 }), Attribute::private_), 0);
    EXPECT_FALSE(g.reaches(3));
}

TEST(GuestWindow, APunchedPageHasToBeAskedForAgain)
{
    Gated g;
    ASSERT_TRUE(g.touch(3) && g.touch(4));
    g.window[3 * page_size] = 9;
    ASSERT_TRUE(bool(g.file.punch(PageRange::one(PageNo { 3 }))));
    EXPECT_FALSE(g.reaches(3)) << punched;
    ASSERT_TRUE(g.touch(3));
    EXPECT_EQ(g.window[3 * page_size], 0);
    ASSERT_TRUE(g.touch(4));
    EXPECT_TRUE(g.reaches(4));
}

// Also where another process punches.
TEST(GuestWindow, APageThatAnotherProcessPunchedHasToBeAskedForAgain)
{
    Gated g;
    ASSERT_TRUE(g.touch(3));
    test::Peer peer { [&g](char, std::uint64_t p) { return g.file.punch(PageRange::one(PageNo { p })) ? 0 : 1; } };
    ASSERT_EQ(peer.ask('P', 3), 0);
    EXPECT_FALSE(g.reaches(3)) << punched;
}

TEST(GuestWindow, AMemslotThatGoesTakesItsPagesFromTheGuest)
{
    Gated g;
    ASSERT_TRUE(g.touch(3) && g.touch(9));
    g.file.slot_gone(*PageRange::make(PageNo { 2 }, PageNo { 8 }), 2);
    EXPECT_FALSE(g.reaches(3)) << "the guest would still work in a page whose memslot is gone: on hardware it is MMIO";
    EXPECT_STREQ(memory::TrustedSide { g.file }.state_name(PageNo { 3 }), "UNDELEGATED, UNASSIGNED/DESTROYED")
        << "the guest would find its page again when a memslot comes back: on hardware it is destroyed with the old one";
    EXPECT_STREQ(memory::TrustedSide { g.file }.state_name(PageNo { 9 }), "DATA, ASSIGNED/RAM");
    EXPECT_TRUE(g.reaches(9));
    EXPECT_TRUE(g.touch(3));
}

// At its addresses a child may have anything.
TEST(GuestWindow, AForkedChildHasNone)
{
    auto *const g { new Gated };
    ASSERT_TRUE(g->touch(3));
    auto const pid { fork() };
    if (pid == 0) {
        auto const own { mmap(g->window, 16 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) };
        if (own != g->window)
            _exit(1);
        g->window[0] = 5;
        if (!g->touch(4)) // through the view
            _exit(2);
        g->file.release();
        _exit(g->window[0] == 5 ? 0 : 3);
    }
    int status { 0 };
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(g->reaches(3));
    delete g;
}

// The program closes its descriptor first and unmaps later.
TEST(GuestWindow, EndsWithTheLastWindowOfTheHost)
{
    auto *const g { new Gated };
    ASSERT_TRUE(g->touch(3));
    auto const host { memory::Space::map(g->file, { .hint = 0, .length = page_size, .protection = PROT_READ, .flags = 0, .offset = Bytes { 0 } }) };
    ASSERT_TRUE(bool(host));
    auto *const window { g->window };
    delete g;
    alarm(20); // it used to wait for itself
    EXPECT_TRUE(bool(memory::Space::unmap({ host.value(), host.value() + page_size })));
    alarm(0);
    EXPECT_EQ(mmap(window, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), window);
    munmap(window, page_size);
}
