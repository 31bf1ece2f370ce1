#include "cli/settings.hpp"

#include "platform/choice.hpp"
#include "platform/words.hpp"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <span>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace gmem::cli {
namespace {

// An option wins over the variable; both must be a known word.
bool choose(char const *name, std::string const &option, std::vector<std::string> const &known, std::string &complaint)
{
    auto const value { option.empty() ? setting(name) : option };
    if (value.empty())
        return true;
    for (auto const &word : known)
        if (value == word) {
            setenv(name, value.c_str(), 1);
            return true;
        }
    complaint = fmt::format("{}={} is not known: use {}", name, value, fmt::join(known, " or "));
    return false;
}

bool choose_milliseconds(char const *name, std::string const &option, std::string &complaint)
{
    auto const value { option.empty() ? setting(name) : option };
    if (value.empty())
        return true;
    if (value.size() <= 6 && value.find_first_not_of("0123456789") == std::string::npos && std::stol(value) > 0) {
        setenv(name, value.c_str(), 1);
        return true;
    }
    complaint = fmt::format("{}={} is not a number of milliseconds: use 1 to 999999", name, value);
    return false;
}

// The program may change its folder, and finds out too late that nobody can write there.
bool choose_measurement(std::string const &option, std::string &complaint)
{
    auto const value { option.empty() ? setting("GMEM_MEASUREMENT") : option };
    if (value.empty())
        return true;
    std::error_code error;
    auto const path { std::filesystem::absolute(value, error) };
    if (error || !std::ofstream { path, std::ios::app }) {
        complaint = fmt::format("{}: measurements cannot be written there", value);
        return false;
    }
    setenv("GMEM_MEASUREMENT", path.c_str(), 1);
    return true;
}

// Linux can make CPUID fault on most processors of Intel's, and on newer ones of AMD's.
bool choose_processor(std::string const &option, std::string &complaint)
{
    constexpr long arch_set_cpuid { 0x1012 };
    if (!choose("GMEM_PROCESSOR", option, { "native", "snp", "tdx" }, complaint))
        return false;
    auto const chosen { setting("GMEM_PROCESSOR") };
    if (chosen.empty() || chosen == "native" || syscall(SYS_arch_prctl, arch_set_cpuid, 1) == 0)
        return true;
    complaint = fmt::format("--processor={} needs a processor whose CPUID instruction can be made to fault, and this one's cannot", chosen);
    return false;
}

std::vector<std::string> uapis()
{
    std::vector<std::string> names;
    for (auto const u : platform::all_uapis)
        names.emplace_back(platform::name_of(u));
    return names;
}

std::vector<std::string> platforms()
{
    std::vector<std::string> names { "auto" };
    for (auto const k : platform::all_kinds)
        names.emplace_back(platform::name_of(k));
    return names;
}

// NAME=VALUE words: the options' come after the variable's, so they win. T is what they set.
template <typename T>
bool choose_words(char const *name, std::vector<std::string> const &options, std::span<platform::Word<T> const> known, std::string &complaint)
{
    auto list { setting(name) };
    for (auto const &word : options)
        list += (list.empty() ? "" : ",") + word;
    T ignored {};
    if (auto const unknown { platform::apply_words(list, ignored) }) {
        std::vector<std::string> words;
        for (auto const &word : known)
            words.push_back(fmt::format("{}={}", word.name, word.value));
        complaint = fmt::format("{}: {} is not known: use {}", name, *unknown, fmt::join(words, " or "));
        return false;
    }
    if (!list.empty())
        setenv(name, list.c_str(), 1);
    return true;
}

} // namespace

std::string setting(char const *name)
{
    char const *const value { std::getenv(name) };
    return value ? value : "";
}

bool put_settings(RunOptions const &options, std::string &complaint)
{
    return choose("GMEM_WINDOW_ENGINE", options.engine, { "userfaultfd", "overlay" }, complaint)
        && choose("GMEM_WINDOW_OPENING", options.opening, { "automatic", "installed", "native" }, complaint)
        && choose_milliseconds("GMEM_PEER_TIMEOUT", options.peer_timeout, complaint)
        && choose("GMEM_HUGEPAGES", options.huge_pages, { "on", "off" }, complaint)
        && choose("GMEM_IN_PLACE", options.in_place, { "on", "off" }, complaint)
        && choose("GMEM_VM_ATTRIBUTES", options.vm_attributes, { "on", "off" }, complaint)
        && choose("GMEM_VCPU", options.vcpu, { "real", "scripted" }, complaint)
        && choose_processor(options.processor, complaint)
        && choose_measurement(options.measurement, complaint)
        && choose("GMEM_REPORT", options.report, { "on", "off" }, complaint)
        && choose("GMEM_OBSERVE", options.observe, { "on", "off" }, complaint)
        && choose("GMEM_UAPI", options.uapi, uapis(), complaint)
        && choose_words("GMEM_UAPI_OPTIONS", options.uapi_options, platform::profile_words(), complaint)
        && choose("GMEM_PLATFORM", options.platform, platforms(), complaint)
        && choose_words("GMEM_PLATFORM_OPTIONS", options.platform_options, platform::option_words(), complaint);
}

} // namespace gmem::cli
