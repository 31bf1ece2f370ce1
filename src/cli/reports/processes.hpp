#pragma once
// The processes of a session: what each has mapped, and the stacks that they left in the log. Keeps a copy of a stack once, however often it was left.

#include "cli/reports/instruction.hpp"
#include "cli/reports/unwinder.hpp"
#include "observe/event.hpp"

#include <optional>
#include <unordered_map>

namespace gmem::cli::reports {

// Who called, as the log has it: resolved when a report needs it.
using StackId = std::uint32_t;
inline constexpr StackId no_stack { 0 };

class Processes final {
public:
    // Of a session that goes on.
    Processes() = default;
    // Of one that was `recorded` (when it began: CLOCK_REALTIME, nanoseconds): its processes are not asked, for their numbers may be others' by now.
    explicit Processes(std::uint64_t recorded) : recorded_ { recorded } {}

    // Events of Kind::process, module_ and stack; others are none of its business.
    void see(observe::EventNo n, observe::Event const &e, std::vector<std::byte> const &behind);

    // The stack that an event names: of those that were seen lately.
    StackId stack_of(observe::Event const &e) const;

    // Fills in process, thread, frames and remark.
    CallStack resolve(StackId id, Innermost innermost, bool waits, std::string title);
    // The same where resolve() found no name: at most `most` frames, of which the first is where the call came from.
    void guess(StackId id, std::size_t most, CallStack &to);
    std::string name_of(std::uint32_t process) const; // "vmm", or ""

    // What the instruction did that an event of Kind::access tells of, with the stack `id`. `waits`: its thread stands there. nullopt: not known.
    std::optional<MemoryAccess> access_of(observe::Event const &e, StackId id, bool waits);

    // The first process of the session.
    std::uint32_t main() const noexcept { return main_; }

private:
    struct Stored final {
        std::uint32_t process, thread, image;
        StackCopy copy;
    };
    // One program in one process, from its start or fork to the next execve.
    struct Image final {
        std::uint32_t process;
        std::string path;
        std::vector<Module> modules;
        std::unique_ptr<Unwinder> unwinder;
    };
    static constexpr std::size_t most_stacks { 8192 }, most_numbers { 1 << 16 }, most_modules { 1024 };

    void see_process(observe::Event const &e, std::string name);
    void see_module(observe::Event const &e, std::string path);
    void see_stack(observe::EventNo n, observe::Event const &e, std::vector<std::byte> const &behind);
    std::optional<std::uint32_t> image_of(std::uint32_t process) const;
    Unwinder &unwinder_of(std::uint32_t image);

    std::optional<std::uint64_t> recorded_ {};
    std::uint32_t main_ { 0 };
    std::vector<Image> images_;
    std::unordered_map<std::uint32_t, std::uint32_t> image_now_; // by process
    std::vector<Stored> stacks_ { 1 };                           // [0]: none
    std::unordered_map<std::uint64_t, StackId> by_contents_;
    std::unordered_map<std::uint64_t, StackId> by_number_;
};

} // namespace gmem::cli::reports
