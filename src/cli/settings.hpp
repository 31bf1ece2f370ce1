#pragma once
// What the preload library is told: by environment variables, which the options of gmem run set.

#include "cli/run.hpp"

#include <string>

namespace gmem::cli {

// A variable's value; empty where it is not set.
std::string setting(char const *name);

// Sets the variables to what the options say. Those that are set already are looked at, too. False: `complaint` names the first that is wrong, and what could be there.
bool put_settings(RunOptions const &options, std::string &complaint);

} // namespace gmem::cli
