#include "preload/dma_maps.hpp"

#include "memory/hold.hpp"
#include "memory/space.hpp"
#include "os/user_memory.hpp"
#include "preload/answer.hpp"
#include "preload/next.hpp"
#include "preload/ranges.hpp"

#include <sys/ioctl.h>

namespace gmem::preload {
namespace {

using memory::Hold;
using memory::Holds;
using memory::PinKind;

// linux/vfio.h
constexpr unsigned long vfio_map { 0x3B71 }, vfio_unmap { 0x3B72 };
constexpr std::uint32_t vfio_new_address { 4 }, vfio_unmap_all { 2 };
struct VfioMap final {
    std::uint32_t size_of_this, flags;
    std::uint64_t address, io_address, size;
};
struct VfioUnmap final {
    std::uint32_t size_of_this, flags;
    std::uint64_t io_address, size;
};

// linux/iommufd.h
constexpr unsigned long iommufd_destroy { 0x3B80 }, iommufd_map { 0x3B85 }, iommufd_unmap { 0x3B86 };
struct IommufdMap final {
    std::uint32_t size_of_this, flags, space, reserved;
    std::uint64_t address, length, io_address;
};
struct IommufdUnmap final {
    std::uint32_t size_of_this, space;
    std::uint64_t io_address, length;
};
struct IommufdDestroy final {
    std::uint32_t size_of_this, object;
};
static_assert(sizeof(VfioMap) == 32 && sizeof(VfioUnmap) == 24 && sizeof(IommufdMap) == 40 && sizeof(IommufdUnmap) == 24 && sizeof(IommufdDestroy) == 8);

constexpr std::uint64_t everything { ~std::uint64_t { 0 } };

// The program's structure; zeros where it cannot be read: the kernel will say so.
template <typename T>
T given(void *argument) noexcept
{
    T copy {};
    return os::copy_from_program(&copy, reinterpret_cast<std::uintptr_t>(argument), sizeof copy) ? copy : T {};
}

// The kernel pins what is present only: shared pages without a PTE are brought back.
int with_pages(int fd, unsigned long command, void *argument, os::AddressRange pages) noexcept
{
    for (int attempt { 0 };; ++attempt) {
        auto const result { GMEM_NEXT(ioctl)(fd, command, argument) };
        if (result >= 0 || errno != EFAULT || attempt == 2 || !memory::Space::recover_range(pages.begin, pages.length()))
            return result;
        errno = EFAULT;
    }
}

int map(int fd, unsigned long command, void *argument, os::AddressRange pages, Hold &hold) noexcept
{
    if (auto const added { hold.add(pages) }; !added)
        return refuse(added.error().err);
    return with_pages(fd, command, argument, pages);
}

int vfio_mapped(int fd, void *argument) noexcept
{
    auto const request { given<VfioMap>(argument) };
    auto const pages { !(request.flags & vfio_new_address) ? whole_pages(request.address, request.size) : os::AddressRange {} };
    if (!memory::Space::may_touch(pages))
        return GMEM_NEXT(ioctl)(fd, vfio_map, argument);
    Hold hold { PinKind::dma_map, Holds::number_of(PinKind::dma_map, fd), 0, request.io_address };
    auto const result { map(fd, vfio_map, argument, pages, hold) };
    if (result == 0)
        hold.keep();
    return result;
}

int vfio_unmapped(int fd, void *argument) noexcept
{
    auto const request { given<VfioUnmap>(argument) };
    auto const result { GMEM_NEXT(ioctl)(fd, vfio_unmap, argument) };
    if (result != 0 || (request.flags & vfio_new_address)) // only the address goes, not the pages
        return result;
    bool const all { (request.flags & vfio_unmap_all) != 0 };
    if (all || request.size != 0)
        Holds::drop(PinKind::dma_map, Holds::number_of(PinKind::dma_map, fd), 0, all ? 0 : request.io_address, all ? everything : request.io_address + request.size - 1);
    return result;
}

// The address that the device uses is the kernel's choice, unless the program fixes it: the tag follows.
int iommufd_mapped(int fd, void *argument) noexcept
{
    auto const request { given<IommufdMap>(argument) };
    auto const pages { whole_pages(request.address, request.length) };
    if (!memory::Space::may_touch(pages))
        return GMEM_NEXT(ioctl)(fd, iommufd_map, argument);
    Hold hold { PinKind::dma_map, Holds::number_of(PinKind::dma_map, fd), request.space };
    auto const result { map(fd, iommufd_map, argument, pages, hold) };
    if (result == 0)
        hold.keep_as(given<IommufdMap>(argument).io_address);
    return result;
}

int iommufd_unmapped(int fd, void *argument) noexcept
{
    auto const request { given<IommufdUnmap>(argument) };
    auto const result { GMEM_NEXT(ioctl)(fd, iommufd_unmap, argument) };
    if (result != 0 || request.length == 0)
        return result;
    auto const last { request.length == everything ? everything : request.io_address + request.length - 1 };
    Holds::drop(PinKind::dma_map, Holds::number_of(PinKind::dma_map, fd), request.space, request.io_address, last);
    return result;
}

int iommufd_destroyed(int fd, void *argument) noexcept
{
    auto const request { given<IommufdDestroy>(argument) };
    auto const result { GMEM_NEXT(ioctl)(fd, iommufd_destroy, argument) };
    if (result == 0)
        Holds::drop_group(PinKind::dma_map, Holds::number_of(PinKind::dma_map, fd), request.object);
    return result;
}

} // namespace

int dma_ioctl(int fd, unsigned long command, void *argument) noexcept
{
    switch (command) {
    case vfio_map:        return vfio_mapped(fd, argument);
    case vfio_unmap:      return vfio_unmapped(fd, argument);
    case iommufd_map:     return iommufd_mapped(fd, argument);
    case iommufd_unmap:   return iommufd_unmapped(fd, argument);
    case iommufd_destroy: return iommufd_destroyed(fd, argument);
    default:              return GMEM_NEXT(ioctl)(fd, command, argument);
    }
}

} // namespace gmem::preload
