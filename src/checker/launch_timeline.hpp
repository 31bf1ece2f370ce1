#pragma once
// When each VM's launch began and ended, as far as a trace says; a file that no VM has is launched by itself.
//
// What another thread sees of a launch changes somewhere within the call that ends it, so calls are compared by their times even where the log has an order of its own.

#include "checker/names.hpp"
#include "checker/order.hpp"

#include <map>
#include <utility>

namespace gmem::checker {

class LaunchTimeline final {
public:
    LaunchTimeline(std::vector<Ordered> const &all, Order order);

    // Of the VM, or, where there is none (number 0), of the file: during the event. Empty: nobody knows, or there is no launch.
    std::optional<spec::Launch> during(VmName vm, std::uint64_t file, Ordered const &event) const;

private:
    struct Launch final {
        std::optional<Span> begun, finished; // the first call that succeeded
        bool unclear { false };              // one that may have succeeded: EFAULT is also how the answer could not be given
    };
    Order order_;
    using Name = std::pair<VmName, std::uint64_t>; // a VM, or a file
    static Name name(VmName vm, std::uint64_t file) { return vm.number != 0 ? Name { vm, 0 } : Name { VmName {}, file }; }
    std::map<Name, Launch> launches_;
};

} // namespace gmem::checker
