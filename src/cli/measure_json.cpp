#include "cli/measure.hpp"

#include <nlohmann/json.hpp>

namespace gmem::cli {

std::string report_as_json(MeasureReport const &r)
{
    nlohmann::ordered_json const object { { "platform", r.platform }, { "what", r.what }, { "algorithm", r.algorithm }, { "digest", r.digest }, { "pages", r.pages }, { "notes", r.notes } };
    // File names need not be text.
    return object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace gmem::cli
