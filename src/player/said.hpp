#pragma once
// What gmem says on standard error, caught so that a scenario can expect it.

#include "driver/descriptor.hpp"

#include <cstdint>
#include <string>

namespace gmem::player {

// Standard error is a file while one exists. One at a time.
class Said final {
public:
    Said();
    ~Said();
    Said(Said const &) = delete;
    Said &operator=(Said const &) = delete;

    // Since the last call.
    std::string take();

private:
    driver::Descriptor file_, before_;
    std::int64_t taken_ { 0 };
};

} // namespace gmem::player
