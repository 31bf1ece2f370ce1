#pragma once
// What a step may do: who does it, what it is told, and what can be expected of it. One table, which the parser asks and docs/scenarios.md repeats.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gmem::scenario {

enum class Does : std::uint8_t {
    convert, convert_by_vm, write, read, touch, pass_to_kernel, punch, allocate, map, capability, bind_policy, policy, node,
    run, launch_start, launch_update, launch_finish, init_td, init_mem_region, finalize, populate,
    hog,
    pin, unpin,
    load, store, guest_read, guest_write, map_gpa_range, psc_msr, psc_list, map_gpa, mem_share, mem_unshare, mem_relinquish, ipa_state_set,
    pvalidate, accept, halt,
};

struct Operation final {
    std::string_view actor; // who does it: the key of the step
    std::string_view name;  // what: its value
    Does does;
    std::string_view required, optional; // keys beside it, separated by blanks
    std::string_view expects;            // keys of `expect`
    std::string_view sentence;           // for `gmem play --help` and the documentation
};

std::span<Operation const> operations() noexcept;
std::span<std::string_view const> actors() noexcept;
Operation const *find_operation(std::string_view actor, std::string_view name) noexcept;

// Whether `key` is one of the words.
bool has_word(std::string_view words, std::string_view key) noexcept;

} // namespace gmem::scenario
