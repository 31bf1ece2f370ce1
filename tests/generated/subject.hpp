#pragma once
// An implementation of guest_memfd as generated sequences drive it: one call in, one answer out, no opinion. Answers are negative
// errnos where not said otherwise.

#include "spec/capabilities.hpp"
#include "spec/convert.hpp"
#include "spec/create.hpp"
#include "spec/file_operations.hpp"
#include "spec/memory_policy.hpp"
#include "spec/memslot.hpp"
#include "tests/generated/guest.hpp"

namespace gmem::generated {

using Handle = std::int64_t; // a descriptor, or the address of an object

struct Features final {
    bool in_place { false };       // KVM_SET_MEMORY_ATTRIBUTES2
    bool private_vms { false };    // KVM_X86_SW_PROTECTED_VM
    bool ordinary_slots { false }; // memslots without a guest_memfd behave as KVM's
    bool pins { false };           // a pinned page refuses to become private
    bool pins_by_range { false };  // unpin() names a range: of several like it the one goes that holds least, the oldest
    std::uint64_t longest_pin { 1 }; // pages of one pin
    bool peers { false };          // other processes may live beside the driver
    std::uint64_t nodes { 0 };     // that this task may use; 0: the file keeps no NUMA policies
    bool free_files { false };     // files without a VM
    bool guests { false };         // a guest reaches the pages of a slot's guest_memfd, not something else
    bool unreachable_is_mmio { false }; // this host's KVM: an access to a slot whose memory cannot be had is MMIO, not EFAULT
    bool odd_maps { false };       // mmap can be asked for MAP_PRIVATE and PROT_EXEC, with several things wrong at once
    bool recovers_in_calls { true }; // a system call brings back a shared page whose PTE is missing
    std::uint32_t slot_limit { 0 };
    std::uint32_t address_spaces { 2 }; // of a VM without private memory (KVM_CAP_MULTI_ADDRESS_SPACE)
    int overlap_in_file { 0 };     // the errno: see differences.hpp
};

// Set bits: the nodes that this task may use.
std::uint64_t nodes_of_this_task();

class Subject {
public:
    Subject() = default;
    Subject(Subject const &) = delete;
    virtual ~Subject() = default;

    virtual Features const &features() const = 0;

    virtual Handle create_vm(spec::VmType type) = 0;
    virtual void close_vm(Handle vm) = 0;
    virtual Handle create(Handle vm, spec::CreateCall const &call) = 0;
    virtual Handle duplicate(Handle file) = 0;
    virtual void close(Handle file) = 0;

    virtual spec::Outcome convert(Handle file, spec::ConvertCall const &call) = 0;
    virtual int fallocate(Handle file, spec::FallocateCall const &call) = 0; // errno
    virtual int map(Handle file, std::uint64_t offset, spec::MmapCall const &call, char *&address) = 0; // errno
    virtual int unmap(char *address, std::uint64_t length) = 0; // errno
    virtual int memslot(Handle vm, spec::MemslotVersion version, spec::MemslotCall const &call, spec::NamedFile named, Handle file) = 0; // errno
    virtual int refused(Handle file, spec::Refused what) = 0; // errno; ENOSYS: cannot be asked

    // What not every subject can be asked: nothing then.
    virtual std::optional<long> capability(std::optional<Handle>, unsigned) { return std::nullopt; }
    virtual std::optional<int> vm_attributes(Handle, std::uint64_t) { return std::nullopt; } // errno
    virtual std::optional<spec::Facts> facts(Handle) { return std::nullopt; }
    virtual std::optional<spec::PageState> state(Handle, std::uint64_t) { return std::nullopt; }
    virtual std::optional<std::uint8_t> guest_read(Handle, std::uint64_t) { return std::nullopt; }
    virtual bool guest_write(Handle, std::uint64_t, std::uint8_t) { return false; }
    // A vCPU of the VM loads a byte at the guest address, or stores one.
    virtual std::optional<GuestSeen> guest_touch(Handle, std::uint64_t, std::optional<std::uint8_t>) { return std::nullopt; }
    virtual spec::Complaint audit(Handle) { return std::nullopt; }

    // A pin of pages of a window at `address`, which show the file at `offset`, or -errno; gone with unpin().
    virtual Handle pin(Handle /*file*/, char * /*address*/, std::uint64_t /*offset*/, std::uint64_t /*length*/) { return -95; }
    virtual int unpin(Handle /*pin*/, std::uint64_t /*offset*/, std::uint64_t /*length*/) { return 0; } // errno
    // mbind on a window that shows the call's pages at `address`: errno; and get_mempolicy(MPOL_F_ADDR).
    virtual int bind(Handle, char *, spec::MbindCall const &) { return 38; }
    virtual spec::Policy policy(Handle, char * /*address*/, std::uint64_t /*page*/) { return { -1, 0 }; }

    // A descriptor that can be sent to another process, and the file there; -errno.
    virtual int export_file(Handle) = 0;
    virtual Handle import_file(int fd) = 0;

    // The next conversion of this process ends at the named point `n` % points, as by kill -9; false: there are no such points.
    virtual bool die_at(unsigned /*n*/) { return false; }

    // In a forked child: the parent's pin is not its own.
    virtual void forget_pin(Handle) {}
};

} // namespace gmem::generated
