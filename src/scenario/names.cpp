#include "scenario/names.hpp"

#include "gmem/guest_script.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>

namespace gmem::scenario {
namespace {

constexpr std::array errors {
    Name { "none", 0 }, Name { "EPERM", EPERM }, Name { "ENOENT", ENOENT }, Name { "EINTR", EINTR }, Name { "EIO", EIO }, Name { "ENXIO", ENXIO },
    Name { "EBADF", EBADF }, Name { "EAGAIN", EAGAIN }, Name { "ENOMEM", ENOMEM }, Name { "EACCES", EACCES }, Name { "EFAULT", EFAULT }, Name { "EBUSY", EBUSY },
    Name { "EEXIST", EEXIST }, Name { "ENODEV", ENODEV }, Name { "EINVAL", EINVAL }, Name { "ENOTTY", ENOTTY }, Name { "EOPNOTSUPP", EOPNOTSUPP },
    Name { "EHWPOISON", EHWPOISON },
};

// What the guest sees of its own operation: gmem/guest_script.h says where the numbers are from.
constexpr std::array statuses {
    Name { "ok", 0 },
    Name { "undefined", GMEM_GUEST_UNDEFINED },
    Name { "general_protection", GMEM_GUEST_EXCEPTION + GMEM_GUEST_GP },
    Name { "not_validated", GMEM_GUEST_EXCEPTION + GMEM_GUEST_VC },
    Name { "virtualization_exception", GMEM_GUEST_EXCEPTION + GMEM_GUEST_VE },
    Name { "external_abort", GMEM_GUEST_EXCEPTION + GMEM_GUEST_ABORT },
    Name { "already_accepted", 0x00000B0A00000000 },
    Name { "size_mismatch", 0xC0000B0B00000000 },
    Name { "invalid_parameter", static_cast<std::uint64_t>(-3) },
    Name { "psc_invalid_header", 0x0000000100000001 },
    Name { "psc_invalid_entry", 0x0000000100000002 },
    Name { "psc_generic_error", 0x0000010000000000 },
};

constexpr std::array firmwares {
    Name { "SUCCESS", 0 }, Name { "INVALID_PLATFORM_STATE", 0x1 }, Name { "INVALID_GUEST_STATE", 0x2 }, Name { "INVALID_LENGTH", 0x4 },
    Name { "POLICY_FAILURE", 0x7 }, Name { "INACTIVE", 0x8 }, Name { "INVALID_ADDRESS", 0x9 }, Name { "BAD_SIGNATURE", 0xa },
    Name { "BAD_MEASUREMENT", 0xb }, Name { "INVALID_GUEST", 0x10 }, Name { "INVALID_PARAM", 0x16 }, Name { "INVALID_PAGE_SIZE", 0x19 },
    Name { "INVALID_PAGE_STATE", 0x1a }, Name { "INVALID_PAGE_OWNER", 0x1c },
};

// READABLE is February's word for PRESERVE (seed 004).
constexpr std::array modes {
    Name { "unspecified", 0 }, Name { "zero", 1 }, Name { "preserve", 2 }, Name { "readable", 2 }, Name { "encrypted", 4 },
};

} // namespace

std::span<Name const> error_names() noexcept { return errors; }
std::span<Name const> status_names() noexcept { return statuses; }
std::span<Name const> firmware_names() noexcept { return firmwares; }
std::span<Name const> mode_names() noexcept { return modes; }

std::optional<std::uint64_t> number_of(std::span<Name const> names, std::string_view word) noexcept
{
    for (auto const &name : names)
        if (name.word == word)
            return name.number;
    return std::nullopt;
}

std::string word_for(std::span<Name const> names, std::uint64_t number)
{
    for (auto const &name : names)
        if (name.number == number)
            return std::string { name.word };
    return fmt::format("{:#x}", number);
}

std::string choice(std::span<Name const> names)
{
    std::string text;
    for (auto const &name : names)
        text += fmt::format("{}{}", text.empty() ? "" : &name == &names.back() ? " or " : ", ", name.word);
    return text;
}

} // namespace gmem::scenario
