#pragma once
// A step is done, and what it showed is told. Nothing is judged here.

#include "player/stage.hpp"

namespace gmem::player {

// Throws driver::Failure where something did not work that every scenario takes for granted.
Seen perform(Stage &stage, scenario::Step const &step);

// One function a family of operations: operations.cpp of scenario/ is the list.
void do_conversion(Stage &, scenario::Step const &, Seen &); // convert, convert_by_vm
void do_access(Stage &, scenario::Step const &, Seen &);     // write, read, touch, pass_to_kernel
void do_file(Stage &, scenario::Step const &, Seen &);       // punch, allocate, map, capability
void do_policy(Stage &, scenario::Step const &, Seen &);     // bind_policy, policy, node
void do_device(Stage &, scenario::Step const &, Seen &);     // pin, unpin
void do_launch(Stage &, scenario::Step const &, Seen &);     // launch_..., init_td, init_mem_region, finalize, populate
void do_guest(Stage &, scenario::Step const &, Seen &);      // everything of the guest, and run
void do_hog(Stage &, scenario::Step const &, Seen &);

} // namespace gmem::player
