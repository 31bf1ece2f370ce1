/* Where the memory comes from: what `policy=interleave` and `policy=bind` of a memory back end do. */
#include "hogger.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From <linux/mempolicy.h>; libnuma is not needed for two calls. */
enum { POLICY_BIND = 2, POLICY_INTERLEAVE = 3, OF_ADDRESS = 1 << 1 };

void place(const struct back_end *e, int interleave)
{
    int policy = interleave ? POLICY_INTERLEAVE : POLICY_BIND, found = -1;
    unsigned long nodes = interleave ? 3 : 1; /* host-nodes=0-1 and host-nodes=0 */
    unsigned long address = (unsigned long)e->window;
    long result = syscall(SYS_mbind, address, e->size, policy, &nodes, sizeof nodes * 8, 0);
    if (result < 0 && errno == EINVAL) { /* a machine with one node */
        nodes = 1;
        result = syscall(SYS_mbind, address, e->size, policy, &nodes, sizeof nodes * 8, 0);
    }
    if (result < 0 && (errno == ENOSYS || errno == EPERM)) {
        fprintf(stderr, "hogger: mbind of %s: %s; it goes where it goes\n", e->name, strerror(errno));
        return;
    }
    if (result < 0)
        fail("mbind of %s: %s", e->name, strerror(errno));
    if (syscall(SYS_get_mempolicy, &found, NULL, 0, address, OF_ADDRESS) < 0 || found != policy)
        fail("mbind gave %s policy %d, and it has %d", e->name, policy, found);
}
