/*
 * A guest_memfd of the running kernel, as a VMM uses one, without gmem: what recipes for traces of a real kernel are tried with. Prints how often it has asked for what. Exit 0; 1 with the line; 77 where this
 * kernel has no guest_memfd for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CREATE_VM 0xAE01
#define CREATE_GUEST_MEMFD 0xC040AED4ul
#define SET_MEMORY_ATTRIBUTES2 0xC080AED2ul
enum { page = 4096, pages = 16, bind_to_nodes = 2 };

#define CHECK(what) \
    do { \
        if (!(what)) { \
            printf("line %d: %s (errno %d)\n", __LINE__, #what, errno); \
            exit(1); \
        } \
    } while (0)

static int conversions, holes;

static int convert(int file, uint64_t offset, uint64_t size, uint64_t attributes)
{
    uint64_t request[16] = { offset, size, attributes };
    ++conversions;
    return ioctl(file, SET_MEMORY_ATTRIBUTES2, request) == 0 ? 0 : errno;
}

static int punch(int file, off_t offset, off_t size)
{
    ++holes;
    return fallocate(file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, size) == 0 ? 0 : errno;
}

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = kvm < 0 ? -1 : ioctl(kvm, CREATE_VM, 0);
    uint64_t with_window[8] = { pages * page, 3 };
    int file = vm < 0 ? -1 : ioctl(vm, CREATE_GUEST_MEMFD, with_window);
    if (file < 0) {
        printf("skipped: this kernel has no guest_memfd that a VM without private memory can map (%s)\n", kvm < 0 ? "/dev/kvm" : vm < 0 ? "KVM_CREATE_VM" : "KVM_CREATE_GUEST_MEMFD");
        return 77;
    }
    int other = dup(file);
    CHECK(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, pages * page) == 0);
    CHECK(punch(file, page, 2 * page) == 0);
    CHECK(punch(other, 0, pages * page) == 0);
    CHECK(punch(file, 0, 100) == EINVAL);
    CHECK(fallocate(file, 0, 0, page) != 0 && errno == EOPNOTSUPP);
    CHECK(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 2 * pages * page) != 0 && errno == EINVAL);
    unsigned char *window = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(window != MAP_FAILED);
    CHECK(mmap(NULL, page, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED);
    window[page] = 1;
    unsigned long first = 1;
    (void)syscall(SYS_mbind, window, 2 * page, bind_to_nodes, &first, 64ul, 0u);
    (void)syscall(SYS_mbind, window, page, 99, &first, 64ul, 0u);
    int of_shared = convert(file, 0, page, 0);
    CHECK(of_shared == ENOTTY || of_shared == EINVAL); /* 2.2: the kernel lacks it, or the VM has no private memory */
    CHECK(convert(other, page, page, 8) == of_shared);
    pid_t child = fork();
    if (child == 0)
        _exit(punch(other, 2 * page, page) == 0 ? 0 : 1);
    int status = 1;
    ++holes;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    printf("%d conversions, %d holes\n", conversions, holes);
    return 0;
}
