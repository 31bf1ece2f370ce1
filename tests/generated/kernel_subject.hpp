#pragma once
// guest_memfd through plain system calls: the running kernel's own, or gmem's when the program runs under `gmem run`.

#include "tests/generated/subject.hpp"

#include <map>
#include <set>

namespace gmem::generated {

class KernelSubject final : public Subject {
public:
    // What is missing here, or nothing: then nothing can be tested.
    static std::optional<std::string> missing();

    KernelSubject();
    Features const &features() const override { return features_; }

    Handle create_vm(spec::VmType type) override;
    void close_vm(Handle vm) override;
    Handle create(Handle vm, spec::CreateCall const &call) override;
    Handle duplicate(Handle file) override;
    void close(Handle file) override;
    spec::Outcome convert(Handle file, spec::ConvertCall const &call) override;
    int fallocate(Handle file, spec::FallocateCall const &call) override;
    int map(Handle file, std::uint64_t offset, spec::MmapCall const &call, char *&address) override;
    int unmap(char *address, std::uint64_t length) override;
    int memslot(Handle vm, spec::MemslotVersion version, spec::MemslotCall const &call, spec::NamedFile named, Handle file) override;
    int refused(Handle file, spec::Refused what) override;
    std::optional<GuestSeen> guest_touch(Handle vm, std::uint64_t gpa, std::optional<std::uint8_t> value) override;
    std::optional<long> capability(std::optional<Handle> vm, unsigned which) override;
    std::optional<int> vm_attributes(Handle vm, std::uint64_t attributes) override;
    std::optional<spec::Facts> facts(Handle file) override;
    int bind(Handle file, char *address, spec::MbindCall const &call) override;
    spec::Policy policy(Handle file, char *address, std::uint64_t page) override;
    int export_file(Handle file) override;
    Handle import_file(int fd) override;
    Handle pin(Handle file, char *address, std::uint64_t offset, std::uint64_t length) override; // vmsplice: the pipe holds the page
    int unpin(Handle pin, std::uint64_t offset, std::uint64_t length) override;
    void forget_pin(Handle pin) override;

private:
    void find_out_about_pins();
    void find_out_about_slots();
    void find_out_about_policies();
    void find_out_about_guests();

    int kvm_;
    Features features_;
    bool vcpus_run_ { true }; // until the first one does not
    std::set<Handle> waiting_; // VMs whose vCPU cannot do anything else any more: see differences.hpp
    std::map<Handle, Guest> guests_; // made when first asked for
};

} // namespace gmem::generated
