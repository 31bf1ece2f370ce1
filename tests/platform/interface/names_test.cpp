// What every platform owes its callers, whatever it models.

#include "platform/platform.hpp"

#include <gtest/gtest.h>

using namespace gmem;
using namespace gmem::platform;

TEST(Names, GoThereAndBack)
{
    for (auto const k : all_kinds)
        EXPECT_EQ(kind_of(name_of(k)), k);
    EXPECT_EQ(kind_of("sev"), std::nullopt);
    EXPECT_EQ(kind_of(""), std::nullopt);
}

TEST(SwProtected, KeepsNothingAndChangesNothing)
{
    auto const &sw { platform_of(Kind::sw_protected) };
    EXPECT_EQ(sw.kind(), Kind::sw_protected);
    EXPECT_FALSE(sw.keeps_records());
    EXPECT_EQ(sw.audit({}), nullptr);
    EXPECT_NE(sw.audit({ 1, 0 }), nullptr);
}
