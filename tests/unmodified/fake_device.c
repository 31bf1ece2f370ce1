/*
 * Devices that this machine does not have: preloaded below gmem, ioctl on a descriptor of /dev/null succeeds or fails as the file in
 * FAKE_DEVICE says (its first byte: an errno).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct iommufd_map { uint32_t size, flags, space, reserved; uint64_t address, length, io_address; };

int ioctl(int fd, unsigned long command, ...)
{
    va_list list;
    struct stat s;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    const char *orders = getenv("FAKE_DEVICE");
    if (orders && fstat(fd, &s) == 0 && S_ISCHR(s.st_mode) && s.st_rdev == makedev(1, 3)) {
        unsigned char error = 0;
        int file = open(orders, O_RDONLY);
        if (file < 0 || pread(file, &error, 1, 0) != 1)
            abort();
        close(file);
        if (error) {
            errno = error;
            return -1;
        }
        if (command == 0x3B85 && !(((struct iommufd_map *)argument)->flags & 1))
            ((struct iommufd_map *)argument)->io_address = 0x700000;
        return 0;
    }
    int (*next)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return next(fd, command, argument);
}

/* A slow disk: a read of 3 pages says 2 in the second byte of the file, and goes on when a 0 is there. */
ssize_t pread(int fd, void *buffer, size_t size, off_t offset)
{
    ssize_t (*next)(int, void *, size_t, off_t) = (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread");
    const char *orders = getenv("FAKE_DEVICE");
    if (orders && size == 3 * 4096) {
        unsigned char state = 2;
        int file = open(orders, O_RDWR);
        if (file < 0 || pwrite(file, &state, 1, 1) != 1)
            abort();
        while (next(file, &state, 1, 1) == 1 && state)
            usleep(1000);
        close(file);
    }
    return next(fd, buffer, size, offset);
}
