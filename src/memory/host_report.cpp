#include "memory/host_report.hpp"

#include "base/text.hpp"
#include "observe/recording.hpp"
#include "os/say.hpp"

#include <array>
#include <cerrno>

namespace gmem::memory {
namespace {

using Then = platform::HostVerdict::Then;

struct Consequence final {
    Then then;
    int error;
    char const *words;
};
constexpr std::array consequences {
    Consequence { Then::goes_on, EFAULT, "the access fails" },
    Consequence { Then::guest_poisoned, EHWPOISON, "the host would have gone on, and the guest has lost the page" },
    Consequence { Then::poisoned, EHWPOISON, "the host would have got a machine check" },
    Consequence { Then::host_crash, EFAULT, "the host kernel would have crashed" },
};
static_assert([] { // one for each, in order
    for (std::size_t i { 0 }; i < consequences.size(); ++i)
        if (static_cast<std::size_t>(consequences[i].then) != i)
            return false;
    return true;
}());

} // namespace

int errno_of(platform::HostVerdict const &v) noexcept { return is_mistake(v) ? consequences[static_cast<std::size_t>(v.then)].error : 0; }

void report_host_access(std::uint64_t file, PageNo p, char const *state, platform::Access a, platform::HostVerdict const &v, char const *call) noexcept
{
    (void)observe::note(observe::Kind::host_access, { .detail = a == platform::Access::write, .value = static_cast<std::uint16_t>(v.then), .result = -consequences[static_cast<std::size_t>(v.then)].error,
        .file = file, .offset = raw(p.to_bytes()), .size = page_size }, observe::Asks::who_called);
    char line[320];
    Text text { line };
    text << consequences[static_cast<std::size_t>(v.then)].words << " in " << call << ": " << (a == platform::Access::write ? "write to" : "read of") << " page " << p.index()
         << " (" << state << "): " << v.name;
    os::say(text.view());
}

} // namespace gmem::memory
