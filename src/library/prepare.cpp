#include "library/prepare.hpp"

#include "kvm/launch/report.hpp"
#include "kvm/mode.hpp"
#include "kvm/scripted/choice.hpp"
#include "memory/fork.hpp"
#include "memory/huge_pages.hpp"
#include "memory/process.hpp"
#include "observe/session.hpp"
#include "platform/choice.hpp"
#include "platform/words.hpp"

#include <cstdlib>
#include <pthread.h>
#include <string_view>

namespace gmem::library {
namespace {

using memory::Engine;
using memory::Opening;

std::string_view variable(char const *name) noexcept
{
    char const *const value { std::getenv(name) };
    return value ? value : "";
}

// `gmem run` refuses unknown words before the program starts; a process that comes another way gets the probe's choice.
memory::Wishes wishes_of_environment() noexcept
{
    memory::Wishes w;
    auto const engine { variable("GMEM_WINDOW_ENGINE") };
    if (engine == name(Engine::userfaultfd))
        w.engine = Engine::userfaultfd;
    else if (engine == name(Engine::overlay))
        w.engine = Engine::overlay;
    auto const opening { variable("GMEM_WINDOW_OPENING") };
    if (opening == name(Opening::installed))
        w.opening = Opening::installed;
    else if (opening == name(Opening::native))
        w.opening = Opening::native;
    if (auto const timeout { std::atoi(variable("GMEM_PEER_TIMEOUT").data()) }; timeout > 0)
        w.peer_timeout = os::milliseconds(timeout);
    return w;
}

// Specification 1.6: the kernel's parameter and its build option.
kvm::Mode mode_of_environment() noexcept
{
    bool const in_place { variable("GMEM_IN_PLACE") != "off" };
    auto const wished { variable("GMEM_VM_ATTRIBUTES") };
    return kvm::Mode::of(in_place, wished == "on" || (wished != "off" && !in_place));
}

platform::Profile profile_of_environment() noexcept
{
    auto profile { platform::Profile::of(platform::uapi_of(variable("GMEM_UAPI")).value_or(platform::Uapi::mainline)) };
    (void)platform::apply_words(variable("GMEM_UAPI_OPTIONS"), profile);
    return profile;
}

platform::Choice platform_of_environment(platform::Uapi uapi) noexcept
{
    auto options { platform::options_of(uapi) };
    (void)platform::apply_words(variable("GMEM_PLATFORM_OPTIONS"), options);
    return platform::choice_of(variable("GMEM_PLATFORM"), options).value_or(platform::Choice { std::nullopt, options });
}

void prepare_once() noexcept
{
    auto const profile { profile_of_environment() };
    platform::Profile::choose(profile);
    platform::Choice::choose(platform_of_environment(profile.uapi));
    kvm::Mode::choose(mode_of_environment());
    kvm::scripted::choose(variable("GMEM_VCPU") == "scripted" ? kvm::scripted::Processors::scripted : kvm::scripted::Processors::real);
    kvm::launch::report_to(variable("GMEM_MEASUREMENT"));
    memory::Process::wish(wishes_of_environment());
    memory::HugePages::wish(variable("GMEM_HUGEPAGES") == "on");
    observe::Session::join(std::getenv("GMEM_SESSION"));
    pthread_atfork(&memory::Fork::prepare, &memory::Fork::in_parent, &memory::Fork::in_child);
}

} // namespace

void prepare_process() noexcept
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, &prepare_once);
}

} // namespace gmem::library
