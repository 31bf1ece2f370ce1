#pragma once
// How reports name things.

#include "observe/event.hpp"

#include <string>

namespace gmem::cli::reports {

std::string range_of(observe::Event const &e);            // "bytes [0x1000, 0x3000)"
std::string duration_words(std::uint64_t nanoseconds);     // "1.250 ms"
std::string event_words(observe::Event const &e);          // "convert [0x1000, 0x2000) to private: EAGAIN"
std::string access_words(bool write, std::uint64_t bytes);  // "read 8 bytes of"; 0 bytes: it is not known how many
std::string error_name(int error);                         // "EAGAIN"
std::string_view pin_name(std::uint8_t kind);              // memory::PinKind
std::string_view platform_name(std::uint64_t platform);    // platform::Kind
std::string_view consequence_words(std::uint16_t consequence); // platform::HostVerdict::Then

} // namespace gmem::cli::reports
