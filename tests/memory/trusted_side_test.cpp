// What conversions tell the trusted side of a file.

#include "gmem/gmem.h"
#include "memory/guest_memory.hpp"
#include "platform/pkvm/pending.hpp"

#include <gtest/gtest.h>

#include <cerrno>

using namespace gmem;

namespace {

int convert(memory::GuestMemory &file, PageRange r, Attribute to)
{
    auto const s { file.convert(r, to) };
    return s ? 0 : s.error().err;
}

}

// A request is good for one conversion, and for its own direction.
TEST(TrustedSide, APendingRequestIsAnsweredOnce)
{
    auto created { memory::GuestMemory::create({ .pages = PageNo { 16 }, .initial = Attribute::private_, .windows = memory::Windows::allowed, .platform = platform::Kind::pkvm,
        .options = { .pkvm_unsolicited = platform::PkvmUnsolicited::refused }, .vm_id = 7 }) };
    ASSERT_TRUE(bool(created));
    auto &file { *std::move(created).take() };
    auto const r { *PageRange::make(PageNo { 4 }, PageNo { 8 }) };
    EXPECT_EQ(convert(file, r, Attribute::shared), EPERM);
    platform::pkvm::record_request(file.header().vm, r, false);
    EXPECT_EQ(convert(file, r, Attribute::shared), 0);
    EXPECT_EQ(convert(file, r, Attribute::private_), EPERM);
    platform::pkvm::record_request(file.header().vm, r, true);
    EXPECT_EQ(convert(file, r, Attribute::private_), 0);
    EXPECT_EQ(convert(file, r, Attribute::shared), EPERM);
    platform::pkvm::record_request(file.header().vm, r, false);
    EXPECT_EQ(convert(file, r, Attribute::shared), 0);
    EXPECT_EQ(convert(file, r, Attribute::private_), EPERM);
    EXPECT_EQ(file.audit(), nullptr);
    file.release();
}
