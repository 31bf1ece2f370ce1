#include "cli/doctor.hpp"

#include <nlohmann/json.hpp>

namespace gmem::cli {

std::string findings_as_json(std::vector<Finding> const &findings)
{
    auto array = nlohmann::ordered_json::array();
    for (auto const &f : findings)
        array.push_back({ { "health", name(f.health) }, { "what", f.what }, { "fact", f.fact }, { "follows", f.follows } });
    return array.dump(2);
}

} // namespace gmem::cli
