// gmem-matrix-driver PLATFORM UAPI [DIRECTION MODE PHASE]: executes the cells of the support table, one or all of a platform, each in a process of its own, and
// prints a line for each: DIRECTION,MODE,PHASE,ERRNO,HOST_READS,GUEST_READS. `gmem run --platform --uapi --vcpu=scripted` around it chooses what it meets; the two
// words here say what kind of VM to make, and what a VMM written for that version means by its flags. Exit 0; 1: a cell could not be executed; 2: usage.

#include "driver/failure.hpp"
#include "driver/matrix/cell.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using namespace gmem::driver;
using namespace gmem::driver::matrix;

namespace {

constexpr unsigned seconds_a_cell { 20 };

std::string name_of(std::string_view direction, std::string_view mode, std::string_view phase)
{
    return std::string { direction } + "," + std::string { mode } + "," + std::string { phase };
}

int execute_and_print(Cell cell, std::string const &name)
{
    alarm(seconds_a_cell);
    try {
        auto const found { execute(cell) };
        std::printf("%s,%s,%s,%s\n", name.c_str(), found.err.c_str(), found.host_reads.c_str(), found.guest_reads.c_str());
        std::fflush(stdout);
        return EXIT_SUCCESS;
    } catch (std::exception const &failure) {
        std::fprintf(stderr, "gmem-matrix-driver: %s: %s\n", name.c_str(), failure.what());
        return EXIT_FAILURE;
    }
}

// A VM is of use to the process alone that made it, and what one cell leaves behind is no matter of the next.
bool in_a_child(Cell cell, std::string const &name)
{
    auto const child { must("fork", ::fork()) };
    if (child == 0)
        ::_exit(execute_and_print(cell, name));
    int status { 0 };
    must("waitpid", ::waitpid(child, &status, 0));
    if (WIFSIGNALED(status))
        std::fprintf(stderr, "gmem-matrix-driver: %s: ended by signal %d\n", name.c_str(), WTERMSIG(status));
    return status == 0;
}

} // namespace

int main(int argc, char **argv)
{
    auto const platform { argc == 3 || argc == 6 ? value_of(platforms, argv[1]) : std::nullopt };
    if (!platform) {
        std::fputs("usage: gmem-matrix-driver PLATFORM UAPI [DIRECTION MODE PHASE], under gmem run\n", stderr);
        return 2;
    }
    bool const february { std::string_view { argv[2] } == "feb" };
    auto const wanted { argc == 6 ? name_of(argv[3], argv[4], argv[5]) : "" };
    int cells { 0 };
    bool all { true };
    for (auto const &direction : directions)
        for (auto const &mode : modes)
            for (auto const &phase : phases) {
                auto const name { name_of(direction.word, mode.word, phase.word) };
                if (!wanted.empty() && wanted != name)
                    continue;
                ++cells;
                bool const asks_for_zeros { mode.value == Mode::zero || (february && mode.value == Mode::unspecified) };
                all = in_a_child({ *platform, direction.value, mode.value, phase.value, asks_for_zeros }, name) && all;
            }
    return cells == 0 ? 2 : all ? EXIT_SUCCESS : EXIT_FAILURE;
}
