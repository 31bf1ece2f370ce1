/* What holds pages and cannot be seen is said, once, and only where gmems exist. Usage: pins_unseen [with]: with a guest_memfd. */
#include "tests/unmodified/pins.h"

#include <linux/io_uring.h>

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        begin();
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 2; ++i) {
        struct io_uring_params p;
        uint64_t table = 0;
        memset(&p, 0, sizeof p);
        syscall(SYS_io_uring_setup, 8, &p);
        ioctl(null, 0x4008AF03ul, &table); /* VHOST_SET_MEM_TABLE */
    }
    return 0;
}
