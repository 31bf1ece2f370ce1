#pragma once
// What a finished launch has measured, for the person who runs the program: one line of text a launch, appended to a file.
//
//   snp 49f87a04...05fa 7     platform, digest in hexadecimal, pages

#include "platform/kind.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace gmem::kvm::launch {

// Where the lines go; empty: nowhere. Chosen once, before the first VM; the text is copied.
void report_to(std::string_view path) noexcept;

void report(platform::Kind, std::span<std::byte const> digest, std::uint64_t pages) noexcept;

} // namespace gmem::kvm::launch
