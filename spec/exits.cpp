#include "spec/exits.hpp"

#include <cerrno>

namespace gmem::spec {

Complaint memory_fault_form(MemoryFault const &fault, FaultOf what)
{
    if ((fault.flags & ~memory_exit_private) != 0)
        return "1.4: KVM_MEMORY_EXIT_FLAG_PRIVATE is the only flag";
    if (fault.gpa % page_size != 0)
        return "1.4: gpa is that of a page";
    if (what == FaultOf::page && fault.size != page_size)
        return "1.4: size is 4096";
    if (fault.size == 0 || fault.size % page_size != 0 || fault.gpa + (fault.size - 1) < fault.gpa)
        return "1.4: size is that of whole pages";
    return std::nullopt;
}

Complaint memory_fault_of(GuestPage page, bool access_is_private)
{
    if (!page.vm_has_private_memory && access_is_private)
        return "1.5: a VM without private memory has no private accesses";
    bool const page_is_private { page.vm_has_private_memory && page.state == PageState::private_ };
    if (access_is_private == page_is_private)
        return std::string { "4.2: the access and the page are both " } + (page_is_private ? "private" : "shared") + ": the guest goes on";
    return std::nullopt;
}

Complaint map_gpa_range_form(std::uint64_t gpa, std::uint64_t pages)
{
    auto const frame { gpa / page_size };
    if (gpa % page_size != 0)
        return "6.6: gpa is not that of a page: the guest is answered EINVAL, and nothing exits";
    if (pages == 0 || frame + pages <= frame)
        return "6.6: the number of pages is 0, or wraps: the guest is answered EINVAL, and nothing exits";
    return std::nullopt;
}

int pre_fault_errno(PreFaultCall const &call, Launched launch)
{
    if (call.flags != 0 || call.gpa % page_size != 0 || call.size % page_size != 0 || call.gpa + call.size <= call.gpa)
        return EINVAL;
    return launch == Launched::under_way ? EOPNOTSUPP : 0; // 4.2: pre_fault_allowed
}

Complaint pre_fault_progress(PreFaultCall const &call, int err, std::uint64_t left)
{
    if (left > call.size || left % page_size != 0)
        return "4.2: what is left is a part of what was asked, in whole pages";
    if (err == 0 && left == call.size)
        return "4.2: success without progress";
    if (err != 0 && left != call.size)
        return "4.2: progress is success";
    return std::nullopt;
}

} // namespace gmem::spec
