// A VM with the model of a platform, without a real KVM: its phase, what its guests ask for, what pre-faulting and a memslot that goes do to pages.

#include "kvm/trust.hpp"
#include "kvm/vm.hpp"
#include "memory/sigbus.hpp"
#include "memory/trusted_side.hpp"
#include "platform/pkvm/pending.hpp"
#include "tests/support/convert.hpp"

#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

using namespace gmem;
using namespace gmem::kvm;
using platform::Kind;

namespace {

constexpr std::uint64_t page { page_size };
memory::GuestMemory *the_file { nullptr };

memory::GuestMemory *look_up(int, int &) noexcept
{
    the_file->acquire();
    return the_file;
}

// Pages 8 to 23 of the file at frames from 0x100 on.
struct Machine final {
    explicit Machine(Kind kind, launch::Duty duty = launch::Duty::none) : vm { *Vm::create(Vm::Kind::with_private_memory, Vm::Backing::none, kind, {}, duty).take() }
    {
        uapi::CreateGuestMemfd request { 32 * page, 0, {} };
        auto const fd { vm.create_guest_memfd(reinterpret_cast<std::uintptr_t>(&request), the_file) };
        EXPECT_GE(fd, 0);
        close(static_cast<int>(fd));
        uapi::UserspaceMemoryRegion2 slot { { 0, uapi::mem_guest_memfd, 0x100000, 16 * page, 0 }, 8 * page, 7, 0, {} };
        EXPECT_EQ(vm.set_memory_region2(-1, reinterpret_cast<std::uintptr_t>(&slot), &look_up), 0);
    }
    ~Machine()
    {
        vm.release();
        the_file->release();
        the_file = nullptr;
    }
    std::string state(std::uint64_t p) const { return memory::TrustedSide { *the_file }.state_name(PageNo { p }); }
    long pre_fault(std::uint64_t gpa, std::uint64_t size)
    {
        std::uint64_t request[8] { gpa, size };
        return vm.pre_fault_memory(reinterpret_cast<std::uintptr_t>(request));
    }
    bool requested(std::uint64_t first, std::uint64_t last, bool to_private) const
    {
        return platform::pkvm::requested(the_file->header().vm, *PageRange::make(PageNo { first }, PageNo { last }), to_private);
    }

    Vm &vm;
};

} // namespace

// Where the real KVM does not say which page it wanted.
TEST(Everything, IsGivenButForWhatThePlatformRefuses)
{
    Machine m { Kind::pkvm };
    auto const poisoned { PageRange::one(PageNo { 8 }) };
    ASSERT_EQ(m.pre_fault(0x100000, page), 0);
    ASSERT_TRUE(bool(test::convert(*the_file, poisoned, Attribute::shared)) && bool(test::convert(*the_file, poisoned, Attribute::private_)));
    ASSERT_EQ(m.state(8), "OWNED/POISON");
    EXPECT_TRUE(bool(m.vm.use_everything()));
    EXPECT_EQ(m.state(9), "NOPAGE/OWNED");
    EXPECT_EQ(m.state(23), "NOPAGE/OWNED");
    EXPECT_EQ(m.state(24), "OWNED"); // in no memslot
}

// Type x wished model.
TEST(Phases, AVmIsLaunchedWhereItsTypeAndItsPlatformHaveALaunch)
{
    for (auto const wished : platform::all_kinds)
        for (auto const type : { uapi::sw_protected_vm, uapi::snp_vm, uapi::tdx_vm }) {
            bool const launched { type != uapi::sw_protected_vm && (wished == Kind::snp || wished == Kind::tdx) };
            auto const nature { nature_of(type, wished) };
            ASSERT_TRUE(nature);
            EXPECT_EQ(nature->platform, wished);
            EXPECT_EQ(nature->knows_launches, launched) << type << " " << name_of(wished);
        }
    EXPECT_EQ(nature_of(uapi::default_vm, Kind::cca)->platform, Kind::sw_protected);
    EXPECT_FALSE(nature_of(77, std::nullopt));
}

TEST(Requests, AreNotedInTheFileOfTheMemslot)
{
    Machine m { Kind::pkvm };
    m.vm.guest_asks(0x102000, 3 * page, Attribute::shared);
    EXPECT_TRUE(m.requested(10, 13, false));
    EXPECT_FALSE(m.requested(10, 13, true));
    EXPECT_FALSE(m.requested(9, 13, false));
    m.vm.guest_asks(0x10e000, 100 * page, Attribute::private_); // beyond the slot
    EXPECT_TRUE(m.requested(22, 24, true));
    auto const noted { the_file->header().vm.next_pending };
    m.vm.guest_asks(0x200000, 2 * page, Attribute::shared); // in no memslot
    EXPECT_EQ(the_file->header().vm.next_pending, noted);
}

TEST(PreFault, GivesPrivatePagesToTheGuest)
{
    Machine m { Kind::tdx };
    EXPECT_EQ(m.pre_fault(0x100000, 2 * page), 0);
    EXPECT_EQ(m.state(8), "MAPPED");
    EXPECT_EQ(m.state(9), "MAPPED");
    EXPECT_EQ(m.state(10), "FREE");
    EXPECT_EQ(the_file->audit(), nullptr);
}

TEST(PreFault, IsForAfterTheLaunch)
{
    Machine m { Kind::tdx, launch::Duty::due };
    EXPECT_EQ(m.pre_fault(0x100000, page), -EOPNOTSUPP);
}

TEST(Memslot, ThatGoesTellsThePlatform)
{
    Machine m { Kind::tdx };
    ASSERT_EQ(m.pre_fault(0x100000, page), 0);
    uapi::UserspaceMemoryRegion2 gone {};
    EXPECT_EQ(m.vm.set_memory_region2(-1, reinterpret_cast<std::uintptr_t>(&gone), &look_up), 0);
    EXPECT_EQ(m.state(8), "FREE");
    EXPECT_EQ(the_file->audit(), nullptr);
}
