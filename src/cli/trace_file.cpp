#include "cli/trace_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

constexpr std::size_t longest_text { 4096 };
constexpr std::size_t longest_name { 15 };

// The layout's name without its version.
bool of_some_version(observe::LogHeader const &h)
{
    constexpr auto name_bytes { sizeof h.magic - 2 };
    auto const expected { observe::LogHeader::expected_magic };
    return std::memcmp(&h.magic, &expected, name_bytes) == 0;
}

// Somebody else's bytes on a terminal.
std::string printable(std::string text)
{
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    return text;
}

std::string quoted(std::string const &word)
{
    constexpr std::string_view plain { "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%" };
    if (!word.empty() && word.find_first_not_of(plain) == word.npos)
        return word;
    std::string in_quotes { "'" };
    for (auto const c : word)
        in_quotes += c == '\'' ? std::string { "'\\''" } : std::string { c };
    return in_quotes + "'";
}

} // namespace

TraceFile::TraceFile(std::string const &path)
{
    int const fd { open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK) }; // a pipe that nobody writes to is refused, not waited for
    struct stat facts {};
    auto const failed { fd < 0 || fstat(fd, &facts) != 0 ? errno : 0 };
    bool const ordinary { failed == 0 && S_ISREG(facts.st_mode) };
    if (ordinary && facts.st_size > 0) {
        size_ = static_cast<std::size_t>(facts.st_size);
        mapped_ = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0); // shared: who writes it may still be at it
    }
    if (fd >= 0)
        close(fd);
    if (failed != 0)
        throw TraceRefusal { fmt::format("{}: {}", path, std::strerror(failed)) };
    if (!ordinary)
        throw TraceRefusal { fmt::format("{}: not an ordinary file, so not a trace", path) };
    if (size_ == 0)
        throw TraceRefusal { fmt::format("{}: empty", path) };
    if (mapped_ == MAP_FAILED) {
        mapped_ = nullptr;
        throw TraceRefusal { fmt::format("{}: {}", path, std::strerror(errno)) };
    }
    auto const opened { observe::LogReader::open({ static_cast<std::byte const *>(mapped_), size_ }) };
    if (opened) {
        reader_ = opened.value();
        return;
    }
    auto const &h { *static_cast<observe::LogHeader const *>(mapped_) };
    auto const sentence { size_ < observe::slots_at ? fmt::format("{}: too short to be a trace", path)
            : h.magic == observe::LogHeader::expected_magic ? fmt::format("{}: begins as a trace does, but its first page says what cannot be", path)
            : of_some_version(h) ? fmt::format("{}: a trace of another version of gmem", path)
                                 : fmt::format("{}: not a trace of gmem run", path) };
    munmap(mapped_, size_);
    mapped_ = nullptr;
    throw TraceRefusal { sentence };
}

TraceFile::~TraceFile()
{
    if (mapped_)
        munmap(mapped_, size_);
}

std::string TraceFile::command() const
{
    std::string all;
    std::string_view rest { header().command, std::min<std::size_t>(header().command_bytes, sizeof header().command) };
    while (!rest.empty()) {
        auto const word { rest.substr(0, rest.find('\0')) };
        all += (all.empty() ? "" : " ") + quoted(printable(std::string { word }));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    }
    return all;
}

std::string TraceFile::text_behind(observe::EventNo n, observe::Event const &e) const
{
    std::string text(std::min<std::size_t>(observe::bytes_behind(e), longest_text), '\0');
    return reader().bytes_behind(n, e, std::as_writable_bytes(std::span { text })) ? printable(std::move(text)) : std::string {};
}

void TraceTasks::meet(TraceFile const &file, observe::EventNo n, observe::Event const &e)
{
    if (e.kind != observe::Kind::process)
        return;
    auto path { file.text_behind(n, e) };
    if (path.empty())
        path = "?";
    auto const slash { path.rfind('/') };
    auto name { path.substr(slash == path.npos ? 0 : slash + 1, longest_name) };
    tasks_[e.process] = { std::move(path), std::move(name) };
}

namespace {
std::string const unknown { "?" };
}

std::string const &TraceTasks::name_of(std::uint32_t process) const
{
    auto const found { tasks_.find(process) };
    return found == tasks_.end() ? unknown : found->second.name;
}

std::string const &TraceTasks::path_of(std::uint32_t process) const
{
    auto const found { tasks_.find(process) };
    return found == tasks_.end() ? unknown : found->second.path;
}

} // namespace gmem::cli
