#pragma once
// A confidential VM's launch through KVM's own calls. Each call answers 0 or the errno; what the firmware said beside it is in `told`.

#include "driver/descriptor.hpp"
#include "driver/vm.hpp"

#include <cstdint>

namespace gmem::driver {

class Guest;

// SNP page types of KVM_SEV_SNP_LAUNCH_UPDATE.
enum class SnpPage : std::uint8_t { normal = 1, vmsa = 2, zero = 3, unmeasured = 4, secrets = 5, cpuid = 6 };

class SnpLaunch final {
public:
    explicit SnpLaunch(Vm &vm) : vm_ { vm } {}

    int init(); // opens /dev/sev; KVM_SEV_INIT2
    int start(std::uint64_t policy = 0x30000);
    // `source`: nullptr for what lies in the guest_memfd. `left`, if given, is what KVM has not done, in pages.
    int update(std::uint64_t gpa, std::uint64_t pages, SnpPage type, void const *source = nullptr, std::uint64_t *left = nullptr);
    int finish();
    std::uint32_t told() const { return told_; } // the firmware's error of the last call

private:
    int command(std::uint32_t id, void *data);

    Vm &vm_;
    Descriptor sev_;
    std::uint32_t told_ { 0 };
};

class TdxLaunch final {
public:
    explicit TdxLaunch(Vm &vm) : vm_ { vm } {}

    // KVM_TDX_INIT_VM, before vCPUs are created. Guest physical addresses of 48 bits: bit 47 says shared.
    int init(std::uint64_t attributes = 0, std::uint64_t xfam = 0x3);
    int init_vcpu(Guest const &guest);
    int init_mem_region(Guest const &guest, std::uint64_t gpa, std::uint64_t pages, void const *source = nullptr, bool measure = true);
    int finalize();
    std::uint64_t told() const { return told_; } // hw_error of the last call

private:
    int command(int fd, std::uint32_t id, std::uint32_t flags, void *data);

    Vm &vm_;
    std::uint64_t told_ { 0 };
};

// A realm is activated by its first KVM_RUN.
class RealmLaunch final {
public:
    explicit RealmLaunch(Vm &vm) : vm_ { vm } {}

    // `source`: page aligned. nullptr: EOPNOTSUPP, because the RMM copies from another granule.
    int populate(std::uint64_t ipa, std::uint64_t pages, void const *source, bool measure = true);

private:
    Vm &vm_;
};

} // namespace gmem::driver
