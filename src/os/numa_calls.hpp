#pragma once
// NUMA policy calls: raw, with Results. The program's nodemask is handed to the kernel as it is: the kernel checks it.

#include "base/result.hpp"
#include "os/mapping_calls.hpp"

namespace gmem::os {

// mbind's `flags` and get_mempolicy's, by their values in linux/mempolicy.h (UAPI).
inline constexpr unsigned mbind_strict { 1 }, mbind_move { 2 }, mbind_move_all { 4 };
inline constexpr unsigned long mempolicy_node { 1 }, mempolicy_address { 2 };
inline constexpr int mempolicy_default { 0 }, mempolicy_local { 4 }, mempolicy_mode_flags { 7 << 13 };

// What mbind() is asked, besides the place. `nodes` may be any word: it is the program's pointer.
struct PolicyRequest final {
    int mode;
    std::uintptr_t nodes;
    unsigned long most_nodes;
    unsigned flags;
};

// Where get_mempolicy() puts its answer: the program's pointers.
struct PolicyAnswer final {
    std::uintptr_t mode;
    std::uintptr_t nodes;
    unsigned long most_nodes;
};

inline Status bind_memory(AddressRange r, PolicyRequest const &q) noexcept
{
    auto const result { system_call(SYS_mbind, r.begin, r.length(), q.mode, q.nodes, q.most_nodes, q.flags) };
    if (failed(result))
        return Error::os(result, "mbind");
    return Ok {};
}

// Would bind_memory() take these arguments anywhere? Asked of a page of nobody.
inline Status check_policy(PolicyRequest const &q) noexcept
{
    GMEM_TRY(begin, map_anonymous(page_size, MAP_PRIVATE));
    AddressRange const trial { begin, begin + page_size };
    auto const taken { bind_memory(trial, q) };
    unmap(trial);
    return taken;
}

inline Status policy_at(std::uintptr_t address, PolicyAnswer const &a, unsigned long flags) noexcept
{
    auto const result { system_call(SYS_get_mempolicy, a.mode, a.nodes, a.most_nodes, address, flags) };
    if (failed(result))
        return Error::os(result, "get_mempolicy");
    return Ok {};
}

// The node of each page that has a PTE in this process; a negative number where there is none.
inline Status nodes_of(void *const *pages, unsigned count, int *nodes) noexcept
{
    auto const result { system_call(SYS_move_pages, 0, count, pages, nullptr, nodes, 0) };
    if (failed(result))
        return Error::os(result, "move_pages");
    return Ok {};
}

// Is every page of `r` part of some mapping? msync(MS_ASYNC) asks nothing else of the kernel.
inline bool mapped_throughout(AddressRange r) noexcept { return !failed(system_call(SYS_msync, r.begin, r.length(), 1)); }

} // namespace gmem::os
