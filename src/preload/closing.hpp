#pragma once
// What happens to what a descriptor holds (memory/holds.hpp) when it is closed: another descriptor of the same description takes it
// over, or it goes, after the descriptor did.

namespace gmem::preload {

class Closing final {
public:
    // Descriptors [first, last] are about to be closed.
    Closing(unsigned first, unsigned last) noexcept;
    // Now they are.
    ~Closing();
    Closing(Closing const &) = delete;

private:
    int orphan_ { -1 };
};

} // namespace gmem::preload
