#include "tests/generated/run.hpp"

#include <sstream>

namespace gmem::generated {

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
    World world { subject };
    for (std::size_t i { 0 }; i < list.size(); ++i)
        if (auto const c { world.perform(list[i]) })
            return Difference { i, *c };
    if (auto const c { world.check_everything() })
        return Difference { list.size(), *c };
    return std::nullopt;
}

} // namespace gmem::generated
