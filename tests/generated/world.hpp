#pragma once
// An implementation and the specification side by side: performs operations on both and says where they differ.
//
// Invariants:
//   W1  the model holds exactly the files that are alive: those with a descriptor or a window in some process (4.4).
//   W2  every page of the model holds one byte, and the implementation has it at each of `cells` of the page.

#include "tests/generated/operation.hpp"
#include "tests/generated/peers.hpp"
#include "tests/generated/subject.hpp"

#include <memory>

namespace gmem::generated {

class World final {
public:
    explicit World(Subject &subject) : subject_ { subject } {}
    ~World();
    World(World const &) = delete;

    spec::Complaint perform(Operation const &op);
    // Every page of every file, through every window.
    spec::Complaint check_everything();

private:
    struct Vm final {
        Handle handle;
        std::uint64_t identity; // files remember it; never given twice
        spec::VmRules rules;
        spec::VmSlots slots;
    };
    struct File final {
        spec::File model;
        spec::FileId id;
        std::uint64_t vm;
        std::vector<Handle> handles;
        std::vector<spec::Policy> policies; // empty: none was ever set
        unsigned windows { 0 };             // the driver's
    };
    struct Window final {
        File *file;
        char *address;
        std::uint64_t offset, pages;
    };
    struct HeldPages final {
        Handle handle;
        spec::FileId file;
        std::uint64_t first, pages;
        std::vector<std::uint64_t> attached; // those that were not punched away under it
        std::optional<unsigned> peer;        // the place of the process that holds them; empty: the driver
    };
    struct Peer final {
        unsigned place;
        pid_t pid;
        std::vector<Window> windows;
        std::vector<std::pair<File *, Handle>> handles;
    };

    spec::Complaint act(CreateVm const &op);
    spec::Complaint act(CloseVm const &op);
    spec::Complaint act(Create const &op);
    spec::Complaint act(Duplicate const &op);
    spec::Complaint act(Close const &op);
    spec::Complaint act(Convert const &op);
    spec::Complaint act(Fallocate const &op);
    spec::Complaint act(Map const &op);
    spec::Complaint act(Unmap const &op);
    spec::Complaint act(Read const &op);
    spec::Complaint act(Write const &op);
    spec::Complaint act(KernelRead const &op);
    spec::Complaint act(KernelWrite const &op);
    spec::Complaint act(GuestWrite const &op);
    spec::Complaint act(GuestTouch const &op);
    spec::Complaint act(Pin const &op);
    spec::Complaint act(Unpin const &op);
    spec::Complaint act(Memslot const &op);
    spec::Complaint act(Capability const &op);
    spec::Complaint act(VmAttributes const &op);
    spec::Complaint act(Refused const &op);
    spec::Complaint act(Stat const &op);
    spec::Complaint act(InChild const &op);
    spec::Complaint act(Bind const &op);
    spec::Complaint act(Fork const &op);
    spec::Complaint act(Pass const &op);
    spec::Complaint act(InPeer const &op);
    spec::Complaint act(EndPeer const &op);

    Vm *vm(Number index) { return vms_.empty() ? nullptr : &vms_[index % vms_.size()]; }
    File *file(Number index) { return files_.empty() ? nullptr : files_[index % files_.size()].get(); }
    Window *window(Number index) { return windows_.empty() ? nullptr : &windows_[index % windows_.size()]; }
    File *with_descriptor(Number index);
    std::optional<spec::NamedFile> named_by(Memslot const &op, Vm const &v, File const *f) const;

    void bury(File &f); // if nothing holds it
    void unmap_all(Window &w);
    static HeldPages held(Handle pin, File const &f, std::uint64_t first, std::uint64_t pages);
    spec::Complaint release(HeldPages const &p, int seen);
    void punched(File const &f, std::uint64_t first, std::uint64_t last);
    spec::Complaint judge_fallocate(File &f, spec::FallocateCall const &call, int seen);

    spec::Complaint read_page(Window const &w, std::uint64_t offset) const;
    spec::Complaint look_at(File const &f, std::uint64_t first, std::uint64_t last) const; // a range that was just worked on
    spec::Complaint states(File const &f, std::uint64_t first, std::uint64_t last) const;

    Peer *peer(Number index) { return peers_.empty() ? nullptr : &peers_[index % peers_.size()]; }
    Handle handle_in(Peer const &p, File const &f) const;
    bool held_by_a_peer(File const &f) const;
    void forget(Peer &p); // it has gone, or will not come back
    void end_all_peers();
    spec::Complaint unpin_in_peer(HeldPages const &p);
    spec::Complaint look(Peer const &p, Window const &w, std::uint64_t first, std::uint64_t pages) const;
    spec::Complaint everything_in(Peer const &p) const;
    spec::Complaint peers_look_at(File const &f, std::uint64_t first, std::uint64_t last) const;
    spec::Complaint access_in(Peer &p, InPeer const &op);
    spec::Complaint window_in(Peer &p, InPeer const &op);
    spec::Complaint file_in(Peer &p, InPeer const &op);
    spec::Complaint killed_in_conversion(Peer &p, File &f, Handle handle, InPeer const &op);

    Subject &subject_;
    std::vector<Vm> vms_;
    std::vector<std::unique_ptr<File>> files_;
    std::vector<Window> windows_;
    std::vector<HeldPages> pins_;
    std::vector<Peer> peers_;
    std::vector<pid_t> dying_; // were killed; nobody waited for them yet
    std::uint64_t identities_ { 0 };
};

} // namespace gmem::generated
