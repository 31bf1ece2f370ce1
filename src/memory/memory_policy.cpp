#include "memory/memory_policy.hpp"

#include "memory/guest_memory.hpp"
#include "memory/huge_pages.hpp"
#include "memory/space.hpp"
#include "observe/recording.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"
#include "os/user_memory.hpp"

#include <algorithm>

namespace gmem::memory {
namespace {

// Calls `with(range)` on a mapping of the file that exists for that long. PROT_NONE: nothing is reachable, nothing populated.
template <typename With>
Status on_passing_mapping(GuestMemory &file, Bytes offset, std::uint64_t length, With &&with) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { Space::lock() }; // a fork would take a copy of it along
    GMEM_TRY(begin, os::map_hidden(file.own_copy(), file.file(), 0, length, PROT_NONE, 0, offset));
    os::AddressRange const mapping { begin, begin + length };
    auto const result { with(mapping) };
    os::unmap(mapping);
    return result;
}

constexpr unsigned bits_in_word { 64 };
constexpr std::size_t most_words { 1024 / bits_in_word }; // CONFIG_NODES_SHIFT is at most 10

// The mask that a request names, as far as any kernel has nodes. False: it cannot be read.
bool copy_nodes(os::PolicyRequest const &q, std::uint64_t (&nodes)[most_words]) noexcept
{
    auto const named { q.nodes && q.most_nodes ? q.most_nodes - 1 : 0 };
    auto const words { std::min<unsigned long>((named + bits_in_word - 1) / bits_in_word, most_words) };
    if (words && !os::copy_from_program(nodes, q.nodes, words * sizeof nodes[0]))
        return false;
    if (named % bits_in_word && named / bits_in_word < most_words)
        nodes[named / bits_in_word] &= (std::uint64_t { 1 } << named % bits_in_word) - 1;
    return true;
}

} // namespace

// A mapping without a policy of its own is left alone by MPOL_DEFAULT, and the file's policy with it: give it one to clear.
Status MemoryPolicy::set(GuestMemory &file, Bytes offset, std::uint64_t length, os::PolicyRequest const &q) noexcept
{
    auto set { set_unnoted(file, offset, length, q) };
    note(&file, offset, length, q, set);
    return set;
}

void MemoryPolicy::note(GuestMemory const *file, Bytes offset, std::uint64_t length, os::PolicyRequest const &q, Status const &result) noexcept
{
    if (!observe::Log::on()) [[likely]]
        return;
    std::uint64_t nodes[most_words] {};
    bool const counted { q.nodes == 0 || (q.most_nodes != 0 && q.most_nodes <= most_words * bits_in_word) }; // a mask of -1 bits is EINVAL
    bool const known { counted && copy_nodes(q, nodes) && std::all_of(nodes + 1, nodes + most_words, [](std::uint64_t w) noexcept { return w == 0; }) };
    (void)observe::note(observe::Kind::policy, { .result = observe::result_of(result), .file = file ? file->facts().inode : 0, .offset = raw(offset), .size = length,
        .more = { static_cast<std::uint64_t>(static_cast<unsigned>(q.mode)), 0, q.flags, known ? nodes[0] : 0, known } }, observe::Asks::who_called);
}

Status MemoryPolicy::set_unnoted(GuestMemory &file, Bytes offset, std::uint64_t length, os::PolicyRequest const &q) noexcept
{
    if (file.has_huge_pages()) {
        os::SignalsBlocked blocked;
        FileLocked const guard { file };
        if (!guard)
            return guard.error();
        HugePages huge { file };
        huge.keep_small_at(PageNo::holding(offset));
        huge.keep_small_at(PageNo::holding(Bytes { raw(offset) + length }));
    }
    return on_passing_mapping(file, offset, length, [&q](os::AddressRange r) noexcept -> Status {
        if ((q.mode & ~os::mempolicy_mode_flags) == os::mempolicy_default) {
            GMEM_CHECK(os::check_policy(q));
            GMEM_CHECK(os::bind_memory(r, { .mode = os::mempolicy_local, .nodes = 0, .most_nodes = 0, .flags = 0 }));
        }
        return os::bind_memory(r, q);
    });
}

Status MemoryPolicy::at(GuestMemory &file, Bytes offset, os::PolicyAnswer const &a) noexcept
{
    return on_passing_mapping(file, offset, page_size, [&a](os::AddressRange r) noexcept { return os::policy_at(r.begin, a, os::mempolicy_address); });
}

Status MemoryPolicy::at_address(std::uintptr_t address, os::PolicyAnswer const &a) noexcept
{
    auto const page { address & ~(page_size - 1) };
    auto const part { first_part({ page, page + page_size }) };
    if (!part.file)
        return Error::with_errno(EFAULT, "policy.window"); // unmapped meanwhile
    auto const result { at(*part.file, part.offset, a) };
    release(part);
    return result;
}

MemoryPolicy::Part MemoryPolicy::first_part(os::AddressRange r) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { Space::lock() };
    auto const found { Space::table().overlapping(r) };
    if (found.empty())
        return { r, nullptr, Bytes { 0 } };
    auto const &w { found.front() };
    if (r.begin < w.addresses.begin)
        return { { r.begin, w.addresses.begin }, nullptr, Bytes { 0 } };
    w.file->acquire();
    return { r.intersect(w.addresses), w.file, w.page_at(r.begin).to_bytes() };
}

void MemoryPolicy::release(Part const &p) noexcept { p.file->release(); }

// The kernel checks the arguments before the addresses, and all addresses before it changes one.
Status MemoryPolicy::would_be_taken(os::AddressRange r, os::PolicyRequest const &q) noexcept
{
    GMEM_CHECK(os::check_policy(q));
    if (!os::mapped_throughout(r))
        return Error::with_errno(EFAULT, "mbind.hole");
    return Ok {};
}

// MPOL_MF_STRICT alone refuses when a page of the mapping lies elsewhere; together with a request to move, the policy is set and
// what could not be moved (no page of a guest_memfd can) is said afterwards.
Status MemoryPolicy::set_in_window(Part const &p, os::PolicyRequest const &q) noexcept
{
    auto set { set_in_window_unnoted(p, q) };
    note(p.file, p.offset, p.addresses.length(), q, set);
    return set;
}

Status MemoryPolicy::set_in_window_unnoted(Part const &p, os::PolicyRequest const &q) noexcept
{
    bool const strict { (q.flags & os::mbind_strict) && q.mode != os::mempolicy_default };
    bool const elsewhere { strict && misplaced(p.addresses, q) };
    if (elsewhere && !(q.flags & (os::mbind_move | os::mbind_move_all)))
        return Error::with_errno(EIO, "mbind.strict");
    GMEM_CHECK(set_unnoted(*p.file, p.offset, p.addresses.length(), q));
    if (elsewhere)
        return Error::with_errno(EIO, "mbind.unmovable");
    return Ok {};
}

// Has the window a page outside the nodes that were named? None named: every page is.
bool MemoryPolicy::misplaced(os::AddressRange r, os::PolicyRequest const &q) noexcept
{
    constexpr unsigned bits { bits_in_word };
    std::uint64_t nodes[most_words] {};
    if (!copy_nodes(q, nodes))
        return false; // the kernel has read it a moment ago

    for (auto at { r.begin }; at < r.end;) {
        constexpr unsigned batch { 64 };
        void *pages[batch];
        int where[batch];
        unsigned n { 0 };
        for (; n < batch && at < r.end; ++n, at += page_size)
            pages[n] = reinterpret_cast<void *>(at);
        if (!os::nodes_of(pages, n, where))
            return false;
        for (unsigned i { 0 }; i < n; ++i)
            if (where[i] >= 0 && !(nodes[static_cast<unsigned>(where[i]) / bits] >> (static_cast<unsigned>(where[i]) % bits) & 1))
                return true;
    }
    return false;
}

} // namespace gmem::memory
