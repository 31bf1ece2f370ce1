#pragma once
// A scenario: a VM, its memory, and steps, each with what is expected of it. docs/scenarios.md is the form.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gmem::scenario {

struct Operation; // operations.hpp

// Where something is: bytes into a memory by its name, or, without a name, a guest physical address.
struct Place final {
    std::string memory;
    std::uint64_t offset { 0 };
};

enum class Side : std::uint8_t { shared, private_, either };

// One page state change of a list (SNP).
struct StateChange final {
    Place at;
    bool to_private { false };
    bool huge { false };
};

// What a step is told. Which of it belongs to which operation: operations.cpp.
struct Given final {
    std::optional<Place> at;
    std::optional<std::uint64_t> size, value, answer, rounds, seed, number;
    std::optional<Side> side;
    std::optional<bool> to_private;         // to: private, shared; of CCA: ram, empty
    std::optional<std::uint64_t> mode;      // flags of the conversion
    std::optional<std::string> text, keep, from, type, policy, memory;
    std::vector<std::uint32_t> words;
    std::vector<unsigned> nodes;
    std::vector<StateChange> entries;
    bool rescind { false }, huge { false }, destroyed_too { false }, measure { false };
};

// What reading found, or should find.
struct Content final {
    enum class Kind : std::uint8_t { zeros, noise, text, words };
    Kind kind { Kind::zeros };
    std::string text;
    std::vector<std::uint32_t> words;
};

// Only what is there is compared.
struct Expected final {
    std::optional<int> error;               // errno; 0: none. Without it: 0
    std::optional<std::uint64_t> error_offset, size, result, status, value;
    std::optional<bool> sigbus;             // without it: no
    std::optional<Content> reads;
    std::optional<std::string> like, unlike; // bytes that an earlier step kept
    std::optional<std::string> exit;         // of a guest's operation; without it: halt
    std::optional<std::string> says, policy; // says: a part of a line on standard error
    std::optional<bool> silent;              // nothing on standard error
    std::optional<std::uint64_t> node;
    std::optional<Place> at;
    std::optional<Side> side;
    std::optional<bool> to_private;
    std::optional<std::uint64_t> firmware;  // without it: 0
};

struct Step final {
    int line { 0 };
    std::string say, why;
    Operation const *operation { nullptr };
    std::string told; // the operation's fields as they stand in the file
    Given given;
    Expected expected;
};

// A guest_memfd, the memslot that binds it, and the window on it.
struct Memory final {
    std::string name;
    int line { 0 };
    std::uint64_t size { 0 };
    std::uint64_t gpa { 0 };
    bool mappable { true };      // GUEST_MEMFD_FLAG_MMAP
    bool init_shared { true };   // GUEST_MEMFD_FLAG_INIT_SHARED
    bool second_source { false }; // shared pages are memory of the VMM's own, at userspace_addr
};

struct Scenario final {
    std::string file, title;
    std::vector<std::string> sources;
    std::string platform { "sw_protected" }, uapi { "mainline" }, vm { "sw_protected" };
    std::string in_place;        // "", "on" or "off"
    std::vector<std::string> platform_options, uapi_options;
    std::vector<Memory> memories;
    std::vector<Step> steps;

    Memory const *memory(std::string const &name) const;
};

} // namespace gmem::scenario
