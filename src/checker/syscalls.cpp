#include "checker/syscalls.hpp"

#include "base/units.hpp"
#include "checker/words.hpp"
#include "spec/file_operations.hpp"

#include <algorithm>
#include <cerrno>

namespace gmem::checker {
namespace {

using observe::Event;
using observe::Kind;

constexpr std::uint64_t create_vm { 0xae01 }, create_guest_memfd { 0xc040aed4 }, set_attributes2 { 0xc080aed2 }, set_region2 { 0x40a0ae49 }, set_attributes { 0x4020aed2 };
constexpr std::uint64_t share_descriptors { 0x400 }, map_shared { 1 };

std::uint64_t number(std::vector<std::string_view> const &arguments, std::size_t i)
{
    auto const text { i < arguments.size() ? arguments[i] : std::string_view {} };
    return number_of(text.substr(0, text.find_first_of("</ ,}"))).value_or(0); // 3</dev/kvm>, 0x1 /* MAP_SHARED */
}

} // namespace

Syscalls::Process &Syscalls::process_of(std::uint32_t thread)
{
    auto &p { threads_[thread] };
    if (!p) // a thread that the trace did not see begin: most likely of the first process
        p = threads_.size() > 1 && threads_.begin()->second ? threads_.begin()->second : std::make_shared<Process>(Process { thread, {}, {} });
    return *p;
}

Syscalls::Object &Syscalls::object(Process &p, std::int64_t descriptor, What what)
{
    auto const found { p.descriptors.find(descriptor) };
    if (found == p.descriptors.end() || found->second.what != what)
        return p.descriptors[descriptor] = { what, next_id_++ };
    return found->second;
}

void Syscalls::add(Process const &p, Call const &c, Event e, bool arguments_known)
{
    e.time = c.began;
    e.duration = c.line - c.began;
    e.process = p.id;
    e.thread = c.thread;
    if (c.result < 0)
        e.result = static_cast<std::int32_t>(c.result);
    trace_.steps.push_back({ .event = e, .line = c.line, .arguments_known = arguments_known });
}

void Syscalls::ioctl(Process &p, Call const &c)
{
    auto const descriptor { static_cast<std::int64_t>(number(c.arguments, 0)) };
    auto const file { [&](Kind k) {
        Event e;
        e.kind = k;
        e.file = object(p, descriptor, What::file).id;
        add(p, c, e, false);
    } };
    switch (number(c.arguments, 1)) {
    case create_vm:
        if (c.result >= 0)
            p.descriptors[c.result] = { What::vm, next_id_++ };
        break;
    case create_guest_memfd: {
        Event e;
        e.kind = Kind::create;
        e.more[3] = object(p, descriptor, What::vm).id;
        if (c.result >= 0)
            p.descriptors[c.result] = { What::file, e.file = next_id_++ };
        add(p, c, e, false);
        break;
    }
    case set_attributes2:
        if (c.result != -EBADF && !(p.descriptors.contains(descriptor) && p.descriptors[descriptor].what == What::vm))
            file(Kind::convert);
        break;
    case set_region2:
    case set_attributes: {
        Event e;
        e.kind = number(c.arguments, 1) == set_region2 ? Kind::bind : Kind::vm_attributes;
        e.more[3] = object(p, descriptor, What::vm).id;
        if (c.result != -EBADF)
            add(p, c, e, false);
        break;
    }
    default:
        break;
    }
}

void Syscalls::cloned(Process &p, Call const &c)
{
    if (c.result <= 0)
        return;
    auto const child { static_cast<std::uint32_t>(c.result) };
    std::uint64_t flags { 0 };
    for (auto const argument : c.arguments)
        if (auto const at { argument.find("flags=") }; at != std::string_view::npos)
            flags = number({ argument.substr(at + 6) }, 0);
    if (c.name != "clone3" && c.name != "clone")
        flags = 0;
    if (flags & share_descriptors) {
        threads_[child] = threads_[c.thread];
    } else {
        threads_[child] = std::make_shared<Process>(p);
        threads_[child]->id = child;
    }
}

void Syscalls::mapped(Process &p, Call const &c)
{
    auto const found { p.descriptors.find(static_cast<std::int64_t>(number(c.arguments, 4))) };
    if (found == p.descriptors.end() || found->second.what != What::file || !(number(c.arguments, 3) & map_shared))
        return;
    Event e;
    e.kind = Kind::map;
    e.file = found->second.id;
    e.size = number(c.arguments, 1);
    e.offset = number(c.arguments, 5);
    e.more[2] = number(c.arguments, 2);
    if (c.result >= 0) {
        e.more[0] = static_cast<std::uint64_t>(c.result);
        p.windows.push_back({ e.more[0], e.more[0] + e.size, e.file, e.offset });
    }
    add(p, c, e, true);
}

// mbind(address, length, mode, [0x1], most_nodes, flags): where a window is, and no more.
void Syscalls::bound_to_nodes(Process &p, Call const &c)
{
    auto const begin { number(c.arguments, 0) }, length { (number(c.arguments, 1) + page_size - 1) / page_size * page_size };
    auto const w { std::find_if(p.windows.rbegin(), p.windows.rend(), [&](Window const &one) { return one.begin <= begin && begin < one.end; }) };
    if (w == p.windows.rend() || begin % page_size || length == 0 || length > w->end - begin || c.arguments.size() < 6)
        return;
    Event e;
    e.kind = Kind::policy;
    e.file = w->file;
    e.offset = w->offset + (begin - w->begin);
    e.size = length;
    e.more = { number(c.arguments, 2), 0, number(c.arguments, 5) };
    auto nodes { c.arguments[3] };
    auto const most { number(c.arguments, 4) };
    bool const none { nodes.starts_with("NULL") || nodes == "0" }, one_word { nodes.starts_with('[') && nodes.find(',') == std::string_view::npos };
    e.more[4] = none || most == 1;
    if (one_word && most > 1) { // a mask of -1 bits is EINVAL
        nodes.remove_prefix(1);
        auto const word { number_of(nodes.substr(0, nodes.find_first_of(" ]"))) };
        e.more[3] = word.value_or(0) & (most > 64 ? ~std::uint64_t { 0 } : (std::uint64_t { 1 } << (most - 1)) - 1);
        e.more[4] = word.has_value();
    }
    add(p, c, e, true);
}

// "--- SIGBUS {si_signo=0x7, si_code=0x2, si_addr=0x7f12} ---"
void Syscalls::signal(std::uint32_t thread, std::string_view line, std::uint64_t line_number)
{
    constexpr std::string_view where { "si_addr=" };
    auto const at { line.find(where) };
    if (line.find("SIGBUS") == std::string_view::npos || at == std::string_view::npos)
        return;
    auto const text { line.substr(at + where.size()) };
    auto const address { number_of(text.substr(0, text.find_first_of(",}"))) };
    auto &p { process_of(thread) };
    for (auto w { p.windows.rbegin() }; address && w != p.windows.rend(); ++w)
        if (w->begin <= *address && *address < w->end) {
            Event e;
            e.kind = Kind::access;
            e.file = w->file;
            e.offset = w->offset + (*address - w->begin);
            e.more[0] = *address;
            add(p, { .thread = thread, .began = line_number, .line = line_number, .name = {}, .arguments = {} }, e, true);
            return;
        }
}

void Syscalls::call(Call const &c)
{
    auto &p { process_of(c.thread) };
    auto const descriptor { static_cast<std::int64_t>(number(c.arguments, 0)) };
    if (c.name == "ioctl")
        ioctl(p, c);
    else if (c.name == "mmap")
        mapped(p, c);
    else if (c.name == "clone" || c.name == "clone3" || c.name == "fork" || c.name == "vfork")
        cloned(p, c);
    else if (c.name == "munmap" && c.result == 0)
        std::erase_if(p.windows, [&](Window const &w) { return w.begin >= number(c.arguments, 0) && w.end <= number(c.arguments, 0) + number(c.arguments, 1); });
    else if (c.name == "mbind")
        bound_to_nodes(p, c);
    else if (c.name == "close")
        p.descriptors.erase(descriptor);
    else if (auto const of { p.descriptors.find(descriptor) }; of != p.descriptors.end()) {
        bool const duplicates { c.name == "dup" || c.name == "dup2" || c.name == "dup3" || (c.name == "fcntl" && (number(c.arguments, 1) == 0 || number(c.arguments, 1) == 1030)) };
        if (duplicates && c.result >= 0)
            p.descriptors[c.result] = Object { of->second };
        else if (c.name == "fallocate" && of->second.what == What::file) {
            Event e;
            auto const mode { number(c.arguments, 1) };
            e.kind = mode & spec::punch_hole ? Kind::punch : Kind::allocate;
            e.file = of->second.id;
            e.offset = number(c.arguments, 2);
            e.size = number(c.arguments, 3);
            e.more[0] = mode;
            add(p, c, e, true);
        }
    }
}

} // namespace gmem::checker
