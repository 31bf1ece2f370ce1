#pragma once
// Who called: walks a copied piece of a stack with the unwind tables of the program's files, and names functions and lines. Outside of the program, with
// elfutils libdw; what the files do not say is left out, and said to be missing.

#include "cli/reports/report.hpp"
#include "observe/stack.hpp"

#include <map>
#include <memory>
#include <span>
#include <sys/types.h>

namespace gmem::cli::reports {

// A file that is mapped executable in a process: addresses, and what is added to the file's own.
struct Module final {
    std::uint64_t begin, end, bias;
    std::string path;
};

struct StackCopy final {
    observe::Frame frame {};
    std::vector<std::byte> bytes; // from frame.stack_pointer on
};

// Is `frame.instruction` the instruction itself, or where a call returns to?
enum class Innermost : std::uint8_t { executing, calling };

class Unwinder final {
public:
    // `live`: the process is there, and may have more modules than it told.
    Unwinder(pid_t process, bool live, std::vector<Module> const &modules);
    ~Unwinder();

    // `waits`: the thread stands where the copy was made, so what lies above the copy is read from the process.
    void walk(StackCopy const &copy, Innermost innermost, bool waits, CallStack &to);

private:
    struct Parts;
    void open();
    std::unique_ptr<Parts> parts_;
};

} // namespace gmem::cli::reports
