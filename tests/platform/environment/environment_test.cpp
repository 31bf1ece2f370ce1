// What a process takes from the variables that `gmem run` sets: a version, a trusted side, and their options over the version's own defaults.

#include "library/prepare.hpp"
#include "platform/choice.hpp"
#include "platform/profile.hpp"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace gmem;
using namespace gmem::platform;

// Once a process, so there is one test.
TEST(Environment, IsReadOnce)
{
    setenv("GMEM_UAPI", "feb", 1);
    setenv("GMEM_UAPI_OPTIONS", "no-policy=refused", 1);
    setenv("GMEM_PLATFORM", "pkvm", 1);
    setenv("GMEM_PLATFORM_OPTIONS", "tdx-removed=noise,pkvm-bad-access=force-reclaim", 1);
    library::prepare_process();
    EXPECT_EQ(Profile::current().uapi, Uapi::feb);
    EXPECT_EQ(Profile::current().mode_of(0), std::nullopt);
    auto const choice { Choice::current() };
    EXPECT_EQ(choice.kind, Kind::pkvm);
    EXPECT_EQ(choice.options.tdx_removed, TdxRemoved::noise);
    EXPECT_EQ(choice.options.pkvm_bad_access, PkvmBadAccess::force_reclaim); // said, against the version's panic
    EXPECT_EQ(choice.options.pkvm_unsolicited, PkvmUnsolicited::refused);    // the version's
    setenv("GMEM_UAPI", "v8", 1);
    library::prepare_process();
    EXPECT_EQ(Profile::current().uapi, Uapi::feb);
}
