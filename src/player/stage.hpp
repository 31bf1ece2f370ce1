#pragma once
// Where a scenario is played: the VM, its memories, its guest, and what the steps so far have left behind.

#include "driver/guest.hpp"
#include "driver/guest_memfd.hpp"
#include "driver/launch.hpp"
#include "driver/window.hpp"
#include "player/contents.hpp"
#include "player/said.hpp"

#include <map>
#include <memory>

namespace gmem::player {

// A memory of the scenario as the program has it.
struct Region final {
    scenario::Memory const *what;
    std::optional<driver::GuestMemfd> file;
    std::optional<driver::Window> window; // of the file, where it may be mapped
    std::optional<driver::Mapping> own;   // second source: shared pages
};

// The guest's operation under way: an exit may lie between its beginning and its end.
struct Pending final {
    std::size_t operations { 0 };
    std::uint64_t bytes { 0 }; // that its loads have read together; 0: it reads none
};

class Stage final {
    scenario::Scenario const *scenario_;
    driver::Vm vm_; // before the launches, which speak to it

public:
    explicit Stage(scenario::Scenario const &scenario);

    scenario::Scenario const &scenario() const { return *scenario_; }
    driver::Vm &vm() { return vm_; }
    Region &region(std::string const &name) { return *regions_.at(name); }
    std::uint64_t gpa(scenario::Place const &place) const;
    std::string place_of(std::uint64_t gpa) const; // the other way round, for people

    // Made when it is first needed: TDX wants its VM initialised before there is a vCPU.
    driver::Guest &guest();
    bool has_guest() const { return guest_ != nullptr; }
    std::byte *list_page(); // guest physical list_gpa, shared: where page state changes lie
    static constexpr std::uint64_t list_gpa { 0x30000 };

    // Bytes through the program's window. False: SIGBUS. The range lies in the memory.
    bool read(scenario::Place const &at, Bytes &bytes);
    bool write(scenario::Place const &at, Bytes const &bytes);

    // Runs the guest's operations, or goes on with them. A guest that waits for an answer begins nothing else.
    void start(std::vector<gmem_guest_op> const &operations, std::uint64_t reads, Seen &seen);
    void go_on(std::optional<std::uint64_t> answer, Seen &seen);

    driver::SnpLaunch snp;
    driver::TdxLaunch tdx;
    Texts texts;
    std::map<std::string, Bytes> kept;
    std::vector<driver::Descriptor> pipes; // what the device holds lies in them
    Said said;

private:
    void add(scenario::Memory const &memory, std::uint32_t slot);
    void finished(driver::Exit exit, Seen &seen);

    std::map<std::string, std::unique_ptr<Region>> regions_;
    std::unique_ptr<driver::Mapping> list_;
    std::unique_ptr<driver::Guest> guest_;
    Pending pending_;
    bool waits_ { false }; // for the VMM's answer
};

} // namespace gmem::player
