#pragma once
// Calls as strace prints them (-f -X raw). It knows no structures of these ioctls, so what is learned is: which descriptor is which file, who called,
// the result; and everything of calls without structures.

#include "checker/trace.hpp"

#include <map>
#include <memory>
#include <string_view>

namespace gmem::checker {

class Syscalls final {
public:
    explicit Syscalls(Trace &t) : trace_ { t } {}

    // False: it is none. Calls that say nothing of a guest_memfd are taken.
    bool strace_line(std::string_view line, std::uint64_t number);

private:
    struct Call final {
        std::uint32_t thread { 0 };
        std::uint64_t began { 0 }, line { 0 };
        std::string_view name;
        std::vector<std::string_view> arguments;
        std::int64_t result { 0 }; // -errno
    };
    enum class What : std::uint8_t { vm, file };
    struct Object final {
        What what;
        std::uint64_t id;
    };
    struct Window final {
        std::uint64_t begin, end, file, offset;
    };
    // What threads share.
    struct Process final {
        std::uint32_t id;
        std::map<std::int64_t, Object> descriptors;
        std::vector<Window> windows;
    };
    struct Unfinished final {
        std::uint64_t line { 0 };
        std::string text;
    };

    static bool parse(std::string_view line, Call &c);
    void call(Call const &c);
    void ioctl(Process &p, Call const &c);
    void cloned(Process &p, Call const &c);
    void mapped(Process &p, Call const &c);
    void bound_to_nodes(Process &p, Call const &c);
    void signal(std::uint32_t thread, std::string_view line, std::uint64_t number);
    void add(Process const &p, Call const &c, observe::Event e, bool arguments_known);
    Object &object(Process &p, std::int64_t descriptor, What what);
    Process &process_of(std::uint32_t thread);

    Trace &trace_;
    std::map<std::uint32_t, std::shared_ptr<Process>> threads_;
    std::map<std::uint32_t, Unfinished> unfinished_;
    std::uint64_t next_id_ { 1 };
};

} // namespace gmem::checker
