#pragma once
// When each VM's launch began and ended, as far as a trace says.
//
// What another thread sees of a launch changes somewhere within the call that ends it, so calls are compared by their times even where the log has an order of its own.

#include "checker/names.hpp"
#include "checker/order.hpp"

#include <map>

namespace gmem::checker {

class LaunchTimeline final {
public:
    LaunchTimeline(std::vector<Ordered> const &all, Order order);

    // During the event. Empty: nobody knows, or there is no launch.
    std::optional<spec::Launch> during(VmName vm, Ordered const &event) const;

private:
    struct Launch final {
        std::optional<Span> begun, finished; // the first call that succeeded
        bool unclear { false };              // one that may have succeeded: EFAULT is also how the answer could not be given
    };
    Order order_;
    std::map<VmName, Launch> launches_;
};

} // namespace gmem::checker
