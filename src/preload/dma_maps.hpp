#pragma once
// VFIO's and iommufd's DMA maps: what a device may reach is pinned from map to unmap.

namespace gmem::preload {

// The numbers of both: type ';', no size in the command.
constexpr bool may_be_dma_map(unsigned long command) noexcept { return command >> 8 == 0x3B; }

// libc's way of answering; commands that neither map nor unmap go on as they are.
int dma_ioctl(int fd, unsigned long command, void *argument) noexcept;

} // namespace gmem::preload
