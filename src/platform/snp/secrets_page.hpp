#pragma once
// The SECRETS page: what the firmware alone tells the guest, its keys for messages to the firmware above all. SNP firmware ABI, "Secrets
// page format" (mem). In this model the keys are made of what the launch was started with, so that a launch can be repeated bit by bit.

#include "platform/snp/rmp_entry.hpp"

namespace gmem::platform::snp {

using MessageKey = std::array<std::byte, 32>; // VMPCK: one a privilege level, AES-256-GCM

struct SecretsPage final {
    std::uint32_t version { 3 };
    std::uint32_t imi_en { 0 }; // bit 0: launched with an initial migration image
    std::uint32_t fms { 0x00a10f11 }; // family, model and stepping of the model processor
    std::uint32_t reserved { 0 };
    std::array<std::byte, 16> gosvw {}; // the guest operating system's workarounds, as LAUNCH_START was given them
    std::array<MessageKey, privilege_levels> vmpck {};
    std::array<std::byte, 4096 - 0xa0> rest {}; // for the guest's own use, and what later versions tell
};
static_assert(sizeof(SecretsPage) == 4096 && offsetof(SecretsPage, vmpck) == 0x20);

} // namespace gmem::platform::snp
