#pragma once
// What libFuzzer, AFL++ and honggfuzz call: one input. It returns; a difference from the specification ends the process.

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size);
