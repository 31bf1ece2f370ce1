// Bytes become operations, operations are performed by gmem in this process and by the specification.

#include "fuzz/target.hpp"
#include "tests/generated/draw.hpp"
#include "tests/generated/library_subject.hpp"
#include "tests/generated/run.hpp"
#include "tests/generated/touch.hpp"

#include <cstdlib>
#include <iostream>

using namespace gmem::generated;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size)
{
    static LibrarySubject subject { (install_touch(), LibrarySubject {}) };
    ByteChoices choices { { data, size } };
    auto const list { draw_sequence(choices, 400) };
    if (auto const d { run(subject, list) }) {
        std::cerr << explain(list, *d);
        std::abort();
    }
    return 0;
}
