#pragma once
// The kinds of events, and what their fields say. A field that a kind does not name is 0.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gmem::observe {

enum class Kind : std::uint8_t {
    nothing,       // not an event: a slot that was never written, or is being written
    process,       // a process is in the session: began, was forked, or executed something else
    module_,       // a file is mapped executable in a process
    stack,         // a copy of a piece of a stack, for the events that name it
    create,        // KVM_CREATE_GUEST_MEMFD
    release,       // this process has let go of a guest_memfd
    map,           // a window was made
    unmap,
    convert,       // KVM_SET_MEMORY_ATTRIBUTES2
    punch,         // fallocate(PUNCH_HOLE)
    allocate,      // fallocate
    policy,        // mbind
    bind,          // a memslot with a guest_memfd is there
    unbind,
    pin,
    unpin,
    access,        // the program touched a page that is private: SIGBUS
    kernel_access, // a system call of the program's did: EFAULT
    recover,       // a page was given back that the kernel had dropped
    vm_attributes, // KVM_SET_MEMORY_ATTRIBUTES
    memory_fault,  // KVM_EXIT_MEMORY_FAULT
    hypercall,     // KVM_EXIT_HYPERCALL
    guest_access,  // a guest used a page for the first time, or in vain
    host_access,   // the host's kernel or a device met a page of the platform's
    pre_fault,     // KVM_PRE_FAULT_MEMORY
    launch,        // a step of a measured launch
    silent_peer,   // a process that kept a conversion waiting
    injected,      // --inject made something fail: detail is a Fault of faults.hpp
    told,          // a report was made
};
inline constexpr std::size_t kinds { static_cast<std::size_t>(Kind::told) + 1 };

// How a field's number is meant.
enum class Form : std::uint8_t { unused, number, hexadecimal, bytes, page_attribute, errno_, text };

struct Field final {
    std::string_view name {};
    Form form { Form::unused };
};

struct KindWords final {
    Kind kind;
    std::string_view name;
    Field detail {}, value {}, at {};
    std::array<Field, 6> more {};
};

// In the order of Kind.
inline constexpr std::array<KindWords, kinds> kind_table { {
    { Kind::nothing, "nothing" },
    
    { Kind::process, "process", { "how", Form::number }, {}, {}, { { { "parent", Form::number }, { "name_bytes", Form::text } } } },
    { Kind::module_, "module", {}, {}, {}, { { { "begin", Form::hexadecimal }, { "name_bytes", Form::text }, { "end", Form::hexadecimal }, { "file_offset", Form::hexadecimal } } } },
    { Kind::stack, "stack", {}, {}, {}, { { { "instruction", Form::hexadecimal }, { "bytes", Form::text }, { "stack_pointer", Form::hexadecimal }, { "frame_pointer", Form::hexadecimal } } } },
    { Kind::create, "create", { "initial", Form::page_attribute }, {}, {}, { { { "flags", Form::hexadecimal }, {}, { "platform", Form::number }, { "vm", Form::hexadecimal } } } },
    { Kind::release, "release" },
    { Kind::map, "map", {}, {}, {}, { { { "hva", Form::hexadecimal }, {}, { "protection", Form::number } } } },
    { Kind::unmap, "unmap", {}, {}, {}, { { { "hva", Form::hexadecimal } } } },
    { Kind::convert, "convert", { "to", Form::page_attribute }, {}, { "error_offset", Form::hexadecimal }, { { { "flags", Form::hexadecimal }, {}, { "effect", Form::number }, { "why", Form::number } } } },
    { Kind::punch, "punch" },
    { Kind::allocate, "allocate" },
    { Kind::policy, "policy", {}, {}, {}, { { { "mode", Form::number } } } },
    { Kind::bind, "bind", {}, {}, {}, { { { "slot", Form::number }, {}, { "gpa", Form::hexadecimal }, { "vm", Form::hexadecimal }, { "userspace_addr", Form::hexadecimal } } } },
    { Kind::unbind, "unbind", {}, {}, {}, { { { "slot", Form::number }, {}, { "gpa", Form::hexadecimal }, { "vm", Form::hexadecimal } } } },
    { Kind::pin, "pin", { "kind", Form::number }, {}, {}, { { { "token", Form::hexadecimal } } } },
    { Kind::unpin, "unpin", { "kind", Form::number }, {}, {}, { { { "token", Form::hexadecimal } } } },
    { Kind::access, "access", { "write", Form::number }, {}, {}, { { { "hva", Form::hexadecimal }, {}, { "instruction", Form::hexadecimal }, { "handled", Form::number } } } },
    { Kind::kernel_access, "kernel_access", {}, {}, {}, { { { "hva", Form::hexadecimal } } } },
    { Kind::recover, "recover" },
    { Kind::vm_attributes, "vm_attributes", { "to", Form::page_attribute }, {}, {}, { { { "gpa", Form::hexadecimal }, {}, {}, { "vm", Form::hexadecimal } } } },
    { Kind::memory_fault, "memory_fault", {}, {}, {}, { { { "gpa", Form::hexadecimal }, {}, { "flags", Form::hexadecimal }, { "vm", Form::hexadecimal }, { "vcpu", Form::number } } } },
    { Kind::hypercall, "hypercall", {}, {}, {}, { { { "number", Form::number }, {}, { "argument0", Form::hexadecimal }, { "argument1", Form::hexadecimal }, { "argument2", Form::hexadecimal }, { "vcpu", Form::number } } } },
    { Kind::guest_access, "guest_access", { "write", Form::number }, {}, {}, { { { "gpa", Form::hexadecimal }, {}, { "state", Form::number } } } },
    { Kind::host_access, "host_access", { "write", Form::number }, { "consequence", Form::number } },
    { Kind::pre_fault, "pre_fault", {}, {}, {}, { { { "gpa", Form::hexadecimal }, {}, { "left", Form::bytes } } } },
    { Kind::launch, "launch", { "step", Form::number }, { "firmware_error", Form::number }, {}, { { { "gpa", Form::hexadecimal }, {}, { "page_type", Form::number }, { "vm", Form::hexadecimal } } } },
    { Kind::silent_peer, "silent_peer", {}, {}, {}, { { { "culprit", Form::number } } } },
    { Kind::injected, "injected", { "fault", Form::number }, {}, { "error_offset", Form::hexadecimal }, { { { "count", Form::number } } } },
    { Kind::told, "told", { "report", Form::number }, {}, {}, { { { "about", Form::number } } } },
} };
static_assert([] {
    for (std::size_t i { 0 }; i < kinds; ++i)
        if (kind_table[i].kind != static_cast<Kind>(i))
            return false;
    return true;
}());

constexpr KindWords const &words_of(Kind k) noexcept { return kind_table[static_cast<std::size_t>(k) < kinds ? static_cast<std::size_t>(k) : 0]; }

} // namespace gmem::observe
