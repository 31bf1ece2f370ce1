#include "cli/reports/words.hpp"

#include "memory/host_report.hpp"
#include "memory/pin_table.hpp"
#include "platform/kind.hpp"

#include <cstring>
#include <fmt/format.h>

namespace gmem::cli::reports {

std::string range_of(observe::Event const &e) { return fmt::format("bytes [{:#x}, {:#x})", e.offset, e.offset + e.size); }

std::string duration_words(std::uint64_t nanoseconds)
{
    auto const n { static_cast<double>(nanoseconds) };
    if (nanoseconds < 1'000'000)
        return fmt::format("{:.3f} us", n / 1e3);
    if (nanoseconds < 1'000'000'000)
        return fmt::format("{:.3f} ms", n / 1e6);
    return fmt::format("{:.3f} s", n / 1e9);
}

std::string access_words(bool write, std::uint64_t bytes)
{
    if (bytes == 0)
        return write ? "wrote to" : "read";
    return fmt::format("{} {} byte{} {}", write ? "wrote" : "read", bytes, bytes == 1 ? "" : "s", write ? "to" : "of");
}

std::string error_name(int error)
{
    char const *const name { strerrorname_np(error) };
    return name ? name : fmt::format("error {}", error);
}

std::string event_words(observe::Event const &e)
{
    auto words { fmt::format("{} {}", observe::words_of(e.kind).name, range_of(e)) };
    if (e.kind == observe::Kind::convert)
        words += e.detail ? " to private" : " to shared";
    else if (e.kind == observe::Kind::access || e.kind == observe::Kind::host_access)
        words += e.detail ? " write" : " read";
    else if (e.kind == observe::Kind::pin || e.kind == observe::Kind::unpin)
        words += fmt::format(" {}", pin_name(e.detail));
    else if (e.kind == observe::Kind::bind || e.kind == observe::Kind::unbind)
        words += fmt::format(" memslot {} at gpa {:#x}", e.more[0] & 0xffff, e.more[2]);
    if (e.result < 0)
        words += fmt::format(": {}", error_name(-e.result));
    return words;
}

std::string_view pin_name(std::uint8_t kind)
{
    return kind <= static_cast<std::uint8_t>(memory::PinKind::test) ? memory::name(static_cast<memory::PinKind>(kind)) : "?";
}

std::string_view platform_name(std::uint64_t p) { return p < platform::all_kinds.size() ? platform::name_of(static_cast<platform::Kind>(p)) : "?"; }

std::string_view consequence_words(std::uint16_t c)
{
    using Then = platform::HostVerdict::Then;
    return c <= static_cast<std::uint16_t>(Then::host_crash) ? memory::words_of(static_cast<Then>(c)) : "?";
}

} // namespace gmem::cli::reports
