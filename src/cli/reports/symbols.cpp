#include "cli/reports/symbols.hpp"

#include <algorithm>
#include <cstdlib>
#include <cxxabi.h>
#include <dwarf.h>
#include <cstring>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <memory>

namespace gmem::cli::reports {
namespace {

struct Freed final {
    void operator()(void *p) const noexcept { std::free(p); }
};

std::string readable(char const *name)
{
    if (!name)
        return {};
    int status { 0 };
    std::unique_ptr<char, Freed> const plain { abi::__cxa_demangle(name, nullptr, nullptr, &status) };
    return plain ? plain.get() : name;
}

int call_line_of(Dwarf_Die &inlined)
{
    Dwarf_Attribute attribute;
    Dwarf_Word line { 0 };
    return dwarf_attr(&inlined, DW_AT_call_line, &attribute) && dwarf_formudata(&attribute, &line) == 0 ? static_cast<int>(line) : 0;
}

std::string call_file_of(Dwarf_Die &inlined, Dwarf_Die &unit)
{
    Dwarf_Attribute attribute;
    Dwarf_Word index { 0 };
    Dwarf_Files *files { nullptr };
    std::size_t count { 0 };
    if (!dwarf_attr(&inlined, DW_AT_call_file, &attribute) || dwarf_formudata(&attribute, &index) != 0 || dwarf_getsrcfiles(&unit, &files, &count) != 0)
        return {};
    auto const *const name { dwarf_filesrc(files, index, nullptr, nullptr) };
    return name ? name : "";
}

// Functions that the compiler inlined at the address: each becomes a frame, and its call is where the next one stands.
void add_inlined(Dwfl_Module *m, std::uint64_t address, CallFrame &physical, std::vector<CallFrame> &to)
{
    Dwarf_Addr bias { 0 };
    auto *const unit { dwfl_module_addrdie(m, address, &bias) };
    Dwarf_Die *scopes_raw { nullptr };
    auto const count { unit ? std::max(dwarf_getscopes(unit, address - bias, &scopes_raw), 0) : 0 }; // -1: an error
    std::unique_ptr<Dwarf_Die[], Freed> const scopes { scopes_raw };
    for (std::size_t i { 0 }; i < static_cast<std::size_t>(count); ++i) {
        if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram) // the nearest symbol may be an alias or a part of it
            return physical.function.empty() ? void(physical.function = readable(dwarf_diename(&scopes[i]))) : void();
        if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
            continue;
        auto frame { physical };
        frame.function = readable(dwarf_diename(&scopes[i]));
        frame.inlined = true;
        to.push_back(frame);
        physical.file = call_file_of(scopes[i], *unit);
        physical.line = call_line_of(scopes[i]);
    }
}

} // namespace

void name_frames(Dwfl *dwfl, std::uint64_t address, std::vector<CallFrame> &to)
{
    CallFrame frame;
    frame.offset = address;
    auto *const m { dwfl_addrmodule(dwfl, address) };
    if (!m) {
        to.push_back(frame);
        return;
    }
    char const *path { nullptr };
    char const *const name { dwfl_module_info(m, nullptr, nullptr, nullptr, nullptr, nullptr, &path, nullptr) };
    frame.module_ = path ? path : name ? name : "";
    if (frame.module_.ends_with("/libgmem-preload.so"))
        return;
    GElf_Addr bias { 0 };
    if (dwfl_module_getelf(m, &bias))
        frame.offset = address - bias;
    GElf_Off from_symbol { 0 };
    GElf_Sym symbol;
    frame.function = readable(dwfl_module_addrinfo(m, address, &from_symbol, &symbol, nullptr, nullptr, nullptr));
    if (auto *const line { dwfl_module_getsrc(m, address) }) {
        Dwarf_Addr ignored;
        auto const *const file { dwfl_lineinfo(line, &ignored, &frame.line, nullptr, nullptr, nullptr) };
        frame.file = file ? file : "";
    }
    add_inlined(m, address, frame, to);
    to.push_back(frame);
}

std::size_t read_file(Dwfl *dwfl, std::uint64_t address, std::span<std::byte> to)
{
    auto *const m { dwfl_addrmodule(dwfl, address) };
    GElf_Addr bias { 0 };
    auto *const elf { m ? dwfl_module_getelf(m, &bias) : nullptr };
    std::size_t size { 0 }, segments { 0 };
    char const *const bytes { elf ? elf_rawfile(elf, &size) : nullptr };
    if (!bytes || elf_getphdrnum(elf, &segments) != 0)
        return 0;
    auto const wanted { address - bias };
    for (std::size_t i { 0 }; i < segments; ++i) {
        GElf_Phdr s;
        if (!gelf_getphdr(elf, static_cast<int>(i), &s) || s.p_type != PT_LOAD || wanted < s.p_vaddr || wanted - s.p_vaddr >= s.p_filesz)
            continue;
        auto const in_segment { wanted - s.p_vaddr };
        if (s.p_offset > size || in_segment >= size - s.p_offset) // a file that is cut
            return 0;
        auto const count { std::min<std::size_t>({ to.size(), s.p_filesz - in_segment, size - s.p_offset - in_segment }) };
        std::memcpy(to.data(), bytes + s.p_offset + in_segment, count);
        return count;
    }
    return 0;
}

} // namespace gmem::cli::reports
