// One small function a fact; examine_host() is their list. Probes do what gmem would do: they try, rather than compare versions.

#include "cli/doctor.hpp"

#include "os/host_limits.hpp"
#include "os/linux_abi.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

using enum Health;

std::string first_line(char const *path)
{
    std::ifstream file { path };
    std::string line;
    std::getline(file, line);
    return line;
}

Finding kernel()
{
    utsname u {};
    uname(&u);
    return { good, "kernel", u.release, "everything below was tried, not read off this number" };
}

std::string vendor_module()
{
    for (auto const *m : { "kvm_intel", "kvm_amd", "kvm_pvm" })
        if (std::filesystem::exists(std::string { "/sys/module/" } + m))
            return m;
    return "unknown vendor module";
}

Finding kvm()
{
    int const fd { open("/dev/kvm", O_RDWR | O_CLOEXEC) };
    if (fd < 0)
        return { missing, "/dev/kvm", std::strerror(errno), "everything about memory works, guests cannot run" };
    auto const version { ioctl(fd, 0xAE00, 0) };
    close(fd);
    return { version == 12 ? good : degraded, "/dev/kvm", fmt::format("API {}, {}", version, vendor_module()), "guest code runs on the real KVM" };
}

Finding kernels_own()
{
    int const fd { open("/dev/kvm", O_RDWR | O_CLOEXEC) };
    auto const ask { [fd](long cap) { return fd < 0 ? 0 : ioctl(fd, 0xAE03, cap); } };
    auto const files { ask(234) }, flags { ask(244) }, conversion { ask(250) };
    if (fd >= 0)
        close(fd);
    auto const fact { fmt::format("KVM_CAP_GUEST_MEMFD {}, FLAGS {}, MEMORY_ATTRIBUTES {}", files, flags, conversion) };
    if (conversion > 0)
        return { good, "kernel's guest_memfd", fact, "this kernel converts in place by itself: compare with it" };
    return { files > 0 ? good : degraded, "kernel's guest_memfd", fact, files > 0 ? "conversion is gmem's; the rest can be compared with the kernel" : "nothing to compare with" };
}

struct Uffd final {
    int fd;
    std::string how;
};

Uffd open_uffd()
{
    auto const by_call { static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | os::uffd_user_mode_only)) };
    if (by_call >= 0)
        return { by_call, "userfaultfd(UFFD_USER_MODE_ONLY)" };
    std::string const why { std::strerror(errno) };
    int const device { open("/dev/userfaultfd", O_RDWR | O_CLOEXEC) };
    if (device >= 0) {
        int const fd { ioctl(device, 0xAA00, O_CLOEXEC) };
        close(device);
        if (fd >= 0)
            return { fd, "/dev/userfaultfd" };
    }
    return { -1, why };
}

Finding userfaultfd()
{
    auto const uffd { open_uffd() };
    if (uffd.fd < 0)
        return { degraded, "userfaultfd", uffd.how, "windows are gated by overlays: exact, but each run of pages costs a mapping" };
    uffdio_api api { .api = UFFD_API, .features = os::uffd_features_needed, .ioctls = 0 };
    bool const agreed { ioctl(uffd.fd, UFFDIO_API, &api) == 0 };
    close(uffd.fd);
    if (!agreed)
        return { degraded, "userfaultfd", "SIGBUS, MISSING_SHMEM or MINOR_SHMEM is not offered (before 5.14)", "windows are gated by overlays" };
    return { good, "userfaultfd", uffd.how + " with SIGBUS, MISSING_SHMEM, MINOR_SHMEM", "windows are gated without splitting mappings" };
}

Finding engine()
{
    if (access("/proc/self/fd", R_OK) != 0)
        return { missing, "window engine", "/proc is not mounted", "gmem cannot give the program its descriptors" };
    int const memory { memfd_create("gmem-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING) };
    bool const sealed { memory >= 0 && ftruncate(memory, 4096) == 0 && fcntl(memory, os::f_add_seals, os::seals_against_resize) == 0 };
    if (memory >= 0)
        close(memory);
    if (!sealed)
        return { missing, "window engine", "memfd_create with sealing fails", "gmem has no memory to offer" };
    return { good, "window engine", userfaultfd().health == good ? "userfaultfd" : "overlay", "override with GMEM_WINDOW_ENGINE or --window-engine" };
}

Finding opening()
{
    bool const swap { os::swap_of_this_process() == os::Swap::reachable };
    if (swap)
        return { degraded, "opening policy", "native: swap is reachable", "shared runs are left to the kernel, which splits mappings; installed PTEs could be reclaimed" };
    return { good, "opening policy", "installed: no swap is reachable", "pages are opened by UFFDIO_CONTINUE, ranges above 32 MiB natively" };
}

Finding zap()
{
    void *const p { mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
    bool const known { p != MAP_FAILED && madvise(p, 4096, os::madv_dontneed_locked) == 0 };
    if (p != MAP_FAILED)
        munmap(p, 4096);
    return known ? Finding { good, "MADV_DONTNEED_LOCKED", "works", "mlocked windows are closed in one call" }
                 : Finding { degraded, "MADV_DONTNEED_LOCKED", "unknown here (before 5.18)", "a conversion munlocks an mlocked window first" };
}

Finding mappings()
{
    auto const n { os::most_mappings() };
    return { n >= 65530 ? good : degraded, "vm.max_map_count", fmt::format("{}", n), "a quarter may go to natively open runs before windows are consolidated" };
}

Finding lockable()
{
    auto const n { os::lockable_bytes() };
    return { good, "RLIMIT_MEMLOCK", n == ~std::uint64_t { 0 } ? "unlimited" : fmt::format("{} KiB", n / 1024), "bounds what the program itself may mlock" };
}

Finding descriptors()
{
    rlimit l {};
    getrlimit(RLIMIT_NOFILE, &l);
    return { l.rlim_cur >= 64 ? good : degraded, "RLIMIT_NOFILE", fmt::format("{}", l.rlim_cur), "some numbers near the top (at most 1023) are gmem's" };
}

Finding huge_pages()
{
    auto const policy { first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled") };
    constexpr std::size_t huge { 2u << 20 };
    int const memory { memfd_create("gmem-doctor", MFD_CLOEXEC) };
    bool collapses { false };
    if (memory >= 0 && ftruncate(memory, huge) == 0) {
        auto *const room { static_cast<char *>(mmap(nullptr, 2 * huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) };
        auto *const aligned { reinterpret_cast<char *>((reinterpret_cast<std::uintptr_t>(room) + huge - 1) & ~(huge - 1)) };
        if (mmap(aligned, huge, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory, 0) == aligned) {
            std::memset(aligned, 1, huge);
            collapses = madvise(aligned, huge, os::madv_collapse) == 0;
        }
        munmap(room, 2 * huge);
    }
    if (memory >= 0)
        close(memory);
    return { collapses ? good : degraded, "huge pages", fmt::format("shmem_enabled \"{}\", MADV_COLLAPSE {}", policy, collapses ? "works" : "fails"), collapses ? "gmem run --hugepages makes them" : "gmem run --hugepages changes nothing here" };
}

Finding nodes()
{
    auto const online { first_line("/sys/devices/system/node/online") };
    return { good, "NUMA nodes", online.empty() ? "unknown" : online, "memory is placed by mbind on windows, else by the task's policy" };
}

Finding seccomp()
{
    auto const mode { prctl(PR_GET_SECCOMP) };
    return mode == 0 ? Finding { good, "seccomp", "no filter on this process", "all calls that gmem makes are open" }
                     : Finding { degraded, "seccomp", "a filter is in force", "what it forbids shows in the lines above" };
}

} // namespace

std::vector<Finding> examine_host()
{
    return { kernel(), kvm(), kernels_own(), userfaultfd(), engine(), opening(), zap(), mappings(), lockable(), descriptors(), huge_pages(), nodes(), seccomp() };
}

} // namespace gmem::cli
