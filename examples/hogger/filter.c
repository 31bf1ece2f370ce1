/* A seccomp allow-list as VMMs put on their vCPU threads: what is not on it ends the process. */
#include "hogger.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

void filter_this_thread(void)
{
    static const int allowed[] = {
        SYS_ioctl, SYS_futex, SYS_read, SYS_write, SYS_poll, SYS_fallocate, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime,
        SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_exit, SYS_exit_group, SYS_madvise, SYS_munmap,
#if defined(SANITIZED) /* its runtime wants more at a thread's end */
        SYS_mmap, SYS_sigaltstack, SYS_getpid, SYS_gettid, SYS_sched_yield,
#endif
    };
    enum { COUNT = sizeof allowed / sizeof *allowed };
    struct sock_filter code[COUNT * 2 + 3];
    unsigned n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < COUNT; ++i) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = { .len = (unsigned short)n, .filter = code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        fail("a seccomp filter: %s", strerror(errno));
}
