#pragma once
// gmem in this process: files through the C interface, ioctls and memslots through the core's gates, without a real KVM and without
// system calls in between. This is what makes millions of operations a matter of minutes.

#include "tests/generated/subject.hpp"

namespace gmem::generated {

class LibrarySubject final : public Subject {
public:
    LibrarySubject();
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
    int refused(Handle, spec::Refused) override { return 38; } // ENOSYS: there is no descriptor
    std::optional<long> capability(std::optional<Handle> vm, unsigned which) override;
    std::optional<spec::PageState> state(Handle file, std::uint64_t offset) override;
    std::optional<std::uint8_t> guest_read(Handle file, std::uint64_t offset) override;
    bool guest_write(Handle file, std::uint64_t offset, std::uint8_t value) override;
    spec::Complaint audit(Handle file) override;
    int bind(Handle file, char *address, spec::MbindCall const &call) override;
    spec::Policy policy(Handle file, char *address, std::uint64_t page) override;
    int export_file(Handle file) override;
    Handle import_file(int fd) override;
    bool die_at(unsigned n) override;
    Handle pin(Handle file, char *address, std::uint64_t offset, std::uint64_t length) override;
    int unpin(Handle pin, std::uint64_t offset, std::uint64_t length) override;

private:
    Features features_;
};

} // namespace gmem::generated
