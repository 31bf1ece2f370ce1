#include "preload/policies.hpp"

#include "memory/memory_policy.hpp"
#include "memory/space.hpp"
#include "preload/answer.hpp"
#include "preload/next.hpp"

#include <sys/syscall.h>
#include <unistd.h>

using namespace gmem;

namespace gmem::preload {
namespace {

long errno_of(Status const &s) noexcept { return s ? 0 : -s.error().err; }

long foreign(long nr, long const (&a)[6]) noexcept { return GMEM_NEXT(syscall)(nr, a[0], a[1], a[2], a[3], a[4], a[5]); }

} // namespace

long mbind_any(long const (&a)[6]) noexcept
{
    auto const begin { static_cast<std::uintptr_t>(a[0]) };
    os::AddressRange const r { begin, begin + ((static_cast<std::size_t>(a[1]) + page_size - 1) & ~(page_size - 1)) };
    if (r.empty() || begin % page_size || !memory::Space::touches(r)) [[likely]]
        return foreign(SYS_mbind, a);
    os::PolicyRequest const request { .mode = static_cast<int>(a[2]), .nodes = static_cast<std::uintptr_t>(a[3]), .most_nodes = static_cast<unsigned long>(a[4]), .flags = static_cast<unsigned>(a[5]) };
    auto const outside { [&a](os::AddressRange part) noexcept -> Status {
        ErrnoKept kept;
        long const same_elsewhere[6] { static_cast<long>(part.begin), static_cast<long>(part.length()), a[2], a[3], a[4], a[5] };
        if (foreign(SYS_mbind, same_elsewhere) != 0)
            return Error::with_errno(errno, "mbind.foreign");
        return Ok {};
    } };
    return answer<long>(errno_of(memory::MemoryPolicy::set_in_windows(r, request, outside)));
}

long get_mempolicy_any(long const (&a)[6]) noexcept
{
    auto const address { static_cast<std::uintptr_t>(a[3]) };
    auto const flags { static_cast<unsigned long>(a[4]) };
    auto const page { address & ~(page_size - 1) };
    bool const window { (flags & os::mempolicy_address) && memory::Space::touches({ page, page + page_size }) };
    if (window && flags == os::mempolicy_address) {
        os::PolicyAnswer const where { .mode = static_cast<std::uintptr_t>(a[0]), .nodes = static_cast<std::uintptr_t>(a[1]), .most_nodes = static_cast<unsigned long>(a[2]) };
        return answer<long>(errno_of(memory::MemoryPolicy::at_address(address, where)));
    }
    // MPOL_F_NODE: the kernel looks at the page itself, and may find a PTE that it has dropped.
    auto const saved { errno };
    auto const result { foreign(SYS_get_mempolicy, a) };
    if (result == 0 || !window || errno != EFAULT || !memory::Space::recover_range(address, 1)) [[likely]]
        return result;
    errno = saved;
    return foreign(SYS_get_mempolicy, a);
}

} // namespace gmem::preload
