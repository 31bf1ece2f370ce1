#include "cli/elf_image.hpp"

#include <cstring>
#include <elf.h>

namespace gmem::cli {
namespace {

using Bytes = std::vector<unsigned char>;

// A T at `offset`, or nothing where the file ends before it does.
template <typename T>
std::optional<T> at(Bytes const &b, std::uint64_t offset)
{
    if (offset > b.size() || b.size() - offset < sizeof(T))
        return std::nullopt;
    T value;
    std::memcpy(&value, b.data() + offset, sizeof value);
    return value;
}

// The zero-terminated text at `offset`, shorter than `most`.
std::string text(Bytes const &b, std::uint64_t offset, std::uint64_t most)
{
    std::string s;
    for (std::uint64_t i { 0 }; i < most && offset + i < b.size() && b[offset + i] != '\0'; ++i)
        s += static_cast<char>(b[offset + i]);
    return s;
}

// Where a virtual address lies in the file, by the loadable segments.
std::optional<std::uint64_t> file_offset(std::vector<Elf64_Phdr> const &segments, std::uint64_t address)
{
    for (auto const &s : segments)
        if (s.p_type == PT_LOAD && address >= s.p_vaddr && address - s.p_vaddr < s.p_filesz)
            return s.p_offset + (address - s.p_vaddr);
    return std::nullopt;
}

std::vector<std::string> needed_of(Bytes const &b, std::vector<Elf64_Phdr> const &segments, Elf64_Phdr const &dynamic)
{
    std::vector<std::uint64_t> names;
    std::optional<std::uint64_t> strings;
    for (std::uint64_t i { 0 }; i < dynamic.p_filesz / sizeof(Elf64_Dyn); ++i) {
        auto const entry { at<Elf64_Dyn>(b, dynamic.p_offset + i * sizeof(Elf64_Dyn)) };
        if (!entry || entry->d_tag == DT_NULL)
            break;
        if (entry->d_tag == DT_NEEDED)
            names.push_back(entry->d_un.d_val);
        else if (entry->d_tag == DT_STRTAB)
            strings = file_offset(segments, entry->d_un.d_ptr);
    }
    std::vector<std::string> needed;
    if (strings)
        for (auto const name : names)
            if (name < b.size())
                needed.push_back(text(b, *strings + name, 256));
    return needed;
}

} // namespace

std::optional<ElfImage> ElfImage::parse(Bytes const &b)
{
    if (b.size() < EI_NIDENT || std::memcmp(b.data(), ELFMAG, SELFMAG) != 0)
        return std::nullopt;
    // e_machine stands at the same place in both classes.
    auto const machine { at<std::uint16_t>(b, offsetof(Elf64_Ehdr, e_machine)) };
    if (!machine)
        return std::nullopt;
    ElfImage image { *machine, b[EI_CLASS] == ELFCLASS64, {}, {} };
    if (!image.class64 || image.machine != EM_X86_64)
        return image; // how it is started does not matter: it cannot be reached

    auto const header { at<Elf64_Ehdr>(b, 0) };
    if (!header || header->e_phentsize != sizeof(Elf64_Phdr))
        return std::nullopt;
    std::vector<Elf64_Phdr> segments;
    for (unsigned i { 0 }; i < header->e_phnum; ++i) {
        auto const segment { at<Elf64_Phdr>(b, header->e_phoff + std::uint64_t { i } * sizeof(Elf64_Phdr)) };
        if (!segment)
            return std::nullopt;
        segments.push_back(*segment);
    }
    for (auto const &s : segments) {
        if (s.p_type == PT_INTERP)
            image.interpreter = text(b, s.p_offset, s.p_filesz);
        else if (s.p_type == PT_DYNAMIC)
            image.needed = needed_of(b, segments, s);
    }
    return image;
}

} // namespace gmem::cli
