// What guests of each platform ask of their VMM, and the answers in the vendor's words. The VM is a fake: pages in an array.

#include "kvm/scripted/interpreter.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <vector>

using namespace gmem;
using namespace gmem::kvm;
using namespace gmem::kvm::scripted;
using platform::Kind;

namespace {

constexpr std::uint64_t pages { 16 };

struct FakeVm final : GuestSide {
    Kind kind_;
    bool exits { true };
    std::vector<std::byte> memory = std::vector<std::byte>(pages * page_size);
    std::map<std::uint64_t, bool> private_pages; // also beyond the memory: what the VMM has converted
    std::vector<std::uint32_t> instructions;
    struct Asked final {
        std::uint64_t gpa, size;
        platform::Side to;
        friend bool operator==(Asked const &, Asked const &) = default;
    };
    std::vector<Asked> asked;
    Answered answer {};

    explicit FakeVm(Kind k) : kind_ { k } {}
    Kind kind() const noexcept override { return kind_; }
    bool hypercalls_exit() const noexcept override { return exits; }
    bool is_private(std::uint64_t gpa) noexcept override { return private_pages[gpa >> 12]; }
    Met reach(std::uint64_t gpa, scripted::Side side)
    {
        auto const is { is_private(gpa) ? platform::Side::private_ : platform::Side::shared };
        if (side && *side != is)
            return Met::fault(*side);
        return gpa < memory.size() ? Met {} : Met { Met::What::mmio, is, 0 };
    }
    Met read(std::uint64_t gpa, scripted::Side side, void *to, std::size_t size) noexcept override
    {
        auto const met { reach(gpa, side) };
        if (met.done())
            std::memcpy(to, memory.data() + gpa, size);
        return met;
    }
    Met write(std::uint64_t gpa, scripted::Side side, void const *from, std::size_t size) noexcept override
    {
        auto const met { reach(gpa, side) };
        if (met.done())
            std::memcpy(memory.data() + gpa, from, size);
        return met;
    }
    void asks(std::uint64_t gpa, std::uint64_t size, platform::Side to) noexcept override { asked.push_back({ gpa, size, to }); }
    Answered instruction(Operation const &o) noexcept override
    {
        instructions.push_back(static_cast<std::uint32_t>(o.opcode));
        return answer;
    }
};

// One operation at 0, then a HALT.
class Machine final {
public:
    explicit Machine(Kind k) : vm { k } {}
    FakeVm vm;

    gmem_guest_op &op() { return *reinterpret_cast<gmem_guest_op *>(vm.memory.data()); }
    uapi::RunPage &page() { return *reinterpret_cast<uapi::RunPage *>(shared_.data()); }

    // Runs to the next exit: KVM_RUN's result.
    long run()
    {
        auto ended { interpreter_.complete() };
        while (!ended)
            ended = interpreter_.step();
        return *ended;
    }
    long start(gmem_guest_op const &first)
    {
        op() = first;
        (&op())[1] = { .opcode = GMEM_GUEST_HALT, .flags = 0, .gpa = 0, .size = 0, .value = 0, .extra = 0, .result = 0, .status = 0, .reserved = 0 };
        interpreter_.set_registers({});
        return run();
    }
    bool halted(long result) { return result == 0 && page().exit_reason == uapi::exit_hlt; }
    bool asked(std::uint64_t nr, std::uint64_t a, std::uint64_t b, std::uint64_t c)
    {
        auto const &h { page().hypercall };
        constexpr std::uint64_t mem_unshare { 0xC6000004 };
        bool const to_private { nr == 12 ? (c & 16) != 0 : nr == mem_unshare };
        // What is asked is noted for the platform before the VMM hears of it.
        if (vm.asked.empty() || !(vm.asked.back() == FakeVm::Asked { a, nr == 12 ? b << 12 : b, to_private ? platform::Side::private_ : platform::Side::shared }))
            return false;
        return page().exit_reason == uapi::exit_hypercall && h.nr == nr && h.arguments[0] == a && h.arguments[1] == b && h.arguments[2] == c && h.result == 0;
    }
    bool answered(std::uint64_t told)
    {
        page().hypercall.result = told;
        return halted(run());
    }

private:
    alignas(16) std::array<std::byte, Interpreter::shared_bytes> shared_ {};
    Interpreter interpreter_ { vm, shared_.data() };
};

gmem_guest_op op(std::uint32_t opcode, std::uint32_t flags, std::uint64_t gpa, std::uint64_t size, std::uint64_t value = 0, std::uint64_t extra = 0)
{
    return { .opcode = opcode, .flags = flags, .gpa = gpa, .size = size, .value = value, .extra = extra, .result = 99, .status = 99, .reserved = 0 };
}

constexpr std::uint64_t td_invalid { 1ull << 63 };

} // namespace

TEST(Snp, PageStateChangeByMsr)
{
    Machine m { Kind::snp };
    auto const request { [](std::uint64_t gpa, std::uint64_t direction) { return op(GMEM_GUEST_PSC_MSR, 0, 0, 0, gpa | direction << 52 | 0x014); } };
    ASSERT_EQ(m.start(request(0x5000, 1)), 0);
    EXPECT_TRUE(m.asked(12, 0x5000, 1, 16));
    EXPECT_TRUE(m.answered(0));
    EXPECT_EQ(m.op().result, 0x015u);
    ASSERT_EQ(m.start(request(0xf'ffff'ffff'f000, 2)), 0);
    EXPECT_TRUE(m.asked(12, 0xf'ffff'ffff'f000, 1, 0));
    EXPECT_TRUE(m.answered(1));
    EXPECT_EQ(m.op().result & 0xffff'ffff, 0x015u);
    EXPECT_NE(m.op().result >> 32, 0u);
    for (auto const &bad : { request(0x5000, 0), request(0x5000, 3), op(GMEM_GUEST_PSC_MSR, 0, 0, 0, 0x5000 | 1ull << 52 | 0x013) }) {
        EXPECT_TRUE(m.halted(m.start(bad)));
        EXPECT_NE(m.op().result >> 32, 0u);
    }
    m.vm.exits = false;
    EXPECT_TRUE(m.halted(m.start(request(0x5000, 1))));
    EXPECT_NE(m.op().result >> 32, 0u);
}

TEST(Snp, PageStateChangeByList)
{
    Machine m { Kind::snp };
    auto &list { *reinterpret_cast<gmem_guest_psc *>(m.vm.memory.data() + 0x3000) };
    auto const fill { [&list] {
        list = {};
        list.end_entry = 2;
        list.entries[0] = GMEM_GUEST_PSC_ENTRY(0x8000, 1, 0);
        list.entries[1] = GMEM_GUEST_PSC_ENTRY(0x9000, 1, 0);
        list.entries[2] = GMEM_GUEST_PSC_ENTRY(0x200000, 2, 1);
    } };
    fill();
    ASSERT_EQ(m.start(op(GMEM_GUEST_PSC_NAE, 0, 0x3000, 0)), 0);
    EXPECT_TRUE(m.asked(12, 0x8000, 2, 16));
    m.page().hypercall.result = 0;
    ASSERT_EQ(m.run(), 0);
    EXPECT_TRUE(m.asked(12, 0x200000, 512, 1));
    EXPECT_EQ(list.cur_entry, 2);
    EXPECT_TRUE(m.answered(0));
    EXPECT_EQ(m.op().status, 0u);
    EXPECT_EQ(list.cur_entry, 3);

    // The VMM refuses the second: the list says how far it went.
    fill();
    ASSERT_EQ(m.start(op(GMEM_GUEST_PSC_NAE, 0, 0x3000, 0)), 0);
    m.page().hypercall.result = 0;
    ASSERT_EQ(m.run(), 0);
    EXPECT_TRUE(m.answered(1));
    EXPECT_EQ(m.op().status, psc_generic_error);
    EXPECT_EQ(list.cur_entry, 2);
    // And goes on from there.
    ASSERT_EQ(m.start(op(GMEM_GUEST_PSC_NAE, 0, 0x3000, 0)), 0);
    EXPECT_TRUE(m.asked(12, 0x200000, 512, 1));
    EXPECT_TRUE(m.answered(0));
    EXPECT_EQ(m.op().status, 0u);

    list.end_entry = 253;
    EXPECT_TRUE(m.halted(m.start(op(GMEM_GUEST_PSC_NAE, 0, 0x3000, 0))));
    EXPECT_EQ(m.op().status, psc_invalid_header);
    EXPECT_TRUE(m.halted(m.start(op(GMEM_GUEST_PSC_NAE, 0, 0x3000 + 2080, 0)))); // across a page
    EXPECT_EQ(m.op().status, psc_invalid_header);
    // The guest's list on a page that is private: the host cannot read it.
    fill();
    m.vm.private_pages[3] = true;
    EXPECT_EQ(m.start(op(GMEM_GUEST_PSC_NAE, 0, 0x3000, 0)), -EFAULT);
    EXPECT_EQ(m.page().exit_reason, uapi::exit_memory_fault);
    EXPECT_EQ(m.page().memory_fault.gpa, 0x3000u);
    m.vm.private_pages[3] = false;
    ASSERT_EQ(m.run(), 0);
    EXPECT_TRUE(m.asked(12, 0x8000, 2, 16));
    // A guest that changes the list while the VMM converts gets no page outside of it marked.
    list.end_entry = 0xffff;
    m.page().hypercall.result = 0;
    EXPECT_TRUE(m.halted(m.run()));
    EXPECT_EQ(m.op().status, psc_invalid_header);
    m.vm.exits = false;
    EXPECT_TRUE(m.halted(m.start(op(GMEM_GUEST_PSC_NAE, 0, 0x3000, 0))));
    EXPECT_EQ(m.op().status, psc_generic_error);
}

TEST(Tdx, MapGpaGoesInPieces)
{
    Machine m { Kind::tdx };
    constexpr std::uint64_t piece { 2 << 20 };
    ASSERT_EQ(m.start(op(GMEM_GUEST_TD_MAPGPA, GMEM_GUEST_PRIVATE, 0x100000, 2 * piece + 4096)), 0);
    for (int i { 0 }; i < 2; ++i) {
        EXPECT_TRUE(m.asked(12, 0x100000 + static_cast<unsigned>(i) * piece, 512, 16));
        m.page().hypercall.result = 0;
        ASSERT_EQ(m.run(), 0);
    }
    EXPECT_TRUE(m.asked(12, 0x100000 + 2 * piece, 1, 16));
    EXPECT_TRUE(m.answered(0));
    EXPECT_EQ(m.op().status, 0u);
    EXPECT_EQ(m.op().result, 0x100000 + 2 * piece + 4096);

    // EAGAIN in the middle: retry, and from where.
    ASSERT_EQ(m.start(op(GMEM_GUEST_TD_MAPGPA, 0, 0x100000, 2 * piece)), 0);
    EXPECT_TRUE(m.asked(12, 0x100000, 512, 0));
    m.page().hypercall.result = 0;
    ASSERT_EQ(m.run(), 0);
    EXPECT_TRUE(m.answered(EAGAIN));
    EXPECT_EQ(m.op().status, 1u);
    EXPECT_EQ(m.op().result, 0x100000 + piece);
    ASSERT_EQ(m.start(op(GMEM_GUEST_TD_MAPGPA, 0, 0x100000, 4096)), 0);
    EXPECT_TRUE(m.answered(EINVAL));
    EXPECT_EQ(m.op().status, td_invalid);

    struct { std::uint64_t gpa, size, status; } const bad[] { { 0x1000, 0, td_invalid }, { 0x1001, 4096, td_invalid | 2 }, { 0x1000, 4097, td_invalid | 2 }, { ~0ull << 12, 8192, td_invalid }, { 0, ~0ull, td_invalid } };
    for (auto const &b : bad) {
        EXPECT_TRUE(m.halted(m.start(op(GMEM_GUEST_TD_MAPGPA, 0, b.gpa, b.size))));
        EXPECT_EQ(m.op().status, b.status) << b.gpa;
    }
    m.vm.exits = false;
    EXPECT_TRUE(m.halted(m.start(op(GMEM_GUEST_TD_MAPGPA, 0, 0x1000, 4096))));
    EXPECT_EQ(m.op().status, td_invalid | 3);
}

TEST(Pkvm, El2ChangesItsStateBeforeTheHostHears)
{
    Machine m { Kind::pkvm };
    m.vm.exits = false; // of x86 only
    struct { std::uint32_t opcode; std::uint64_t nr; } const calls[] { { GMEM_GUEST_MEM_SHARE, 0xC6000003 }, { GMEM_GUEST_MEM_UNSHARE, 0xC6000004 } };
    for (auto const &c : calls) {
        m.vm.instructions.clear();
        ASSERT_EQ(m.start(op(c.opcode, 0, 0x5000, 0)), 0);
        EXPECT_TRUE(m.asked(c.nr, 0x5000, 4096, 0));
        EXPECT_EQ(m.vm.instructions, std::vector { c.opcode });
        EXPECT_TRUE(m.answered(0));
        EXPECT_EQ(m.op().status, 0u);
        for (auto const &bad : { op(c.opcode, 0, 0x5000, 0, 1), op(c.opcode, 0, 0x5000, 0, 0, 1), op(c.opcode, 0, 0x5001, 0) }) {
            m.vm.instructions.clear();
            EXPECT_TRUE(m.halted(m.start(bad)));
            EXPECT_EQ(m.op().status, static_cast<std::uint64_t>(-3));
            EXPECT_TRUE(m.vm.instructions.empty());
        }
    }
    EXPECT_TRUE(m.halted(m.start(op(GMEM_GUEST_MEM_RELINQUISH, 0, 0x5000, 0)))); // the host does not hear of it
    EXPECT_EQ(m.op().status, 0u);
    EXPECT_EQ(m.vm.instructions, std::vector<std::uint32_t> { GMEM_GUEST_MEM_RELINQUISH });
    m.vm.answer.status = static_cast<std::uint64_t>(-3); // EL2 refuses: no exit
    EXPECT_TRUE(m.halted(m.start(op(GMEM_GUEST_MEM_SHARE, 0, 0x5000, 0))));
    EXPECT_EQ(m.op().status, static_cast<std::uint64_t>(-3));
}

TEST(Cca, RipasIsWhatTheVmmConverted)
{
    Machine m { Kind::cca };
    m.vm.answer.result = 1;
    auto const to_ram { op(GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_PRIVATE, 0x4000, 0, 0x8000) };
    EXPECT_EQ(m.start(to_ram), -EFAULT);
    EXPECT_EQ(m.page().exit_reason, uapi::exit_memory_fault);
    EXPECT_EQ(m.page().memory_fault.flags, 8u);
    EXPECT_EQ(m.page().memory_fault.gpa, 0x4000u);
    EXPECT_EQ(m.page().memory_fault.size, 0x4000u);
    EXPECT_TRUE(m.halted(m.run())); // nothing was converted: rejected
    EXPECT_EQ(m.op().result, 0x4001u);
    EXPECT_EQ(m.op().status, 0u);
    EXPECT_TRUE(m.vm.instructions.empty());

    EXPECT_EQ(m.start(to_ram), -EFAULT);
    m.vm.private_pages[4] = m.vm.private_pages[5] = m.vm.private_pages[7] = true;
    EXPECT_TRUE(m.halted(m.run())); // as far as it goes
    EXPECT_EQ(m.op().result, 0x6000u);
    EXPECT_EQ(m.vm.instructions.size(), 2u);
    EXPECT_EQ(m.start(to_ram), -EFAULT);
    m.vm.answer.result = 0; // the realm's table will not
    EXPECT_TRUE(m.halted(m.run()));
    EXPECT_EQ(m.op().result, 0x4001u);
    m.vm.answer.result = 1;

    EXPECT_EQ(m.start(op(GMEM_GUEST_RSI_IPA_STATE_SET, 0, 0x4000, 0, 0x6000)), -EFAULT);
    EXPECT_EQ(m.page().memory_fault.flags, 0u);
    m.vm.private_pages[4] = m.vm.private_pages[5] = false;
    EXPECT_TRUE(m.halted(m.run()));
    EXPECT_EQ(m.op().result, 0x6000u);

    for (auto const &bad : { op(GMEM_GUEST_RSI_IPA_STATE_SET, 0, 0x4001, 0, 0x6000), op(GMEM_GUEST_RSI_IPA_STATE_SET, 0, 0x6000, 0, 0x6000), op(GMEM_GUEST_RSI_IPA_STATE_SET, 0, 0, 0, (1ull << 52) + 4096) }) {
        EXPECT_TRUE(m.halted(m.start(bad)));
        EXPECT_EQ(m.op().status, 1u);
    }
    EXPECT_EQ(m.start(op(GMEM_GUEST_RSI_IPA_STATE_SET, 0, 0, 0, 1ull << 52)), -EFAULT); // no more at once than can be looked at
    EXPECT_EQ(m.page().memory_fault.size, 1ull << 30);
}

TEST(AnyPlatform, InstructionsOfOthersAreUndefined)
{
    std::uint32_t const opcodes[] { GMEM_GUEST_PSC_MSR, GMEM_GUEST_PSC_NAE, GMEM_GUEST_TD_MAPGPA, GMEM_GUEST_MEM_SHARE, GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_PVALIDATE, GMEM_GUEST_RMPADJUST, GMEM_GUEST_TD_ACCEPT };
    for (auto const kind : platform::all_kinds) {
        Machine m { kind };
        for (auto const opcode : opcodes) {
            auto const o { op(opcode, 0, 0, 0) };
            if (*Operation::decode(o)->platform() == kind)
                continue;
            EXPECT_TRUE(m.halted(m.start(o)));
            EXPECT_EQ(m.op().status, GMEM_GUEST_UNDEFINED);
            EXPECT_TRUE(m.vm.instructions.empty());
        }
    }
}

// An instruction that meets something goes the way of an access.
TEST(AnyPlatform, InstructionsFault)
{
    Machine m { Kind::snp };
    m.vm.answer.met = Met::fault(platform::Side::private_);
    EXPECT_EQ(m.start(op(GMEM_GUEST_PVALIDATE, 0, 0x5123, 0)), -EFAULT);
    EXPECT_EQ(m.page().memory_fault.gpa, 0x5000u);
    m.vm.answer = { .met = { Met::What::exception, platform::Side::shared, GMEM_GUEST_EXCEPTION + GMEM_GUEST_VC }, .status = 0, .result = 0 };
    EXPECT_TRUE(m.halted(m.run()));
    EXPECT_EQ(m.op().status, GMEM_GUEST_EXCEPTION + GMEM_GUEST_VC);
    m.vm.answer.met = { Met::What::vm_dead, platform::Side::shared, 0 };
    EXPECT_EQ(m.start(op(GMEM_GUEST_PVALIDATE, 0, 0x5000, 0)), -EIO);
    m.vm.answer = { .met = {}, .status = 6, .result = 1 };
    EXPECT_TRUE(m.halted(m.start(op(GMEM_GUEST_PVALIDATE, 0, 0x5000, 0))));
    EXPECT_EQ(m.op().status, 6u);
    EXPECT_EQ(m.op().result, 1u);
}
