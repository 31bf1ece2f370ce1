#include "preload/fd_table.hpp"

#include "memory/pool.hpp"
#include "base/text.hpp"
#include "memory/process.hpp"
#include "memory/sigbus.hpp"
#include "os/file_calls.hpp"
#include "os/process_calls.hpp"
#include "preload/crypto_module.hpp"
#include "preload/gup_test.hpp"

namespace gmem::preload {
namespace {

constexpr std::uint32_t index_mask { (1u << 28) - 1 };

bool is_open(int fd, os::KernelStat &facts) noexcept { return !os::failed(os::system_call(SYS_fstat, fd, &facts)); }

// ENOSYS: its platform encrypts, and no VM of this process has needed that yet.
Result<memory::GuestMemory *> adopted_with_cipher(int fd) noexcept
{
    auto adopted { memory::GuestMemory::adopt(fd) };
    if (adopted || adopted.error().err != ENOSYS || !load_crypto_module())
        return adopted;
    return memory::GuestMemory::adopt(fd);
}

} // namespace

constinit std::atomic<std::uint32_t> FdTable::entries_[FdTable::most] {};
constinit std::atomic<int> FdTable::high_ { 0 };
constinit int FdTable::process_ { 0 };

void FdTable::put(int fd, std::uint32_t entry) noexcept
{
    drop(entries_[fd].exchange(entry, std::memory_order_acq_rel));
    int seen { high_.load(std::memory_order_relaxed) };
    while (seen <= fd && !high_.compare_exchange_weak(seen, fd + 1, std::memory_order_acq_rel)) {}
}

void FdTable::drop(std::uint32_t entry) noexcept
{
    switch (static_cast<Kind>(entry >> kind_shift)) {
    case Kind::gmem:
        memory::Pool::at(entry & index_mask).release();
        break;
    case Kind::vm:
        kvm::Vm::at(entry & index_mask).release();
        break;
    case Kind::vcpu:
        kvm::Vcpu::at(entry & index_mask).release();
        break;
    case Kind::scripted_vcpu:
        kvm::scripted::Vcpu::at(entry & index_mask).release();
        break;
    case Kind::gup_test:
    case Kind::gup_test_absent:
        GupTest::release(entry & index_mask);
        break;
    case Kind::foreign:
    case Kind::stranger:
    case Kind::kvm:
    case Kind::kvm_absent:
    case Kind::sev_absent:
    case Kind::signals:
        break;
    }
}

bool FdTable::enter(int fd, memory::GuestMemory &g) noexcept
{
    if (static_cast<unsigned>(fd) >= most)
        return false;
    put(fd, static_cast<std::uint32_t>(Kind::gmem) << kind_shift | static_cast<std::uint32_t>(memory::Pool::index_of(g)));
    return true;
}

bool FdTable::enter(int fd, kvm::Vm &vm) noexcept
{
    if (static_cast<unsigned>(fd) >= most)
        return false;
    put(fd, static_cast<std::uint32_t>(Kind::vm) << kind_shift | static_cast<std::uint32_t>(vm.index()));
    return true;
}

bool FdTable::enter(int fd, kvm::Vcpu &vcpu) noexcept
{
    if (static_cast<unsigned>(fd) >= most)
        return false;
    put(fd, static_cast<std::uint32_t>(Kind::vcpu) << kind_shift | static_cast<std::uint32_t>(vcpu.index()));
    return true;
}

bool FdTable::enter(int fd, kvm::scripted::Vcpu &vcpu) noexcept
{
    if (static_cast<unsigned>(fd) >= most)
        return false;
    put(fd, static_cast<std::uint32_t>(Kind::scripted_vcpu) << kind_shift | static_cast<std::uint32_t>(vcpu.index()));
    return true;
}

void FdTable::enter(int fd, Kind kind) noexcept
{
    if (static_cast<unsigned>(fd) < most)
        put(fd, static_cast<std::uint32_t>(kind) << kind_shift);
}

bool FdTable::enter_gup_test(int fd, Kind kind) noexcept
{
    auto const description { static_cast<unsigned>(fd) < most ? GupTest::open() : 0 };
    if (description)
        put(fd, static_cast<std::uint32_t>(kind) << kind_shift | description);
    return description != 0;
}

void FdTable::leave(int fd) noexcept
{
    if (ours(fd) && !in_vfork_child())
        drop(entries_[fd].exchange(0, std::memory_order_acq_rel));
}

void FdTable::leave_range(unsigned first, unsigned last) noexcept
{
    auto const end { static_cast<unsigned>(high_.load(std::memory_order_acquire)) };
    for (unsigned fd { first }; fd < end && fd <= last; ++fd)
        leave(static_cast<int>(fd));
}

void FdTable::duplicate(int from, int to) noexcept
{
    if (from == to || in_vfork_child())
        return;
    switch (kind_of(from)) {
    case Kind::gmem:
        if (auto *const g { gmem(from) }; g && !enter(to, *g))
            g->release();
        return;
    case Kind::vm:
        if (auto *const v { vm(from) }; v && !enter(to, *v))
            v->release();
        return;
    case Kind::vcpu:
        if (auto *const v { vcpu(from) }; v && !enter(to, *v))
            v->release();
        return;
    case Kind::scripted_vcpu:
        if (auto *const v { scripted_vcpu(from) }; v && !enter(to, *v))
            v->release();
        return;
    case Kind::gup_test:
    case Kind::gup_test_absent:
        if (auto const entry { entries_[from].load(std::memory_order_acquire) }; static_cast<unsigned>(to) < most) {
            GupTest::acquire(entry & index_mask);
            put(to, entry);
        }
        return;
    case Kind::stranger:
    case Kind::kvm:
    case Kind::kvm_absent:
    case Kind::sev_absent:
    case Kind::signals:
        return enter(to, kind_of(from));
    case Kind::foreign:
        return leave(to);
    }
}

memory::GuestMemory *FdTable::gmem(int fd) noexcept
{
    if (kind_of(fd) == Kind::stranger)
        return adopt(fd);
    auto const entry { entries_[fd].load(std::memory_order_acquire) };
    auto &g { memory::Pool::at(entry & index_mask) };
    if (!g.try_acquire())
        return nullptr;
    os::KernelStat facts {};
    auto const seen { os::system_call(SYS_fstat, fd, &facts) };
    if (seen == -EPERM) // a filter of the program's forbids the question to everyone: believed
        return &g;
    if (!os::failed(seen) && facts.st_ino == g.facts().inode && facts.st_dev == g.facts().device)
        return &g;
    g.release();
    if (!in_vfork_child()) {
        auto stale { entry };
        if (entries_[fd].compare_exchange_strong(stale, 0, std::memory_order_acq_rel))
            drop(entry);
    }
    return nullptr;
}

// A stranger that turns out to be no gmem, or nobody any more, is foreign from then on.
memory::GuestMemory *FdTable::adopt(int fd) noexcept
{
    if (in_vfork_child())
        return nullptr;
    auto adopted { adopted_with_cipher(fd) };
    if (adopted && memory::Sigbus::install()) {
        auto *const g { std::move(adopted).take() };
        g->acquire(); // one for the table, one for the caller
        if (!enter(fd, *g))
            g->release();
        return g;
    }
    if (adopted)
        std::move(adopted).take()->release();
    else if (adopted.error().err == EBADF)
        leave(fd);
    return nullptr;
}

bool FdTable::recognise(int fd) noexcept
{
    auto const flags { os::system_call(SYS_fcntl, fd, os::f_getfl) };
    if (os::failed(flags) || !(flags & os::open_path))
        return false;
    char path[32], target[32] {};
    Text { path } << "/proc/self/fd/" << fd;
    constexpr std::string_view ours { "/memfd:guest_memfd " };
    auto const length { os::system_call(SYS_readlink, static_cast<char const *>(path), static_cast<char *>(target), sizeof target) };
    if (os::failed(length) || std::string_view { target, static_cast<std::size_t>(length) }.substr(0, ours.size()) != ours)
        return false;
    enter(fd, Kind::stranger);
    return true;
}

kvm::Vm *FdTable::vm(int fd) noexcept
{
    auto &v { kvm::Vm::at(entries_[fd].load(std::memory_order_acquire) & index_mask) };
    v.acquire();
    return &v;
}

kvm::Vcpu *FdTable::vcpu(int fd) noexcept
{
    auto &v { kvm::Vcpu::at(entries_[fd].load(std::memory_order_acquire) & index_mask) };
    return v.try_acquire() ? &v : nullptr;
}

kvm::scripted::Vcpu *FdTable::scripted_vcpu(int fd) noexcept
{
    auto const entry { entries_[fd].load(std::memory_order_acquire) };
    auto &v { kvm::scripted::Vcpu::at(entry & index_mask) };
    if (!v.try_acquire())
        return nullptr;
    if (v.is_behind(fd))
        return &v;
    v.release();
    auto stale { entry };
    if (!in_vfork_child() && entries_[fd].compare_exchange_strong(stale, 0, std::memory_order_acq_rel))
        drop(entry);
    return nullptr;
}

memory::GuestMemory *FdTable::find_guest_memfd(int fd, int &error) noexcept
{
    if (may_be_gmem(fd) || (kind_of(fd) == Kind::foreign && recognise(fd)))
        if (auto *const g { gmem(fd) })
            return g;
    os::KernelStat facts {};
    error = fd >= 0 && is_open(fd, facts) && !hidden(fd) ? EINVAL : EBADF;
    return nullptr;
}

bool FdTable::in_vfork_child() noexcept { return os::process_id() != process_; }

} // namespace gmem::preload
