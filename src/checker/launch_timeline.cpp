#include "checker/launch_timeline.hpp"

#include <cerrno>

namespace gmem::checker {
namespace {

using observe::LaunchStep;

bool begins(LaunchStep s) { return s == LaunchStep::snp_start || s == LaunchStep::tdx_init_vm || s == LaunchStep::realm_populate; }
bool finishes(LaunchStep s) { return s == LaunchStep::snp_finish || s == LaunchStep::tdx_finalize || s == LaunchStep::realm_activate; }

} // namespace

LaunchTimeline::LaunchTimeline(std::vector<Ordered> const &all, Order order) : order_ { order }
{
    for (auto const &o : all) {
        auto const &e { o.step->event };
        if (e.kind != observe::Kind::launch || (e.result != 0 && e.result != -EFAULT))
            continue;
        auto &launch { launches_[name(vm_of(e, order), e.file)] };
        auto const step { static_cast<LaunchStep>(e.detail) };
        launch.unclear = launch.unclear || (e.result != 0 && (begins(step) || finishes(step)));
        if (e.result != 0)
            continue;
        if (begins(step) && !launch.begun)
            launch.begun = by_clock(o, order);
        if (finishes(step) && !launch.finished)
            launch.finished = by_clock(o, order);
    }
}

std::optional<spec::Launch> LaunchTimeline::during(VmName vm, std::uint64_t file, Ordered const &event) const
{
    auto const found { launches_.find(name(vm, file)) };
    if (found == launches_.end() || found->second.unclear)
        return std::nullopt;
    auto const &begun { found->second.begun }, &finished { found->second.finished };
    auto const when { by_clock(event, order_) };
    if (finished && finished->before(when))
        return spec::Launch::finished;
    if (begun && begun->before(when) && (!finished || when.before(*finished)))
        return spec::Launch::under_way;
    return std::nullopt;
}

} // namespace gmem::checker
