#include "cli/program.hpp"

#include "cli/elf_image.hpp"

#include <cstdlib>
#include <elf.h>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

constexpr int most_interpreters { 5 }; // a script may name a script, as in the kernel

bool is_file(std::string const &path)
{
    struct stat s {};
    return stat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode);
}

std::string in_path(std::string const &name)
{
    if (name.find('/') != std::string::npos)
        return is_file(name) ? name : "";
    char const *const variable { std::getenv("PATH") };
    std::istringstream folders { variable ? variable : "/usr/local/bin:/usr/bin:/bin" };
    std::string first_file;
    for (std::string folder; std::getline(folders, folder, ':');) {
        auto const candidate { (folder.empty() ? "." : folder) + "/" + name };
        if (!is_file(candidate))
            continue;
        if (access(candidate.c_str(), X_OK) == 0)
            return candidate;
        if (first_file.empty())
            first_file = candidate;
    }
    return first_file;
}

std::vector<unsigned char> bytes_of(std::string const &path)
{
    std::ifstream file { path, std::ios::binary };
    return { std::istreambuf_iterator<char> { file }, {} };
}

// "#! /usr/bin/env x" -> "/usr/bin/env"; empty when it is no script.
std::string interpreter_of_script(std::vector<unsigned char> const &b)
{
    if (b.size() < 3 || b[0] != '#' || b[1] != '!')
        return {};
    std::string line;
    for (std::size_t i { 2 }; i < b.size() && i < 256 && b[i] != '\n'; ++i)
        line += static_cast<char>(b[i]);
    std::string interpreter;
    std::istringstream { line } >> interpreter;
    return interpreter;
}

// Why the loader would drop LD_PRELOAD for this file; empty when it would not.
std::string privilege_of(std::string const &path)
{
    struct stat s {};
    if (stat(path.c_str(), &s) != 0)
        return {};
    if ((s.st_mode & S_ISUID) && s.st_uid != geteuid())
        return "it is setuid";
    if ((s.st_mode & S_ISGID) && (s.st_mode & S_IXGRP) && s.st_gid != getegid())
        return "it is setgid";
    if (geteuid() != 0 && getxattr(path.c_str(), "security.capability", nullptr, 0) > 0)
        return "it carries file capabilities";
    return {};
}

bool starts(std::string const &s, char const *with) { return s.rfind(with, 0) == 0; }

// The reason in words that complete "cannot run PROGRAM: ".
std::string obstacle(std::string const &path, ElfImage const &image)
{
    if (!image.class64 || image.machine != EM_X86_64)
        return "it is built for another architecture than this x86-64 gmem";
    if (image.interpreter.empty())
        return "it is statically linked, so no library can be loaded before it";
    if (image.interpreter.find("ld-musl") != std::string::npos)
        return "it is linked with musl, and gmem's library needs glibc";
    if (image.interpreter.find("ld-linux-x86-64") == std::string::npos)
        return fmt::format("its loader {} is not glibc's", image.interpreter);
    if (auto const privilege { privilege_of(path) }; !privilege.empty())
        return privilege + ", and the loader then ignores preloaded libraries";
    return {};
}

} // namespace

Program Program::find(std::string const &name)
{
    Program p;
    p.path = in_path(name);
    if (p.path.empty())
        return p.reach = Reach::not_found, p;
    if (access(p.path.c_str(), X_OK) != 0)
        return p.reach = Reach::not_executable, p;

    auto image_path { p.path };
    auto bytes { bytes_of(image_path) };
    for (int i { 0 }; i < most_interpreters; ++i) {
        auto const next { interpreter_of_script(bytes) };
        if (next.empty())
            break;
        image_path = next;
        bytes = bytes_of(image_path);
    }
    auto const image { ElfImage::parse(bytes) };
    p.why = image ? obstacle(image_path, *image) : std::string { "it is neither an ELF program nor a script with a \"#!\" line" };
    if (!p.why.empty())
        return p.reach = Reach::unreachable, p;
    for (auto const &library : image->needed)
        if (starts(library, "libasan") || starts(library, "libtsan") || starts(library, "libclang_rt.asan") || starts(library, "libclang_rt.tsan"))
            p.load_first.push_back(library);
    return p;
}

} // namespace gmem::cli
