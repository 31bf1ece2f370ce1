#include "player/perform.hpp"

#include "scenario/operations.hpp"

namespace gmem::player {
namespace {

using scenario::Does;

struct Row final {
    Does first, last;
    void (*perform)(Stage &, scenario::Step const &, Seen &);
};

constexpr Row rows[] {
    { Does::convert, Does::convert_by_vm, do_conversion },
    { Does::write, Does::pass_to_kernel, do_access },
    { Does::punch, Does::capability, do_file },
    { Does::bind_policy, Does::node, do_policy },
    { Does::run, Does::run, do_guest },
    { Does::launch_start, Does::populate, do_launch },
    { Does::hog, Does::hog, do_hog },
    { Does::pin, Does::unpin, do_device },
    { Does::load, Does::halt, do_guest },
};

constexpr bool complete() noexcept
{
    int next { 0 };
    for (auto const &row : rows) {
        if (static_cast<int>(row.first) != next)
            return false;
        next = static_cast<int>(row.last) + 1;
    }
    return next == static_cast<int>(Does::halt) + 1;
}
static_assert(complete(), "every operation has its function, in the order of Does");

} // namespace

Seen perform(Stage &stage, scenario::Step const &step)
{
    Seen seen;
    if (step.given.text)
        stage.texts.insert(*step.given.text);
    for (auto const &row : rows)
        if (step.operation->does >= row.first && step.operation->does <= row.last)
            row.perform(stage, step, seen);
    if (step.given.keep && seen.bytes)
        stage.kept[*step.given.keep] = *seen.bytes;
    seen.said = stage.said.take();
    return seen;
}

} // namespace gmem::player
