#include "kvm/scripted/vcpu.hpp"

#include "base/references.hpp"
#include "kvm/scripted/choice.hpp"
#include "os/file_calls.hpp"
#include "os/mapping_calls.hpp"

#include <new>

namespace gmem::kvm::scripted {
namespace {

constinit os::Mutex pool_lock;
constinit Vcpu *pool { nullptr };

// What is mapped through the descriptor is memory: a file of its own.
long make_file() noexcept
{
    auto const fd { os::system_call(SYS_memfd_create, "kvm-vcpu", MFD_CLOEXEC) };
    if (os::failed(fd))
        return fd;
    if (auto const sized { os::system_call(SYS_ftruncate, fd, Interpreter::shared_bytes) }; os::failed(sized)) {
        os::system_call(SYS_close, fd);
        return sized;
    }
    return fd;
}

} // namespace

Result<Vcpu::Made> Vcpu::create(Vm &vm, unsigned long id) noexcept
{
    if (id >= static_cast<unsigned long>(most_in_vm))
        return Error::with_errno(EINVAL, "scripted.id");
    os::SignalsBlocked blocked;
    os::Locked guard { pool_lock };
    if (!pool) {
        GMEM_TRY(memory, os::map_anonymous(most * sizeof(Vcpu), MAP_PRIVATE));
        pool = reinterpret_cast<Vcpu *>(memory);
    }
    Vcpu *place { nullptr };
    for (std::size_t i { 0 }; i < most; ++i) {
        auto &v { pool[i] };
        if (v.shared_ && &v.vm_ == &vm && v.id_ == id)
            return Error::with_errno(EEXIST, "scripted.id");
        if (!v.shared_ && !place)
            place = &v;
    }
    if (!place)
        return Error::of(Why::no_memory, "scripted.pool");
    auto const fd { make_file() };
    if (os::failed(fd))
        return Error::os(fd, "scripted.file");
    auto const mapped { os::system_call(SYS_mmap, nullptr, Interpreter::shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) };
    os::KernelStat facts {};
    if (os::failed(mapped) || os::failed(os::system_call(SYS_fstat, fd, &facts))) {
        os::system_call(SYS_close, fd);
        return Error::of(Why::no_memory, "scripted.map");
    }
    auto *const vcpu { ::new (place) Vcpu { vm, id, reinterpret_cast<std::byte *>(mapped) } };
    vm.acquire();
    vcpu->launch_.ordinal = vm.vcpu_created();
    vcpu->device_ = facts.st_dev;
    vcpu->inode_ = facts.st_ino;
    vcpu->references_.store(1, std::memory_order_release);
    return Made { vcpu, static_cast<int>(fd) };
}

Vcpu &Vcpu::at(std::size_t index) noexcept { return pool[index]; }
std::size_t Vcpu::index() const noexcept { return static_cast<std::size_t>(this - pool); }

bool Vcpu::try_acquire() noexcept { return acquire_if_alive(references_); }

void Vcpu::release() noexcept
{
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1)
        return;
    auto const begin { reinterpret_cast<std::uintptr_t>(shared_) };
    os::unmap({ begin, begin + Interpreter::shared_bytes });
    vm_.release();
    os::SignalsBlocked blocked;
    os::Locked guard { pool_lock };
    shared_ = nullptr; // free again
}

bool Vcpu::is_behind(int fd) const noexcept
{
    os::KernelStat facts {};
    auto const seen { os::system_call(SYS_fstat, fd, &facts) };
    return seen == -EPERM || (!os::failed(seen) && facts.st_dev == device_ && facts.st_ino == inode_); // EPERM: a filter forbids the question
}

} // namespace gmem::kvm::scripted
