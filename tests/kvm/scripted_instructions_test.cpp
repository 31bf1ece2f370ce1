// What guests do to their own pages, on the models: statuses as the vendor's instruction returns them.

#include "kvm/scripted/instructions.hpp"
#include "platform/platform.hpp"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>

using namespace gmem;
using namespace gmem::kvm::scripted;
using platform::Kind;

namespace {

constexpr std::uint64_t frame { 0x100 };
constexpr PageNo page { 3 };

struct File final {
    explicit File(Kind k)
    {
        state->kind = k;
        state->id = 7;
        state->phase.store(platform::Phase::running);
        std::memset(memory.data(), 0x11, memory.size());
    }
    std::unique_ptr<platform::VmState> state { std::make_unique<platform::VmState>() };
    alignas(4096) std::array<std::byte, 8 * page_size> memory {};
    std::array<platform::Record, 8> records {};
    platform::Pages pages { .bytes = memory.data(), .records = records.data(), .count = PageNo { 8 }, .vm = state.get(), .first_physical = 1 << 20 };
    platform::Platform const &model() const { return platform::platform_of(state->kind); }

    Answered execute(std::uint32_t opcode, std::uint32_t flags = 0, std::uint64_t value = 0)
    {
        gmem_guest_op const raw { .opcode = opcode, .flags = flags, .gpa = frame << page_bits, .size = 0, .value = value, .extra = 0, .result = 0, .status = 0, .reserved = 0 };
        return instruct(state->kind, pages, page, frame, *Operation::decode(raw));
    }
    std::string name() const { return model().state_name(records[page.index()]); }
};

} // namespace

TEST(TdAccept, PendingOnceThenAlreadyAccepted)
{
    File f { Kind::tdx };
    EXPECT_EQ(f.execute(GMEM_GUEST_TD_ACCEPT).met.what, Met::What::retry); // nothing is mapped: an EPT violation
    ASSERT_TRUE(f.model().make_private(f.pages, page, frame));
    auto const accepted { f.execute(GMEM_GUEST_TD_ACCEPT) };
    EXPECT_TRUE(accepted.met.done());
    EXPECT_EQ(accepted.status, 0u);
    EXPECT_EQ(f.memory[page.index() * page_size], std::byte { 0 });
    EXPECT_EQ(f.memory[(page.index() + 1) * page_size], std::byte { 0x11 });
    EXPECT_EQ(f.execute(GMEM_GUEST_TD_ACCEPT).status, 0x00000B0A00000000u);
}

TEST(Pkvm, ShareAndUnshare)
{
    File f { Kind::pkvm };
    EXPECT_EQ(f.execute(GMEM_GUEST_MEM_SHARE).met.what, Met::What::retry); // the host has to give the page first
    ASSERT_TRUE(f.model().make_private(f.pages, page, frame));
    EXPECT_TRUE(f.model().held(f.records[page.index()]));
    EXPECT_EQ(f.execute(GMEM_GUEST_MEM_SHARE).status, 0u);
    EXPECT_FALSE(f.model().held(f.records[page.index()]));
    EXPECT_EQ(f.execute(GMEM_GUEST_MEM_SHARE).status, static_cast<std::uint64_t>(-3));
    EXPECT_EQ(f.execute(GMEM_GUEST_MEM_UNSHARE).status, 0u);
    EXPECT_TRUE(f.model().held(f.records[page.index()]));
    EXPECT_EQ(f.execute(GMEM_GUEST_MEM_RELINQUISH).status, 0u);
    EXPECT_FALSE(f.model().held(f.records[page.index()]));
    EXPECT_EQ(f.memory[page.index() * page_size], std::byte { 0 });
}

TEST(Ripas, DestroyedNeedsTheFlag)
{
    File f { Kind::cca };
    EXPECT_EQ(f.execute(GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_PRIVATE).result, 1u);
    ASSERT_TRUE(f.model().make_private(f.pages, page, frame));
    EXPECT_EQ(f.name(), "DATA, ASSIGNED/RAM");
    f.model().make_shared(f.pages, PageRange::one(page)); // the host takes it back: destroyed for the realm
    EXPECT_EQ(f.execute(GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_PRIVATE).result, 0u);
    EXPECT_EQ(f.execute(GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_DESTROYED_TOO).result, 1u);
}

TEST(SwProtected, HasNoInstruction)
{
    File f { Kind::sw_protected };
    EXPECT_EQ(f.execute(GMEM_GUEST_PVALIDATE).status, GMEM_GUEST_UNDEFINED);
}
