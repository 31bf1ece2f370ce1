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
enum class Form : std::uint8_t { unused, number, hexadecimal, bytes, page_attribute, errno_, text, word };

struct Field final {
    std::string_view name {};
    Form form { Form::unused };
    std::string_view const *words { nullptr }; // Form::word: what 0, 1, ... are called
    std::size_t word_count { 0 };

    constexpr Field() noexcept = default;
    constexpr Field(std::string_view n, Form f) noexcept : name { n }, form { f } {}
    template <std::size_t N>
    constexpr Field(std::string_view n, std::array<std::string_view, N> const &w) noexcept : name { n }, form { Form::word }, words { w.data() }, word_count { N } {}
};

struct KindWords final {
    Kind kind;
    std::string_view name;
    Field detail {}, value {}, at {};
    std::array<Field, 6> more {};
};

// Steps of a measured launch: LaunchStep, in the words of the ioctls.
enum class LaunchStep : std::uint8_t { other, sev_init2, snp_start, snp_update, snp_finish, tdx_capabilities, tdx_init_vm, tdx_init_vcpu, tdx_init_mem_region, tdx_finalize, tdx_get_cpuid, realm_populate, realm_activate };

namespace word {

inline constexpr auto arrivals { std::to_array<std::string_view>({ "began", "forked" }) };
inline constexpr auto platforms { std::to_array<std::string_view>({ "sw_protected", "snp", "tdx", "pkvm", "cca" }) };                             // platform::Kind
inline constexpr auto profiles { std::to_array<std::string_view>({ "mainline", "v8", "may1", "rfc-v5", "rfc-v4", "feb" }) }; // platform::Uapi
inline constexpr auto trackers { std::to_array<std::string_view>({ "files", "vms", "nobody" }) }; // kvm::Tracker
inline constexpr auto effects { std::to_array<std::string_view>({ "none", "zero", "scramble" }) };                                                   // platform::ContentEffect
inline constexpr auto reasons { std::to_array<std::string_view>({ "bad_argument", "not_supported", "page_in_use", "no_memory", "platform_refused", "os_call_failed", "injected" }) }; // gmem::Why
inline constexpr auto pins { std::to_array<std::string_view>({ "none", "api", "dma_map", "ring_buffer", "pipe", "asynchronous", "direct_io", "test" }) }; // memory::PinKind
inline constexpr auto consequences { std::to_array<std::string_view>({ "goes_on", "guest_poisoned", "poisoned", "host_crash" }) };                   // platform::HostVerdict::Then
inline constexpr auto places { std::to_array<std::string_view>({ "private", "beyond_end", "no_memory" }) };
inline constexpr auto launch_steps { std::to_array<std::string_view>({ "other", "sev_init2", "snp_start", "snp_update", "snp_finish", "tdx_capabilities", "tdx_init_vm", "tdx_init_vcpu", "tdx_init_mem_region", "tdx_finalize", "tdx_get_cpuid", "realm_populate", "realm_activate" }) };

} // namespace word

// In the order of Kind.
inline constexpr std::array<KindWords, kinds> kind_table { {
    { Kind::nothing, "nothing" },
    { Kind::process, "process", { "how", word::arrivals }, {}, {}, { { { "parent", Form::number }, { "name_bytes", Form::text } } } },
    // offset: where the file's address 0 lies.
    { Kind::module_, "module", {}, {}, {}, { { { "begin", Form::hexadecimal }, { "name_bytes", Form::text }, { "end", Form::hexadecimal }, { "file_offset", Form::hexadecimal } } } },
    { Kind::stack, "stack", {}, {}, {}, { { { "instruction", Form::hexadecimal }, { "bytes", Form::text }, { "stack_pointer", Form::hexadecimal }, { "frame_pointer", Form::hexadecimal } } } },
    // result: the descriptor.
    { Kind::create, "create", { "initial", Form::page_attribute }, { "profile", word::profiles }, {}, { { { "flags", Form::hexadecimal }, {}, { "platform", word::platforms }, { "vm", Form::number }, { "private_memory", Form::number }, { "tracker", word::trackers } } } },
    { Kind::release, "release" },
    // offset and size as the program gave them; hva 0 where the call failed.
    { Kind::map, "map", {}, {}, {}, { { { "hva", Form::hexadecimal }, {}, { "protection", Form::number } } } },
    { Kind::unmap, "unmap", {}, {}, {}, { { { "hva", Form::hexadecimal } } } },
    // offset, size, flags, attributes as the program gave them; reserved: its reserved words or'ed; error_offset: as the struct has it when a call has failed;
    // completes: 1 where this process finished what another was killed at; why: where result is not 0.
    { Kind::convert, "convert", { "to", Form::page_attribute }, { "completes", Form::number }, { "error_offset", Form::hexadecimal }, { { { "flags", Form::hexadecimal }, {}, { "effect", word::effects }, { "why", word::reasons }, { "attributes", Form::hexadecimal }, { "reserved", Form::hexadecimal } } } },
    { Kind::punch, "punch", {}, {}, {}, { { { "mode", Form::hexadecimal } } } },
    { Kind::allocate, "allocate", {}, {}, {}, { { { "mode", Form::hexadecimal } } } },
    // nodes: those of the first 64 that the mask names; nodes_known: 1 where it names no others.
    { Kind::policy, "policy", {}, {}, {}, { { { "mode", Form::hexadecimal }, {}, { "flags", Form::hexadecimal }, { "nodes", Form::hexadecimal }, { "nodes_known", Form::number } } } },
    { Kind::bind, "bind", {}, {}, {}, { { { "slot", Form::number }, {}, { "gpa", Form::hexadecimal }, { "vm", Form::number }, { "userspace_addr", Form::hexadecimal }, { "flags", Form::hexadecimal } } } },
    { Kind::unbind, "unbind", {}, {}, {}, { { { "slot", Form::number }, {}, { "gpa", Form::hexadecimal }, { "vm", Form::number } } } },
    { Kind::pin, "pin", { "kind", word::pins }, {}, {}, { { { "token", Form::hexadecimal } } } },
    // size 0: whatever was pinned with that kind and token.
    { Kind::unpin, "unpin", { "kind", word::pins }, {}, {}, { { { "token", Form::hexadecimal } } } },
    // context: where the interrupted registers lie, a ucontext_t, while the program's thread is in the handler.
    { Kind::access, "access", { "write", Form::number }, { "place", word::places }, {}, { { { "hva", Form::hexadecimal }, {}, { "instruction", Form::hexadecimal }, { "handled", Form::number }, { "context", Form::hexadecimal } } } },
    { Kind::kernel_access, "kernel_access", {}, { "place", word::places }, {}, { { { "hva", Form::hexadecimal } } } },
    { Kind::recover, "recover" },
    { Kind::vm_attributes, "vm_attributes", { "to", Form::page_attribute }, {}, {}, { { { "gpa", Form::hexadecimal }, {}, { "flags", Form::hexadecimal }, { "vm", Form::number }, { "attributes", Form::hexadecimal } } } },
    { Kind::memory_fault, "memory_fault", {}, {}, {}, { { { "gpa", Form::hexadecimal }, {}, { "flags", Form::hexadecimal }, { "vm", Form::number }, { "vcpu", Form::number } } } },
    { Kind::hypercall, "hypercall", {}, { "vm", Form::number }, {}, { { { "number", Form::number }, {}, { "argument0", Form::hexadecimal }, { "argument1", Form::hexadecimal }, { "argument2", Form::hexadecimal }, { "vcpu", Form::number } } } },
    { Kind::guest_access, "guest_access", {}, {}, {}, { { { "gpa", Form::hexadecimal } } } },
    { Kind::host_access, "host_access", { "write", Form::number }, { "consequence", word::consequences } },
    { Kind::pre_fault, "pre_fault", {}, {}, {}, { { { "gpa", Form::hexadecimal }, {}, { "left", Form::bytes }, { "vm", Form::number }, { "flags", Form::hexadecimal } } } },
    // offset and size: what of the file was done; never_written: of those, the pages that nobody had ever touched, and that got no bytes from a source.
    { Kind::launch, "launch", { "step", word::launch_steps }, { "firmware_error", Form::number }, {}, { { { "gpa", Form::hexadecimal }, {}, { "page_type", Form::number }, { "vm", Form::number }, { "never_written", Form::number } } } },
    { Kind::silent_peer, "silent_peer", {}, {}, {}, { { { "culprit", Form::number }, {}, { "waited", Form::number } } } },
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
