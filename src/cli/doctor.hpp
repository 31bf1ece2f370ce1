#pragma once
// gmem doctor: what this host offers, and what follows from it.

#include <string>
#include <vector>

namespace gmem::cli {

enum class Health { good, degraded, missing };

struct Finding final {
    Health health;
    std::string what;    // a stable name, for scripts
    std::string fact;    // what was found
    std::string follows; // what it means for gmem
};

std::vector<Finding> examine_host();

// 0: gmem can gate windows here; 1: it cannot.
int doctor(bool as_json);

// In a file of its own: the JSON library is the slowest header here.
std::string findings_as_json(std::vector<Finding> const &findings);
char const *name(Health h);

} // namespace gmem::cli
