// A VM with the model of a platform, without a real KVM: its phase, what its guests ask for, what pre-faulting and a memslot that goes do to pages.

#include "crypto/openssl/openssl.hpp"
#include "kvm/hypercall.hpp"
#include "kvm/trust.hpp"
#include "kvm/vm.hpp"
#include "memory/sigbus.hpp"
#include "memory/trusted_side.hpp"
#include "platform/pkvm/pending.hpp"

#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

using namespace gmem;
using namespace gmem::kvm;
using platform::Kind;
using platform::Phase;

namespace {

constexpr std::uint64_t page { page_size };
memory::GuestMemory *the_file { nullptr };

memory::GuestMemory *look_up(int, int &) noexcept
{
    the_file->acquire();
    return the_file;
}

// A realm is measured.
Vm &make_vm(Kind kind)
{
    crypto::install(crypto::openssl_primitives());
    return *Vm::create(Vm::Kind::with_private_memory, Vm::Backing::none, kind).take();
}

// Pages 8 to 23 of the file at frames from 0x100 on.
struct Machine final {
    explicit Machine(Kind kind) : vm { make_vm(kind) }
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
    // A vCPU's first KVM_RUN, which activates a realm.
    void run() { EXPECT_EQ(vm.admit_run(launch::VcpuState {}), 0); }
    void ask(uapi::HypercallExit const &exit)
    {
        if (auto const asked { Hypercall::asked_by(exit) })
            vm.guest_asks(asked->gpa, asked->size, asked->to);
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
    ASSERT_TRUE(bool(the_file->convert(poisoned, Attribute::shared)) && bool(the_file->convert(poisoned, Attribute::private_)));
    ASSERT_EQ(m.state(8), "OWNED/POISON");
    EXPECT_TRUE(bool(m.vm.use_everything()));
    EXPECT_EQ(m.state(9), "NOPAGE/OWNED");
    EXPECT_EQ(m.state(23), "NOPAGE/OWNED");
    EXPECT_EQ(m.state(24), "OWNED"); // in no memslot
}

// Type x wished model -> phase at birth.
TEST(Phases, AVmIsLaunchedWhereItsTypeHasALaunchOfItsPlatform)
{
    for (auto const wished : platform::all_kinds)
        for (auto const type : { uapi::sw_protected_vm, uapi::snp_vm, uapi::tdx_vm }) {
            bool const launched { type != uapi::sw_protected_vm && (wished == Kind::snp || wished == Kind::tdx) };
            auto const nature { nature_of(type, wished) };
            ASSERT_TRUE(nature);
            EXPECT_EQ(nature->platform, wished);
            EXPECT_EQ(nature->knows_launches, launched) << type << " " << name_of(wished);
        }
    EXPECT_TRUE(nature_of(uapi::snp_vm, std::nullopt)->knows_launches);
    EXPECT_TRUE(nature_of(uapi::tdx_vm, std::nullopt)->knows_launches);
    EXPECT_FALSE(nature_of(uapi::sw_protected_vm, std::nullopt)->knows_launches);
    // Without a duty to be launched a VM is born running; a realm is NEW until it first runs.
    for (auto const kind : platform::all_kinds)
        for (auto const duty : { launch::Duty::none, launch::Duty::due }) {
            auto &vm { *Vm::create(Vm::Kind::with_private_memory, Vm::Backing::none, kind, {}, duty).take() };
            EXPECT_EQ(vm.phase(), kind == Kind::cca || duty == launch::Duty::due ? Phase::launching : Phase::running) << name_of(kind);
            vm.release();
        }
    EXPECT_EQ(nature_of(uapi::default_vm, Kind::cca)->platform, Kind::sw_protected);
    EXPECT_FALSE(nature_of(77, std::nullopt));
}

TEST(Requests, AreNotedInTheFileOfTheMemslot)
{
    Machine m { Kind::pkvm };
    m.ask({ .nr = hypercall_map_gpa_range, .arguments = { 0x102000, 3, 0, 0, 0, 0 }, .result = 0, .flags = 0 });
    EXPECT_TRUE(m.requested(10, 13, false));
    EXPECT_FALSE(m.requested(10, 13, true));
    EXPECT_FALSE(m.requested(9, 13, false));
    m.ask({ .nr = hypercall_map_gpa_range, .arguments = { 0x10e000, 100, map_gpa_encrypted, 0, 0, 0 }, .result = 0, .flags = 0 }); // beyond the slot
    EXPECT_TRUE(m.requested(22, 24, true));
    m.vm.guest_asks(0x100000, page, Attribute::shared);
    EXPECT_TRUE(m.requested(8, 9, false));
    auto const noted { the_file->header().vm.next_pending };
    for (std::uint64_t const gpa : { std::uint64_t { 0x100001 }, std::uint64_t { 0x200000 }, ~std::uint64_t { 0xfff } }) // no page, no memslot, beyond everything
        m.ask({ .nr = hypercall_map_gpa_range, .arguments = { gpa, 2, 0, 0, 0, 0 }, .result = 0, .flags = 0 });
    m.ask({ .nr = 5, .arguments = { 0x100000, 1, 0, 0, 0, 0 }, .result = 0, .flags = 0 });
    EXPECT_EQ(the_file->header().vm.next_pending, noted);
}

TEST(PreFault, GivesPrivatePagesToTheGuest)
{
    Machine m { Kind::cca };
    m.run();
    EXPECT_EQ(m.pre_fault(0x100000, 2 * page), 0);
    EXPECT_EQ(m.state(8), "DATA, ASSIGNED/RAM");
    EXPECT_EQ(m.state(9), "DATA, ASSIGNED/RAM");
    EXPECT_EQ(m.state(10), "UNDELEGATED");
    EXPECT_EQ(the_file->audit(), nullptr);
}

TEST(PreFault, IsForAfterTheLaunch)
{
    Machine m { Kind::cca };
    EXPECT_EQ(m.pre_fault(0x100000, page), -EOPNOTSUPP);
    m.run();
    EXPECT_EQ(m.vm.phase(), Phase::running);
    EXPECT_EQ(m.pre_fault(0x100000, page), 0);
}

TEST(Memslot, ThatGoesTellsThePlatform)
{
    Machine m { Kind::cca };
    m.run();
    ASSERT_EQ(m.pre_fault(0x100000, page), 0);
    uapi::UserspaceMemoryRegion2 gone {};
    EXPECT_EQ(m.vm.set_memory_region2(-1, reinterpret_cast<std::uintptr_t>(&gone), &look_up), 0);
    EXPECT_EQ(m.state(8), "UNDELEGATED, UNASSIGNED/DESTROYED");
    EXPECT_EQ(the_file->audit(), nullptr);
}
