/*
 * A program that was built with the header of another rebase: KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES has the number of the first argument there, and the second is the one that it
 * must not have. Exit 0; 1 with the line.
 */
#include "machine.h"

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    unsigned long number = strtoul(argv[1], NULL, 10), other = strtoul(argv[2], NULL, 10);
    int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = ioctl(kvm_fd, KVM_CREATE_VM, 1), plain = ioctl(kvm_fd, KVM_CREATE_VM, 0);
    CHECK(kvm_fd >= 0 && vm >= 0 && plain >= 0);
    CHECK(ioctl(kvm_fd, KVM_CHECK_EXTENSION, number) == 8 && ioctl(vm, KVM_CHECK_EXTENSION, number) == 8 && ioctl(plain, KVM_CHECK_EXTENSION, number) == 0);
    CHECK(ioctl(kvm_fd, KVM_CHECK_EXTENSION, other) != 8 && ioctl(vm, KVM_CHECK_EXTENSION, other) != 8);
    CHECK(ioctl(vm, KVM_CHECK_EXTENSION, 234) == 1 && ioctl(vm, KVM_CHECK_EXTENSION, 244) == 3); /* the others stay where they are */
    int file = create(vm, 4 * PAGE, 3);
    CHECK(convert(file, PAGE, PAGE, 8) == 0 && convert(file, PAGE, PAGE, 0) == 0);
    return 0;
}
