#include "checker/check.hpp"

#include "checker/world.hpp"

namespace gmem::checker {
namespace {

using observe::Kind;
using Compare = spec::Complaint (*)(World &, Moment const &);

Compare comparison_of(Kind k)
{
    switch (k) {
    case Kind::create:        return check_create;
    case Kind::convert:       return check_convert;
    case Kind::punch:
    case Kind::allocate:      return check_fallocate;
    case Kind::map:           return check_map;
    case Kind::access:
    case Kind::kernel_access: return check_access;
    case Kind::pin:           return check_pin;
    case Kind::bind:
    case Kind::unbind:        return check_bind;
    case Kind::vm_attributes: return check_vm_attributes;
    case Kind::policy:        return check_policy;
    case Kind::memory_fault:  return check_memory_fault;
    case Kind::hypercall:     return check_hypercall;
    case Kind::pre_fault:     return check_pre_fault;
    default:                  return nullptr; // of these the specification of the file says nothing
    }
}

Broken broken(Step const &s, std::string const &complaint)
{
    auto const colon { complaint.find(": ") };
    if (colon == std::string::npos)
        return { s, "", complaint };
    return { s, complaint.substr(0, colon), complaint.substr(colon + 2) };
}

} // namespace

Verdict check(Trace const &trace)
{
    auto const all { in_order(trace) };
    Neighbours neighbours { all, trace.facts.order };
    World world { trace.facts, PinTimeline { all }, LaunchTimeline { all, trace.facts.order } };
    Verdict v;
    for (std::size_t i { 0 }; i < all.size(); ++i) {
        auto const &e { all[i].step->event };
        auto const compare { comparison_of(e.kind) };
        if (!compare) {
            ++v.not_compared;
            world.tell(e);
            if (e.file != 0)
                (void)neighbours.of(i);
            continue;
        }
        ++v.compared;
        if (auto const complaint { compare(world, { all[i], neighbours.of(i), neighbours, i }) }) {
            v.broken = broken(*all[i].step, *complaint);
            return v;
        }
        if (e.kind == Kind::convert)
            world.excuses.erase(thread_of(e));
    }
    return v;
}

} // namespace gmem::checker
