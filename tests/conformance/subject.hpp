#pragma once
// The implementation under test, whatever it is: the running kernel's guest_memfd, or gmem's under `gmem run`. Plain libc calls.

#include "spec/create.hpp"
#include "tests/conformance/uapi.hpp"

#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>

namespace gmem::conformance {

// What this kernel offers; asked once.
struct Offer final {
    int kvm { -1 };
    bool in_place { false };      // KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES
    bool has_private_vms { false }; // type SW_PROTECTED
    unsigned long vm_type { 0 };  // the best type that there is: SW_PROTECTED (1), else DEFAULT
    spec::VmRules rules {};
    std::string lacks;            // why nothing can be tested; empty when it can

    static Offer const &here();
};

class Vm final {
public:
    Vm();
    ~Vm();
    Vm(Vm const &) = delete;
    int fd() const { return fd_; }
    // A new guest_memfd, or -errno.
    int create(std::uint64_t size, std::uint64_t flags) const;

private:
    int fd_;
};

// errno of a call that returns -1 on failure.
template <typename T>
int errno_of(T result)
{
    return result == static_cast<T>(-1) ? errno : 0;
}

struct Touch final {
    bool works { false };
    std::uint8_t value { 0 };
    int code { 0 };
    void *address { nullptr };
};
Touch read_byte(void *p);
Touch write_byte(void *p, std::uint8_t value);

int convert(int fd, MemoryAttributes2 &request);
int bind(int vm, MemoryRegion2 const &request);

} // namespace gmem::conformance

#define NEEDS_GUEST_MEMFD()              \
    if (!Offer::here().lacks.empty())    \
    GTEST_SKIP() << Offer::here().lacks
#define NEEDS_CONVERSION()                                                                         \
    NEEDS_GUEST_MEMFD();                                                                           \
    if (!Offer::here().in_place)                                                                   \
    GTEST_SKIP() << "this kernel has no in-place conversion (KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES)"
