// Every errno of sections 1.3, 2.2, 4.4 and 6.1 and its place in the order, one test a statement.

#include "spec/convert.hpp"
#include "spec/file_operations.hpp"
#include "spec/memslot.hpp"
#include "tests/conformance/subject.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace gmem;
using namespace gmem::conformance;

namespace {

constexpr std::uint64_t page { 4096 };

// A file of 16 shared pages and a window on it.
struct Fixture {
    Vm vm;
    int fd { vm.create(16 * page, 3) };
    char *window { static_cast<char *>(mmap(nullptr, 16 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) };
    ~Fixture()
    {
        munmap(window, 16 * page);
        close(fd);
    }
    int convert_err(MemoryAttributes2 q) const { return convert(fd, q); }
    bool shared(std::uint64_t p) const { return read_byte(window + p * page).works; }
};

MemoryAttributes2 request(std::uint64_t offset, std::uint64_t size, std::uint64_t attributes = 8) { return { offset, size, attributes, 0, 0xdead, {} }; }

} // namespace

TEST(Create, FlagsComeBeforeSize)
{
    NEEDS_GUEST_MEMFD();
    Vm vm;
    for (int bit { 0 }; bit < 64; ++bit) {
        auto const flags { std::uint64_t { 1 } << bit };
        for (auto size : { std::uint64_t { 0 }, page, page + 1, std::uint64_t { 1 } << 63 }) {
            int const fd { vm.create(size, flags) };
            auto const must { spec::create_errno({ size, flags }, Offer::here().rules) };
            EXPECT_EQ(fd < 0 ? -fd : 0, must) << "bit " << bit << " size " << size;
            if (fd >= 0)
                close(fd);
        }
    }
}

TEST(Create, EveryOddSizeIsEinval)
{
    NEEDS_GUEST_MEMFD();
    Vm vm;
    for (std::uint64_t size { 1 }; size < page; ++size)
        EXPECT_EQ(vm.create(size, 1), -EINVAL) << size;
}

TEST(Create, UnreadableArgumentIsEfault)
{
    NEEDS_GUEST_MEMFD();
    Vm vm;
    EXPECT_EQ(errno_of(ioctl(vm.fd(), kvm_create_guest_memfd, nullptr)), EFAULT);
    EXPECT_EQ(errno_of(ioctl(vm.fd(), kvm_create_guest_memfd, 8)), EFAULT);
}

TEST(Convert, OrderOfTheArgumentChecks)
{
    NEEDS_CONVERSION();
    Fixture f;
    auto q { request(0, page) };
    q.offset = 16 * page; // (10)
    EXPECT_EQ(f.convert_err(q), EINVAL);
    q.size = ~std::uint64_t { 0 }; // (8) and (9)
    EXPECT_EQ(f.convert_err(q), EINVAL);
    q.attributes = 1; // (7)
    EXPECT_EQ(f.convert_err(q), EINVAL);
    q.reserved[10] = 1; // (5)
    EXPECT_EQ(f.convert_err(q), EINVAL);
    q.flags = 1; // (4)
    EXPECT_EQ(f.convert_err(q), EINVAL);
    for (std::uint64_t p { 0 }; p < 16; ++p)
        EXPECT_TRUE(f.shared(p)) << p;
}

TEST(Convert, EachArgumentCheckAlone)
{
    NEEDS_CONVERSION();
    Fixture f;
    auto const file { spec::created({ 16 * page, 3 }, Offer::here().rules) };
    std::vector<MemoryAttributes2> wrong;
    for (int bit { 0 }; bit < 64; ++bit) {
        auto const one { std::uint64_t { 1 } << bit };
        auto q { request(0, page) };
        q.flags = one;
        wrong.push_back(q);
        q = request(0, page);
        q.attributes = one;
        wrong.push_back(q); // bit 3 is the legal one
        q = request(one, page);
        wrong.push_back(q);
        q = request(0, one);
        wrong.push_back(q);
        q = request(page, ~one);
        wrong.push_back(q);
    }
    for (int i { 0 }; i < 11; ++i) {
        auto q { request(0, page) };
        q.reserved[i] = 1;
        wrong.push_back(q);
    }
    for (auto q : wrong) {
        spec::ConvertCall call { q.offset, q.size, q.attributes, q.flags, {} };
        std::copy(std::begin(q.reserved), std::end(q.reserved), call.reserved.begin());
        auto const must { spec::convert_argument_errno(file, call) };
        if (must == 0)
            continue;
        auto const before { q };
        EXPECT_EQ(convert(f.fd, q), must) << q.offset << " " << q.size << " " << q.attributes << " " << q.flags;
        EXPECT_EQ(std::memcmp(&q, &before, sizeof q), 0) << "nothing is written back for argument errors";
    }
    for (std::uint64_t p { 0 }; p < 16; ++p)
        EXPECT_TRUE(f.shared(p)) << p;
}

TEST(Convert, AVmWithoutPrivateMemoryIsEinvalInBothDirections)
{
    NEEDS_CONVERSION();
    int const vm { ioctl(Offer::here().kvm, kvm_create_vm, 0) };
    CreateGuestMemfd c { page, 3, {} };
    int const fd { ioctl(vm, kvm_create_guest_memfd, &c) };
    ASSERT_GE(fd, 0);
    for (std::uint64_t attributes : { 0u, 8u }) {
        auto q { request(0, page, attributes) };
        EXPECT_EQ(convert(fd, q), EINVAL);
    }
    EXPECT_EQ(ioctl(vm, kvm_check_extension, 250), 0);
    close(fd);
    close(vm);
}

TEST(Convert, WrongPointersAreEfault)
{
    NEEDS_CONVERSION();
    Fixture f;
    auto *const two { static_cast<char *>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) };
    mprotect(two + page, page, PROT_NONE);
    EXPECT_EQ(errno_of(ioctl(f.fd, kvm_set_memory_attributes2, nullptr)), EFAULT);
    EXPECT_EQ(errno_of(ioctl(f.fd, kvm_set_memory_attributes2, two + page)), EFAULT);
    EXPECT_EQ(errno_of(ioctl(f.fd, kvm_set_memory_attributes2, two + page - 64)), EFAULT); // half of it is readable
    auto q { request(0, page) };
    std::memcpy(two, &q, sizeof q);
    mprotect(two, page, PROT_READ);
    EXPECT_EQ(errno_of(ioctl(f.fd, kvm_set_memory_attributes2, two)), 0); // success writes nothing back
    EXPECT_FALSE(f.shared(0));
    munmap(two, 2 * page);
}

TEST(Convert, WrongDescriptors)
{
    NEEDS_CONVERSION();
    Fixture f;
    auto q { request(0, page) };
    EXPECT_EQ(convert(-1, q), EBADF);
    EXPECT_EQ(convert(f.vm.fd(), q), ENOTTY);
    EXPECT_EQ(errno_of(ioctl(f.fd, kvm_set_memory_attributes, &q)), ENOTTY);
    int const copy { dup(f.fd) };
    EXPECT_EQ(convert(copy, q), 0);
    EXPECT_FALSE(f.shared(0));
    close(copy);
    EXPECT_EQ(convert(copy, q), EBADF);
}

TEST(Convert, OnAKernelWithoutItIsEnotty)
{
    NEEDS_GUEST_MEMFD();
    if (Offer::here().in_place)
        GTEST_SKIP() << "this kernel has it";
    Fixture f;
    EXPECT_EQ(f.convert_err(request(0, page)), ENOTTY);
}

TEST(Convert, AppliesToEveryWindowAndThread)
{
    NEEDS_CONVERSION();
    Fixture f;
    auto *const other { static_cast<char *>(mmap(nullptr, page, PROT_READ, MAP_SHARED, f.fd, 3 * page)) };
    write_byte(f.window + 3 * page, 7);
    EXPECT_EQ(f.convert_err(request(3 * page, page)), 0);
    bool thread_reads { true };
    std::thread { [&] { thread_reads = read_byte(other).works; } }.join();
    EXPECT_FALSE(thread_reads);
    auto const t { read_byte(f.window + 3 * page + 9) };
    EXPECT_FALSE(t.works);
    EXPECT_EQ(t.code, BUS_ADRERR);
    EXPECT_EQ(t.address, f.window + 3 * page + 9);
    EXPECT_EQ(f.convert_err(request(3 * page, page, 0)), 0);
    EXPECT_EQ(read_byte(other).value, 7);
    munmap(other, page);
}

TEST(Access, SystemCallsOnPrivatePagesAreEfault)
{
    NEEDS_CONVERSION();
    Fixture f;
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    EXPECT_EQ(f.convert_err(request(0, page)), 0);
    EXPECT_EQ(errno_of(write(pipes[1], f.window, 1)), EFAULT);
    EXPECT_EQ(write(pipes[1], f.window + page, 1), 1);
    EXPECT_EQ(errno_of(read(pipes[0], f.window, 1)), EFAULT);
    close(pipes[0]);
    close(pipes[1]);
}

TEST(Access, PastTheEndIsSigbus)
{
    NEEDS_GUEST_MEMFD();
    Fixture f;
    auto *const w { static_cast<char *>(mmap(nullptr, 4 * page, PROT_READ, MAP_SHARED, f.fd, 14 * page)) };
    EXPECT_TRUE(read_byte(w + page).works);
    auto const t { read_byte(w + 2 * page) };
    EXPECT_FALSE(t.works);
    EXPECT_EQ(t.code, BUS_ADRERR);
    munmap(w, 4 * page);
}

TEST(Access, InitiallyPrivateIsSigbus)
{
    NEEDS_GUEST_MEMFD();
    Vm vm;
    int const fd { vm.create(page, 1) };
    auto *const w { mmap(nullptr, page, PROT_READ, MAP_SHARED, fd, 0) };
    auto const t { read_byte(w) };
    EXPECT_FALSE(t.works);
    EXPECT_EQ(t.code, BUS_ADRERR);
    munmap(w, page);
    close(fd);
}

TEST(File, Fallocate)
{
    NEEDS_GUEST_MEMFD();
    Fixture f;
    auto model { spec::created({ 16 * page, 3 }, Offer::here().rules) };
    for (int mode : { 0, 1, 2, 3, 8, 0x10, 0x20, 0x40, 1 | 0x10, 1 | 8 })
        for (off_t offset : { off_t { 0 }, off_t { 1 }, off_t { 4096 }, off_t { 65536 }, off_t { 131072 }, off_t { -4096 } })
            for (off_t length : { off_t { 0 }, off_t { 1 }, off_t { 4096 }, off_t { 65536 }, off_t { -1 } }) {
                // Modes that the VFS knows nothing of, or refuses in combination, are its own affair.
                if (mode & ~3 && mode != 0x10)
                    continue;
                auto const must { spec::fallocate(model, { mode, offset, length }) };
                EXPECT_EQ(errno_of(fallocate(f.fd, mode, offset, length)), must) << mode << " " << offset << " " << length;
            }
}

TEST(File, NothingThatSetsAttributesOfTheInode)
{
    NEEDS_GUEST_MEMFD();
    Fixture f;
    EXPECT_EQ(errno_of(ftruncate(f.fd, 0)), EINVAL);
    EXPECT_EQ(errno_of(ftruncate(f.fd, 16 * page)), EINVAL);
    EXPECT_EQ(errno_of(fchmod(f.fd, 0600)), EINVAL);
    EXPECT_EQ(errno_of(fchown(f.fd, 0, 0)), EINVAL);
    EXPECT_EQ(errno_of(futimens(f.fd, nullptr)), EINVAL);
}

TEST(File, Fstat)
{
    NEEDS_GUEST_MEMFD();
    Fixture f;
    struct stat s {}, t {};
    ASSERT_EQ(fstat(f.fd, &s), 0);
    EXPECT_EQ(s.st_size, static_cast<off_t>(16 * page));
    EXPECT_EQ(s.st_blksize, static_cast<blksize_t>(page));
    EXPECT_EQ(s.st_blocks, 0);
    int const other { f.vm.create(page, 3) };
    ASSERT_EQ(fstat(other, &t), 0);
    EXPECT_NE(s.st_ino, t.st_ino);
    close(other);
}

TEST(File, NoReadNorWriteNorPosition)
{
    NEEDS_GUEST_MEMFD();
    Fixture f;
    char c { 0 };
    EXPECT_EQ(errno_of(read(f.fd, &c, 1)), EINVAL);
    EXPECT_EQ(errno_of(write(f.fd, &c, 1)), EINVAL);
    EXPECT_NE(errno_of(pread(f.fd, &c, 1, 0)), 0);
    EXPECT_NE(errno_of(pwrite(f.fd, &c, 1, 0)), 0);
    EXPECT_EQ(errno_of(lseek(f.fd, 0, SEEK_SET)), ESPIPE);
    EXPECT_EQ(fcntl(f.fd, F_GETFL) & O_ACCMODE, O_RDWR);
    EXPECT_EQ(fcntl(f.fd, F_GETFD), 0); // not close-on-exec (1.3)
}

TEST(File, Mmap)
{
    NEEDS_GUEST_MEMFD();
    Fixture f;
    int const closed { f.vm.create(page, 2) };
    for (int fd : { f.fd, closed })
        for (bool shared : { true, false })
            for (bool executable : { true, false })
                for (std::size_t length : { std::size_t { 0 }, std::size_t { 1 }, std::size_t { 64 * page } }) {
                    spec::File model { {}, fd == f.fd, {} };
                    auto const must { spec::mmap_errno(model, { length, shared, executable }) };
                    auto *const p { mmap(nullptr, length, PROT_READ | (executable ? PROT_EXEC : 0), shared ? MAP_SHARED : MAP_PRIVATE, fd, 0) };
                    EXPECT_EQ(p == MAP_FAILED ? errno : 0, must) << (fd == f.fd) << shared << executable << length;
                    if (p != MAP_FAILED)
                        munmap(p, length);
                }
    close(closed);
}

TEST(File, WindowsOutliveTheDescriptor)
{
    NEEDS_GUEST_MEMFD();
    Vm vm;
    int const fd { vm.create(page, 3) };
    auto *const w { mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) };
    write_byte(w, 5);
    close(fd);
    EXPECT_EQ(read_byte(w).value, 5);
    munmap(w, page);
}

TEST(Capabilities, OnTheSystemAndOnTheVm)
{
    NEEDS_CONVERSION();
    Vm vm;
    for (int fd : { Offer::here().kvm, vm.fd() }) {
        EXPECT_EQ(ioctl(fd, kvm_check_extension, 250), 8);
        EXPECT_EQ(ioctl(fd, kvm_check_extension, 233), 0);
        EXPECT_EQ(ioctl(fd, kvm_check_extension, 234), 1);
        EXPECT_EQ(ioctl(fd, kvm_check_extension, 244), 3);
    }
    EXPECT_NE(ioctl(Offer::here().kvm, kvm_check_extension, 235) & 2, 0);
    EXPECT_EQ(errno_of(ioctl(vm.fd(), kvm_set_memory_attributes, nullptr)), ENOTTY); // 1.6: no VM-level tracking is configured
}
