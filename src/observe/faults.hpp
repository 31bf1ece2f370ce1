#pragma once
// The faults that --inject asked for, as they lie in a session's log, and how often each has struck. docs/inject.md.
//
// Invariants:
//   F1  what a rule says is written before the program begins, and never changes. What it has counted only grows.
//   F2  whether a rule strikes depends on the seed, the rule, and how many calls have met it: on nothing else. Processes count together.

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace gmem::observe {

enum class Fault : std::uint32_t {
    nothing,
    eagain,   // a conversion to private: a page of it is in use
    enomem,   // a conversion, an allocation, or a page of a launch
    eintr,    // a page of a launch: a signal came
    firmware, // a page of SNP's launch: `choice` is the answer
    cpuid,    // a CPUID page of SNP's launch: the firmware corrects it
    delay,    // a conversion: `choice` milliseconds
    request,  // KVM_RUN: the guest asks for a conversion that it did not ask for
    poison,   // a conversion: afterwards a page of it is a memory failure
    kill,     // a process that is asked to close its windows dies
};

// Where a rule may strike.
enum class Call : std::uint32_t { any, convert, allocate, launch, run, close };

struct FaultWords final {
    Fault fault;
    std::string_view name, what;
    Call call; // where it strikes when nothing else is said
};

// In the order of Fault, without `nothing`.
inline constexpr std::array<FaultWords, 9> fault_table { {
    { Fault::eagain, "eagain", "conversions to private", Call::convert },
    { Fault::enomem, "enomem", "conversions, allocations or launched pages", Call::convert },
    { Fault::eintr, "eintr", "launched pages", Call::launch },
    { Fault::firmware, "firmware", "pages of SNP_LAUNCH_UPDATE", Call::launch },
    { Fault::cpuid, "cpuid", "CPUID pages of SNP_LAUNCH_UPDATE", Call::launch },
    { Fault::delay, "delay", "conversions", Call::convert },
    { Fault::request, "request", "runs of vCPUs", Call::run },
    { Fault::poison, "poison", "conversions", Call::convert },
    { Fault::kill, "kill", "questions to close windows", Call::close },
} };

// FaultRule::choice of `firmware`: the firmware's number, or one of these.
inline constexpr std::uint64_t rmp_in_use { 0x10000 }, rmp_overlap { 0x20000 };
// Of `request`: what the guest asks for, and how.
inline constexpr std::uint64_t request_shared { 1 }, request_private { 2 }, request_as_hypercall { 16 };

struct FaultRule final {
    Fault fault;
    Call call;
    std::uint64_t nth;   // strikes that call, counted from 1; 0: not so
    std::uint64_t every; // strikes each such call; 0: not so
    std::uint64_t share; // of 2^32; 0: not so
    std::uint64_t times; // strikes so often at most; 0: no end
    std::uint64_t offset, size; // bytes of the file (request: of guest physical memory); size 0: all
    std::uint64_t choice;
    std::atomic<std::uint64_t> seen, struck;
};

struct PoisonedPage final {
    std::atomic<std::uint64_t> file; // inode; 0: none
    std::atomic<std::uint64_t> page;
};

struct Faults final {
    static constexpr std::size_t most { 16 }, most_poisoned { 64 };

    std::uint64_t seed;
    std::uint64_t count; // of rules
    std::array<FaultRule, most> rules;
    std::atomic<std::uint64_t> poisoned_count; // slots of `poisoned` that were ever taken
    std::array<PoisonedPage, most_poisoned> poisoned;
};
static_assert(sizeof(Faults) <= 4096);

} // namespace gmem::observe
