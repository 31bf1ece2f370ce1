#pragma once
// Who called: walks a copied piece of a stack with the unwind tables of the program's files, and names functions and lines. Outside of the program, with
// elfutils libdw; what the files do not say is left out, and said to be missing. Has the program's code, too.

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

    bool operator==(Module const &) const = default;
};

struct StackCopy final {
    observe::Frame frame {};
    std::vector<std::byte> bytes; // from frame.stack_pointer on
};

// Is `frame.instruction` the instruction itself, or where a call returns to?
enum class Innermost : std::uint8_t { executing, calling };

inline constexpr std::uint64_t forever { ~std::uint64_t { 0 } };

class Unwinder final {
public:
    // `live`: the process is there, and may have more modules than it told. Otherwise their files are asked, but for those that were changed or replaced
    // after `unchanged_since` (CLOCK_REALTIME, nanoseconds): they are not what ran.
    Unwinder(pid_t process, bool live, std::vector<Module> const &modules, std::uint64_t unchanged_since = forever);
    ~Unwinder();

    // `waits`: the thread stands where the copy was made, so what lies above the copy is read from the process.
    void walk(StackCopy const &copy, Innermost innermost, bool waits, CallStack &to);

    // Where the files do not say how to walk: the words of the copy that lie in the program's code, of which some may be left over from earlier calls.
    void guess(StackCopy const &copy, std::size_t most, CallStack &to) const;

    // Bytes of the program from `address` on, as many as there are and `to` has room for: of the process where a thread of it `waits` there, for it may
    // have made its code itself; otherwise, or if it is gone meanwhile, of the file that is mapped there. 0: nobody knows.
    std::size_t code_at(std::uint64_t address, bool waits, std::span<std::byte> to);

private:
    struct Parts;
    void open();
    void know(std::uint64_t address);
    void name(std::uint64_t address, CallStack &to) const;
    std::unique_ptr<Parts> parts_;
};

} // namespace gmem::cli::reports
