#pragma once
// One load or store that may raise SIGBUS, without a setjmp: the handler steps over the instruction. Millions of them are cheap.

#include <cstdint>

namespace gmem::generated {

struct Touched final {
    bool works { false };
    std::uint8_t value { 0 };
    int code { 0 };              // of the signal
    void *address { nullptr };
};

// Once, before the first gmem: gmem's handler then hands over to this one. A SIGBUS elsewhere ends the program with 99.
void install_touch();

Touched touch_read(void *p);
Touched touch_write(void *p, std::uint8_t value);

} // namespace gmem::generated
