#include "cli/reports/unwinder.hpp"

#include "cli/reports/remote.hpp"
#include "cli/reports/symbols.hpp"

#include <algorithm>
#include <cstring>
#include <elfutils/libdwfl.h>
#include <fmt/format.h>
#include <set>
#include <sys/stat.h>

namespace gmem::cli::reports {
namespace {

constexpr std::size_t most_frames { 64 };

char *no_path { nullptr }; // the standard places for separate debug information
Dwfl_Callbacks const of_a_process { &dwfl_linux_proc_find_elf, &dwfl_standard_find_debuginfo, nullptr, &no_path };
Dwfl_Callbacks const of_a_list { &dwfl_build_id_find_elf, &dwfl_standard_find_debuginfo, nullptr, &no_path };

// What one walk reads from.
struct Source final {
    StackCopy const *copy { nullptr };
    pid_t process { 0 };
    bool waits { false };
};

bool read_word(Dwfl *, Dwarf_Addr address, Dwarf_Word *result, void *argument)
{
    auto const &source { *static_cast<Source const *>(argument) };
    auto const begin { source.copy->frame.stack_pointer };
    auto const &bytes { source.copy->bytes };
    if (address >= begin && address - begin + sizeof *result <= bytes.size()) {
        std::memcpy(result, bytes.data() + (address - begin), sizeof *result);
        return true;
    }
    return source.waits && read_memory(source.process, address, std::as_writable_bytes(std::span { result, 1 })) == sizeof *result;
}

pid_t the_thread(Dwfl *, void *argument, void **thread_argument)
{
    if (*thread_argument)
        return 0;
    *thread_argument = argument;
    return static_cast<Source const *>(argument)->process;
}

// Numbers of DWARF's for x86-64.
bool set_registers(Dwfl_Thread *thread, void *argument)
{
    auto const &f { static_cast<Source const *>(argument)->copy->frame };
    constexpr int rbp { 6 }, rsp { 7 }, rip { 16 };
    Dwarf_Word const frame_pointer { f.frame_pointer }, stack_pointer { f.stack_pointer }, instruction { f.instruction };
    dwfl_thread_state_register_pc(thread, instruction);
    return dwfl_thread_state_registers(thread, rbp, 1, &frame_pointer) && dwfl_thread_state_registers(thread, rsp, 1, &stack_pointer)
        && dwfl_thread_state_registers(thread, rip, 1, &instruction);
}

Dwfl_Thread_Callbacks const callbacks { &the_thread, nullptr, &read_word, &set_registers, nullptr, nullptr };

// Is the file at `path` the one that was there? Who replaces a file may keep the time of its last change, but not that of its name and place.
bool is_what_ran(std::string const &path, std::uint64_t unchanged_since)
{
    struct stat facts {};
    if (stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode))
        return false;
    return static_cast<std::uint64_t>(facts.st_ctim.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(facts.st_ctim.tv_nsec) <= unchanged_since;
}

Module const *module_at(std::vector<Module> const &modules, std::uint64_t address)
{
    auto const found { std::ranges::find_if(modules, [address](Module const &m) { return m.begin <= address && address < m.end; }) };
    return found == modules.end() ? nullptr : &*found;
}

struct Found final {
    std::vector<std::uint64_t> addresses; // inside the calling instruction
    Innermost innermost;
};

int take_frame(Dwfl_Frame *frame, void *argument)
{
    auto &found { *static_cast<Found *>(argument) };
    Dwarf_Addr address { 0 };
    bool executes { false };
    if (!dwfl_frame_pc(frame, &address, &executes) || address == 0)
        return DWARF_CB_ABORT;
    if (found.addresses.empty())
        executes = found.innermost == Innermost::executing;
    found.addresses.push_back(address - (executes ? 0 : 1));
    return found.addresses.size() < most_frames ? DWARF_CB_OK : DWARF_CB_ABORT;
}

} // namespace

struct Unwinder::Parts final {
    pid_t process;
    bool live;
    std::vector<Module> modules;
    std::uint64_t unchanged_since;
    Source source {};
    Dwfl *dwfl { nullptr };

    ~Parts() { dwfl_end(dwfl); }
};

Unwinder::Unwinder(pid_t process, bool live, std::vector<Module> const &modules, std::uint64_t unchanged_since) : parts_ { new Parts { process, live, modules, unchanged_since } } { open(); }

Unwinder::~Unwinder() = default;

void Unwinder::open()
{
    auto &p { *parts_ };
    dwfl_end(p.dwfl);
    p.dwfl = dwfl_begin(p.live ? &of_a_process : &of_a_list);
    dwfl_report_begin(p.dwfl);
    if (!p.live || dwfl_linux_proc_report(p.dwfl, p.process) != 0)
        for (auto const &m : p.modules)
            if (is_what_ran(m.path, p.unchanged_since))
                dwfl_report_elf(p.dwfl, m.path.c_str(), m.path.c_str(), -1, m.bias, true);
    dwfl_report_end(p.dwfl, nullptr, nullptr);
    p.source.process = p.process;
    dwfl_attach_state(p.dwfl, nullptr, p.process, &callbacks, &p.source);
}

// What no file tells is as the program told it.
void Unwinder::name(std::uint64_t address, CallStack &to) const
{
    auto const before { to.frames.size() };
    name_frames(parts_->dwfl, address, to.frames);
    auto const *const m { to.frames.size() != before && to.frames.back().module_.empty() ? module_at(parts_->modules, address) : nullptr };
    if (!m)
        return;
    to.frames.back().module_ = m->path;
    to.frames.back().offset = address - m->bias;
}

void Unwinder::guess(StackCopy const &copy, std::size_t most, CallStack &to) const
{
    for (std::size_t i { 0 }; i + sizeof(std::uint64_t) <= copy.bytes.size() && to.frames.size() < most; i += sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, copy.bytes.data() + i, sizeof word);
        if (module_at(parts_->modules, word))
            name(word - 1, to);
    }
}

void Unwinder::know(std::uint64_t address)
{
    if (parts_->live && !dwfl_addrmodule(parts_->dwfl, address))
        open(); // it has loaded something since
}

std::size_t Unwinder::code_at(std::uint64_t address, bool waits, std::span<std::byte> to)
{
    if (auto const read { waits ? read_memory(parts_->process, address, to) : 0 })
        return read;
    know(address);
    return read_file(parts_->dwfl, address, to);
}

void Unwinder::walk(StackCopy const &copy, Innermost innermost, bool waits, CallStack &to)
{
    auto &p { *parts_ };
    know(copy.frame.instruction);
    p.source = { &copy, p.process, waits };
    Found found { {}, innermost };
    dwfl_getthread_frames(p.dwfl, p.process, &take_frame, &found);
    if (found.addresses.empty() && copy.frame.instruction != 0)
        found.addresses.push_back(copy.frame.instruction - (innermost == Innermost::calling));
    for (auto const address : found.addresses) {
        name(address, to);
        if (!to.frames.empty() && to.frames.back().function == "main") // what begins a program is nobody's mistake
            break;
    }
    std::set<std::string> without_lines, without_symbols;
    for (auto const &f : to.frames)
        if (!f.module_.empty() && f.file.empty())
            (f.function.empty() ? without_symbols : without_lines).insert(f.module_);
    for (auto const &m : without_symbols)
        to.remark += fmt::format("{}no symbols in {}", to.remark.empty() ? "" : "; ", m);
    for (auto const &m : without_lines)
        if (!without_symbols.contains(m))
            to.remark += fmt::format("{}no debug information in {}: -g would give lines", to.remark.empty() ? "" : "; ", m);
}

} // namespace gmem::cli::reports
