#include "cli/trace_stacks.hpp"

#include <algorithm>
#include <cstdlib>

namespace gmem::cli {
namespace {

constexpr std::size_t most_stack_bytes { 64 * 1024 };

} // namespace

TraceStacks::TraceStacks(TraceFile const &file) : file_ { file }, processes_ { file.header().began_realtime }
{
    unsetenv("DEBUGINFOD_URLS"); // what is not on this machine is not looked for
}

void TraceStacks::meet(observe::EventNo n, observe::Event const &e)
{
    bool const process { e.kind == observe::Kind::process && processes_seen_ < most_processes }, module_ { e.kind == observe::Kind::module_ && modules_seen_ < most_modules };
    processes_seen_ += process;
    modules_seen_ += module_;
    if (!process && !module_)
        return;
    auto const name { file_.text_behind(n, e) };
    auto const bytes { std::as_bytes(std::span { name }) };
    processes_.see(n, e, { bytes.begin(), bytes.end() });
}

void TraceStacks::find(observe::EventNo stack)
{
    auto const &log { file_.reader() };
    bool const is_there { stack != observe::EventNo::none && raw(stack) < raw(log.last()) && raw(stack) >= raw(log.first()) };
    auto const e { is_there ? log.at(stack) : std::nullopt };
    if (!e || e->kind != observe::Kind::stack)
        return;
    std::vector<std::byte> bytes(std::min<std::uint64_t>(observe::bytes_behind(*e), most_stack_bytes));
    if (!log.bytes_behind(stack, *e, bytes))
        bytes.clear();
    processes_.see(stack, *e, bytes);
}

reports::CallStack const *TraceStacks::of(observe::Event const &e)
{
    auto id { processes_.stack_of(e) };
    if (id == reports::no_stack) {
        find(e.stack);
        id = processes_.stack_of(e);
    }
    if (id == reports::no_stack)
        return nullptr;
    auto const innermost { e.kind == observe::Kind::access ? reports::Innermost::executing : reports::Innermost::calling };
    auto const [at, is_new] { resolved_.try_emplace({ id, innermost }) };
    auto &stack { at->second };
    if (!is_new)
        return &stack;
    stack = processes_.resolve(id, innermost, false, "");
    stack.remark.clear();
    if (stack.frames.size() == 1 && stack.frames[0].function.empty()) {
        processes_.guess(id, most_guessed, stack);
        stack.remark = "words of the stack that lie in code: some may be left over from earlier calls";
    }
    return &stack;
}

} // namespace gmem::cli
