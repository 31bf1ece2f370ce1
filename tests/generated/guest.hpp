#pragma once
// A guest that loads and stores single bytes, to see what it meets. Long mode, one to one, in a memslot of its own that sequences do
// not know of: its pages lie below `guest_base`, its number is beyond theirs.

#include <cstdint>
#include <optional>

struct kvm_run;

namespace gmem::generated {

inline constexpr std::uint64_t guest_base { 16 << 20 }; // what sequences call gpa 0

struct GuestSeen final {
    enum class What : std::uint8_t { done, mmio, efault, other } what { What::other };
    std::uint64_t detail { 0 }; // the byte read; the address of the MMIO; errno or exit reason
};

class Guest final {
public:
    // A vCPU in `vm`, of the KVM behind `kvm`; ok() says whether it can run here.
    Guest(int kvm, int vm);
    ~Guest();
    Guest(Guest const &) = delete;
    bool ok() const { return run_ != nullptr; }

    GuestSeen load(std::uint64_t gpa) { return step(gpa, std::nullopt); }
    GuestSeen store(std::uint64_t gpa, std::uint8_t value) { return step(gpa, value); }

private:
    GuestSeen step(std::uint64_t gpa, std::optional<std::uint8_t> value);
    bool start(int kvm, int vm);

    unsigned char *system_ { nullptr };
    int vcpu_ { -1 };
    kvm_run *run_ { nullptr };
    std::size_t run_size_ { 0 };
};

} // namespace gmem::generated
