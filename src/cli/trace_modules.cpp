#include "cli/trace_modules.hpp"

#include <fmt/format.h>

namespace gmem::cli {

void TraceModules::meet(TraceFile const &file, observe::EventNo n, observe::Event const &e)
{
    if (e.kind == observe::Kind::process) {
        // Forked: its parent's modules are its own. Begun: whatever was there before is not.
        auto const parent { of_process_.find(static_cast<std::uint32_t>(e.more[0])) };
        of_process_[e.process] = e.detail == 1 && parent != of_process_.end() ? parent->second : std::map<std::uint64_t, Module> {};
    }
    if (e.kind == observe::Kind::module_)
        of_process_[e.process][e.more[0]] = { e.more[2], e.offset, file.text_behind(n, e) };
}

std::string TraceModules::caller(TraceFile const &file, observe::Event const &e) const
{
    auto const stack { e.stack == observe::EventNo::none ? std::nullopt : file.reader().at(e.stack) };
    if (!stack || stack->kind != observe::Kind::stack)
        return {};
    auto const address { stack->more[0] };
    auto const modules { of_process_.find(e.process) };
    if (modules != of_process_.end())
        if (auto after { modules->second.upper_bound(address) }; after != modules->second.begin())
            if (auto const &[begin, m] { *--after }; address < m.end)
                return fmt::format("{}+{:#x}", m.path, address - m.base);
    return fmt::format("{:#x}", address);
}

} // namespace gmem::cli
