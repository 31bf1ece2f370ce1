// Generated sequences against whatever answers the system calls: the running kernel, or gmem under `gmem run`.

#include "tests/generated/check.hpp"
#include "tests/generated/kernel_subject.hpp"
#include "tests/generated/touch.hpp"

#include <iostream>

int main(int argc, char **argv)
{
    using gmem::generated::KernelSubject;
    if (auto const missing { KernelSubject::missing() }) {
        std::cerr << *missing << "\n";
        return 77;
    }
    gmem::generated::install_touch();
    KernelSubject subject;
    auto const &f { subject.features() };
    std::cout << "in-place conversion " << f.in_place << ", pins " << f.pins << ", slots without a file " << f.ordinary_slots << ", living processes " << f.peers << ", NUMA nodes " << std::hex << f.nodes << std::dec << ", guests in files " << f.guests << ", unreachable memory is MMIO " << f.unreachable_is_mmio << "\n";
    return gmem::generated::main_of(subject, f.in_place ? "preloaded" : "running kernel", argc, argv);
}
