#include "kvm/launch/program_page.hpp"

#include "memory/space.hpp"
#include "os/user_memory.hpp"

namespace gmem::kvm::launch {
namespace {

constexpr int attempts { 8 }; // the kernel may drop a page again

template <typename Copy>
bool repeated(std::uintptr_t address, std::size_t size, Copy &&copy) noexcept
{
    for (int attempt { 0 }; attempt < attempts; ++attempt) {
        if (copy())
            return true;
        if (!memory::Space::recover_range(address, size))
            return false;
    }
    return false;
}

} // namespace

bool take(void *to, std::uintptr_t from, std::size_t size) noexcept
{
    return repeated(from, size, [=]() noexcept { return static_cast<bool>(os::copy_from_program(to, from, size)); });
}

bool give(std::uintptr_t to, void const *from, std::size_t size) noexcept
{
    return repeated(to, size, [=]() noexcept { return static_cast<bool>(os::copy_to_program(to, from, size)); });
}

bool ProgramPage::read(std::uintptr_t address) noexcept { return take(bytes_, address, sizeof bytes_); }
bool ProgramPage::write_back(std::uintptr_t address) const noexcept { return give(address, bytes_, sizeof bytes_); }

} // namespace gmem::kvm::launch
