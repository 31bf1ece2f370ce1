/* DMA maps of VFIO and iommufd, on a device that fake_device.c plays. Exit 0, or 1 with the line. */
#include "tests/unmodified/pins.h"

struct vfio_map { uint32_t argsz, flags; uint64_t vaddr, iova, size; };
struct vfio_unmap { uint32_t argsz, flags; uint64_t iova, size; };
struct iommufd_map { uint32_t size, flags, space, reserved; uint64_t address, length, iova; };
struct iommufd_unmap { uint32_t size, space; uint64_t iova, length; };

static int orders;

static void answer(unsigned char error) { CHECK(pwrite(orders, &error, 1, 0) == 1); }

static int vfio_map(int fd, int page, int pages, uint64_t iova)
{
    struct vfio_map m = { sizeof m, 3, (uint64_t)(uintptr_t)at(page), iova, (uint64_t)pages * PAGE };
    return ioctl(fd, 0x3B71, &m) == 0 ? 0 : -errno;
}
static int vfio_unmap(int fd, uint64_t iova, uint64_t size, uint32_t flags)
{
    struct vfio_unmap m = { sizeof m, flags, iova, size };
    return ioctl(fd, 0x3B72, &m) == 0 ? 0 : -errno;
}

static void vfio(void)
{
    int fd = open("/dev/null", O_RDWR);
    CHECK(vfio_map(fd, 5, 3, 0x10000) == 0);
    expect_held(5, 3);
    answer(EEXIST); /* a failed call leaves nothing, and takes nothing from who has the same address */
    CHECK(vfio_map(fd, 20, 3, 0x10000) == -EEXIST);
    expect_held(5, 3);
    CHECK(vfio_unmap(fd, 0x10000, 3 * PAGE, 0) == -EEXIST);
    expect_held(5, 3);
    answer(0);
    CHECK(convert_range(gmem_fd, 30 * PAGE, PAGE, 8) == 0);
    CHECK(vfio_map(fd, 28, 4, 0x20000) == -EFAULT); /* a private page cannot be had, and the others are not kept */
    CHECK(convert_range(gmem_fd, 30 * PAGE, PAGE, 0) == 0);
    expect_held(5, 3);

    CHECK(vfio_map(fd, 10, 1, 0x30000) == 0);
    CHECK(vfio_unmap(fd, 0x10000, 3 * PAGE, 4) == 0); /* gives up the address, not the pages */
    CHECK(held_at(0, PAGES) == 5);
    CHECK(vfio_unmap(fd, 0x10000, 3 * PAGE, 0) == 0);
    expect_held(10, 1);
    CHECK(vfio_map(fd, 8, 1, 0x50000) == 0);
    CHECK(vfio_unmap(fd, 0, 0, 2) == 0);
    expect_free();
    close(fd);
}

static void iommufd(void)
{
    int fd = open("/dev/null", O_RDWR);
    struct iommufd_map m = { sizeof m, 7, 1, 0, (uint64_t)(uintptr_t)at(6), 2 * PAGE, 0x1000 };
    CHECK(ioctl(fd, 0x3B85, &m) == 0);
    m = (struct iommufd_map) { sizeof m, 6, 2, 0, (uint64_t)(uintptr_t)at(12), PAGE, 0 }; /* the kernel chooses the address */
    CHECK(ioctl(fd, 0x3B85, &m) == 0 && m.iova == 0x700000);
    struct iommufd_unmap u = { sizeof u, 2, 0x1000, 2 * PAGE }; /* another address space */
    CHECK(ioctl(fd, 0x3B86, &u) == 0);
    CHECK(held_at(0, PAGES) == 6);
    u.space = 1;
    CHECK(ioctl(fd, 0x3B86, &u) == 0);
    expect_held(12, 1);
    u = (struct iommufd_unmap) { sizeof u, 2, 0, ~0ull };
    CHECK(ioctl(fd, 0x3B86, &u) == 0);
    expect_free();
    m.address = (uint64_t)(uintptr_t)at(12);
    CHECK(ioctl(fd, 0x3B85, &m) == 0);
    uint32_t destroy[2] = { 8, 2 };
    CHECK(ioctl(fd, 0x3B80, destroy) == 0);
    expect_free();
    close(fd);
}

static void descriptors(void)
{
    int fd = open("/dev/null", O_RDWR), other = open("/dev/null", O_RDWR);
    CHECK(vfio_map(fd, 5, 1, 0x10000) == 0);
    int copy = dup(fd);
    CHECK(vfio_unmap(other, 0x10000, PAGE, 0) == 0); /* another device's */
    expect_held(5, 1);
    CHECK(close(fd) == 0);
    expect_held(5, 1);
    CHECK(vfio_map(copy, 6, 1, 0x20000) == 0);
    fd = dup(copy);
    CHECK(vfio_unmap(fd, 0x10000, PAGE, 0) == 0); /* through a duplicate */
    expect_held(6, 1);
    CHECK(dup2(other, copy) == copy);
    expect_held(6, 1);
    CHECK(dup2(-1, fd) == -1);
    expect_held(6, 1);
    CHECK(dup2(other, fd) == fd);
    expect_free();
    close(copy);

    CHECK(vfio_map(fd, 7, 1, 0x10000) == 0); /* fd is a duplicate of `other` now */
    CHECK(close_range((unsigned)fd, (unsigned)fd, 0) == 0);
    expect_held(7, 1);
    CHECK(close_range((unsigned)other, (unsigned)other, 0) == 0);
    expect_free();
}

int main(void)
{
    orders = open(getenv("FAKE_DEVICE"), O_RDWR);
    CHECK(orders >= 0);
    answer(0);
    begin();
    vfio();
    iommufd();
    descriptors();
    return 0;
}
