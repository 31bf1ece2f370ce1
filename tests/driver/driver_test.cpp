// The driver's pieces find what the interface promises. Runs under `gmem run --vcpu=scripted`.

#include "driver/guest.hpp"
#include "driver/launch.hpp"
#include "driver/window.hpp"

#include <gtest/gtest.h>

namespace gmem::driver {
namespace {

constexpr std::uint64_t gpa { 0x200000 }, size { 4 * page_size };

Page filled(int byte)
{
    Page page;
    page.fill(static_cast<std::byte>(byte));
    page[8] = std::byte { 1 };
    page[page_size - 1] = std::byte { 2 };
    return page;
}

struct Driver : testing::Test {
    Vm vm { uapi::sw_protected_vm };
    Guest guest { vm };
    GuestMemfd file { vm, size };
    Window window { file };
    Driver() { vm.slot(0, gpa, size, file); }
};

TEST_F(Driver, WindowReadsAndWritesWhatIsShared)
{
    EXPECT_TRUE(window.write(page_size, filled(7)));
    EXPECT_EQ(window.read(page_size), filled(7));
    EXPECT_EQ(window.read(0), Page {});
}

TEST_F(Driver, SigbusOfAPrivatePageIsAnAnswer)
{
    ASSERT_TRUE(file.convert(page_size, page_size, To::private_).done());
    for (int again { 0 }; again < 3; ++again) {
        EXPECT_FALSE(window.read(page_size));
        EXPECT_FALSE(window.write(page_size, filled(1)));
        EXPECT_TRUE(window.read(0) && window.read(2 * page_size));
    }
    ASSERT_TRUE(file.convert(page_size, page_size, To::shared).done());
    EXPECT_EQ(window.read(page_size), Page {});
}

TEST_F(Driver, RefusedConversionsSayWhere)
{
    auto const answer { file.convert(page_size, page_size, To::private_, std::uint64_t { 1 } << 63) };
    EXPECT_EQ(answer.err, EINVAL);
    EXPECT_FALSE(answer.done());
}

TEST_F(Driver, GuestReadsAndWritesBothSides)
{
    ASSERT_TRUE(window.write(0, filled(3)));
    EXPECT_EQ(guest.read(gpa, Side::shared), filled(3));
    EXPECT_TRUE(guest.write(gpa, Side::shared, filled(4)));
    EXPECT_EQ(window.read(0), filled(4));

    Exit exit {};
    EXPECT_FALSE(guest.read(gpa, Side::private_, &exit));
    EXPECT_TRUE(exit.memory_fault());
    EXPECT_EQ(guest.fault().flags, MEMORY_ATTRIBUTE_PRIVATE);
    EXPECT_EQ(guest.fault().gpa, gpa);
    ASSERT_TRUE(file.convert(0, page_size, To::private_).done());
    EXPECT_TRUE(guest.resume().halted());
    EXPECT_TRUE(guest.write(gpa, Side::private_, filled(5)));
    EXPECT_EQ(guest.read(gpa, Side::private_), filled(5));
    EXPECT_FALSE(guest.read(gpa, Side::shared, &exit));
    EXPECT_TRUE(exit.memory_fault() && guest.fault().flags == 0);
}

TEST_F(Driver, HypercallsExitAndAreAnswered)
{
    vm.exit_on_hypercalls();
    ASSERT_TRUE(guest.run(operation(GMEM_GUEST_MAP_GPA_RANGE, 0, gpa, 1, 16)).is(KVM_EXIT_HYPERCALL));
    EXPECT_EQ(guest.run_page().hypercall.args[0], gpa);
    EXPECT_TRUE(guest.answer(0).halted());
    EXPECT_EQ(guest.executed().status, 0u);
}

TEST_F(Driver, PunchedPagesAreGone)
{
    ASSERT_TRUE(window.write(0, filled(3)));
    EXPECT_EQ(file.punch(0, page_size), 0);
    EXPECT_EQ(window.read(0), Page {});
}

TEST(DriverFailure, SaysWhichCallAndWhy)
{
    try {
        Vm { 12345 };
        FAIL();
    } catch (Failure const &failure) {
        EXPECT_EQ(failure.err, EINVAL);
        EXPECT_NE(std::string { failure.what() }.find("KVM_CREATE_VM"), std::string::npos);
    }
}

} // namespace
} // namespace gmem::driver
