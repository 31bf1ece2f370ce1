#include "kvm/launch/report.hpp"

#include "base/text.hpp"
#include "os/file_calls.hpp"
#include "os/say.hpp"
#include "os/syscall.hpp"

#include <climits>

namespace gmem::kvm::launch {
namespace {

constinit char file[PATH_MAX] {};

} // namespace

void report_to(std::string_view path) noexcept { Text { file } << path; }

// One write, so that lines of several processes do not mix.
void report(platform::Kind kind, std::span<std::byte const> digest, std::uint64_t pages) noexcept
{
    if (file[0] == '\0')
        return;
    constexpr char digits[] { "0123456789abcdef" };
    char line[256];
    Text text { line };
    text << platform::name_of(kind) << " ";
    for (auto const b : digest) {
        char const two[] { digits[static_cast<unsigned>(b) >> 4], digits[static_cast<unsigned>(b) & 15] };
        text << std::string_view { two, 2 };
    }
    text << " " << pages << "\n";
    auto const fd { os::system_call(SYS_openat, os::current_directory, static_cast<char const *>(file), os::append_to, 0666) };
    auto const written { os::failed(fd) ? fd : os::system_call(SYS_write, fd, text.view().data(), text.view().size()) };
    if (written != static_cast<long>(text.view().size()))
        os::say("the measurement of a launch could not be written to the file of --measurement");
    if (!os::failed(fd))
        os::system_call(SYS_close, fd);
}

} // namespace gmem::kvm::launch
