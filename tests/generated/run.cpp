#include "tests/generated/run.hpp"

#include <array>
#include <sstream>
#include <sys/syscall.h>
#include <unistd.h>

namespace gmem::generated {

std::uint64_t nodes_of_this_task()
{
    constexpr unsigned long allowed { 4 };
    std::array<std::uint64_t, 16> nodes {};
    return syscall(SYS_get_mempolicy, nullptr, nodes.data(), 1024ul, nullptr, allowed) == 0 ? nodes[0] : 0;
}

std::string explain(Sequence const &list, Difference const &d)
{
    std::ostringstream text;
    text << d.complaint << "\nfound by ";
    if (d.operation < list.size())
        text << list[d.operation];
    else
        text << "the check of everything at the end";
    text << "; as a test:\n\n";
    print_as_test(list, text);
    return text.str();
}

std::optional<Difference> run(Subject &subject, Sequence const &list)
{
    Peers::prepare();
    World world { subject };
    for (std::size_t i { 0 }; i < list.size(); ++i)
        if (auto const c { world.perform(list[i]) })
            return Difference { i, *c };
    if (auto const c { world.check_everything() })
        return Difference { list.size(), *c };
    return std::nullopt;
}

} // namespace gmem::generated
