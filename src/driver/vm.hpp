#pragma once
// /dev/kvm and a VM. Memslots go with the VM.

#include "driver/descriptor.hpp"
#include "driver/uapi.hpp"

#include <cstdint>

namespace gmem::driver {

class GuestMemfd;

class Vm final {
public:
    // Opens /dev/kvm and creates a VM of `type` (uapi::VmType). The platform of type 1 is what `gmem run --platform` says.
    explicit Vm(unsigned long type);

    int kvm() const { return kvm_.get(); }
    int fd() const { return vm_.get(); }

    // Memory of a guest_memfd in place: no address of ours. Size in bytes; 0 deletes the memslot.
    void slot(std::uint32_t number, std::uint64_t gpa, std::uint64_t size, GuestMemfd const &file, std::uint64_t offset = 0);
    // Ordinary memory of this process. It has to live as long as the VM.
    void slot(std::uint32_t number, std::uint64_t gpa, std::uint64_t size, void *memory);
    void delete_slot(std::uint32_t number);

    // KVM_CHECK_EXTENSION and KVM_ENABLE_CAP of this VM. `enable`: 0 or the errno.
    long extension(std::uint32_t capability) const;
    int enable(std::uint32_t capability, std::uint64_t argument);
    // KVM_HC_MAP_GPA_RANGE is to exit.
    void exit_on_hypercalls() { must_enable(uapi::cap_exit_hypercall, std::uint64_t { 1 } << uapi::hypercall_map_gpa_range); }

private:
    void must_enable(std::uint32_t capability, std::uint64_t argument);

    Descriptor kvm_, vm_;
};

} // namespace gmem::driver
