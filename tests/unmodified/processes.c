/*
 * A VMM and its back ends, as programs of their own: one is sent the guest_memfd over a socket (vhost-user), one finds it open after
 * exec, one is a forked child. Whoever converts, nobody reaches a private page afterwards. Knows the kernel's interface only.
 * Exit 0, or 1 with the line.
 */
#include "tests/support/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d [%d]: %s (errno %d)\n", __FILE__, __LINE__, getpid(), #condition, errno); \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

enum { PAGES = 64, PAGE = 4096 };

static sigjmp_buf escape;

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    siglongjmp(escape, 1);
}

/* The byte at p, or -1: SIGBUS. */
static int look(volatile unsigned char *p)
{
    if (sigsetjmp(escape, 1))
        return -1;
    return *p;
}

struct request {
    char what; /* r: look at a page; w: write 7; p, s: convert; q: what a write(2) from the page says; f: fstat's size */
    int page;
};

static int serve(int fd, unsigned char *window, struct request r)
{
    unsigned char *page = window + (size_t)r.page * PAGE;
    switch (r.what) {
    case 'r':
        return look(page);
    case 'w':
        *page = 7;
        return 0;
    case 'p':
    case 's':
        return convert_range(fd, (uint64_t)r.page * PAGE, PAGE, r.what == 'p' ? 8 : 0) ? -errno : 0;
    case 'q': {
        int ends[2];
        CHECK(pipe(ends) == 0);
        long n = write(ends[1], page, 1);
        int result = n == 1 ? 1 : -errno;
        close(ends[0]);
        close(ends[1]);
        return result;
    }
    case 'f': {
        struct stat s;
        CHECK(fstat(fd, &s) == 0);
        return S_ISREG(s.st_mode) ? (int)s.st_size : -1;
    }
    default:
        return -1000;
    }
}

static void back_end(int socket, int fd)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);
    CHECK(read(fd, &action, 1) == -1); /* a guest_memfd has no bytes to read */
    unsigned char *window = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(window != MAP_FAILED);
    struct request r;
    struct pollfd p = { .fd = socket, .events = POLLIN };
    while (poll(&p, 1, -1) == 1 && read(socket, &r, sizeof r) == sizeof r) { /* poll: a stray signal would end it */
        int answer = serve(fd, window, r);
        CHECK(write(socket, &answer, sizeof answer) == sizeof answer);
    }
    exit(0);
}

static int receive(int socket)
{
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec part = { &byte, 1 };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    CHECK(recvmsg(socket, &m, 0) == 1 && CMSG_FIRSTHDR(&m));
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

static void send_over(int socket, int fd)
{
    char byte = 'f', control[CMSG_SPACE(sizeof fd)];
    memset(control, 0, sizeof control);
    struct iovec part = { &byte, 1 };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    CHECK(sendmsg(socket, &m, 0) == 1);
}

static int ask(int socket, char what, int page)
{
    struct request r = { what, page };
    int answer;
    CHECK(write(socket, &r, sizeof r) == sizeof r);
    CHECK(read(socket, &answer, sizeof answer) == sizeof answer);
    return answer;
}

/* Starts this program again; `fd` stays open across exec where it is not -1. */
static int spawn(const char *self, int fd, pid_t *pid)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    *pid = fork();
    CHECK(*pid >= 0);
    if (*pid == 0) {
        char socket_text[16], fd_text[16];
        snprintf(socket_text, sizeof socket_text, "%d", dup(ends[1]));
        snprintf(fd_text, sizeof fd_text, "%d", fd);
        execl(self, self, socket_text, fd_text, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return ends[0];
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        int socket = atoi(argv[1]), fd = atoi(argv[2]);
        back_end(socket, fd >= 0 ? fd : receive(socket));
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);

    pid_t pids[4];
    int sockets[4];
    sockets[0] = spawn(argv[0], -1, &pids[0]); /* before there is anything to inherit */
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0);
    int vm = ioctl(kvm, CREATE_VM, 1);
    CHECK(vm >= 0);
    int fd = create_file(vm, PAGES * PAGE, 3);
    CHECK(fd >= 0);
    send_over(sockets[0], fd);
    sockets[1] = spawn(argv[0], fd, &pids[1]);
    unsigned char *window = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(window != MAP_FAILED);
    for (int i = 2; i < 4; ++i) { /* forked: one uses the window that it inherits, one maps its own */
        int ends[2];
        CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) {
            struct request r;
            close(ends[0]);
            if (i == 3)
                back_end(ends[1], fd);
            while (read(ends[1], &r, sizeof r) == sizeof r) {
                int answer = serve(fd, window, r);
                CHECK(write(ends[1], &answer, sizeof answer) == sizeof answer);
            }
            _exit(0);
        }
        close(ends[1]);
        sockets[i] = ends[0];
    }

    for (int i = 0; i < 4; ++i)
        CHECK(ask(sockets[i], 'f', 0) == PAGES * PAGE);
    for (int page = 0; page < PAGES; ++page)
        window[page * PAGE] = (unsigned char)(page + 1);
    for (int round = 0; round < 50; ++round) {
        int page = round % PAGES, by = round % 5;
        for (int i = 0; i < 4; ++i)
            CHECK(ask(sockets[i], 'r', page) == page + 1);
        CHECK((by < 4 ? ask(sockets[by], 'p', page) : convert_range(fd, (uint64_t)page * PAGE, PAGE, 8)) == 0);
        for (int i = 0; i < 4; ++i) {
            CHECK(ask(sockets[i], 'r', page) == -1);
            CHECK(ask(sockets[i], 'q', page) == -EFAULT);
            CHECK(ask(sockets[i], 'r', (page + 1) % PAGES) == (page + 1) % PAGES + 1);
        }
        CHECK(look(window + page * PAGE) == -1);
        by = (round + 2) % 5;
        CHECK((by < 4 ? ask(sockets[by], 's', page) : convert_range(fd, (uint64_t)page * PAGE, PAGE, 0)) == 0);
        CHECK(look(window + page * PAGE) == page + 1);
    }
    CHECK(ask(sockets[0], 'w', 9) == 0 && window[9 * PAGE] == 7);

    /* A stopped one: EAGAIN, nothing changed. A killed one: nobody. */
    CHECK(ask(sockets[1], 'r', 20) == 21);
    CHECK(kill(pids[1], SIGSTOP) == 0 && waitpid(pids[1], NULL, WUNTRACED) == pids[1]);
    struct memory_attributes2 a;
    memset(&a, 0, sizeof a);
    a.offset = 20 * PAGE;
    a.size = 2 * PAGE;
    a.attributes = 8;
    CHECK(ioctl(fd, SET_ATTRIBUTES2, &a) == -1 && errno == EAGAIN && a.error_offset == 20 * PAGE);
    CHECK(look(window + 20 * PAGE) == 21);
    CHECK(kill(pids[1], SIGKILL) == 0 && waitpid(pids[1], NULL, 0) == pids[1]);
    CHECK(convert_range(fd, 20 * PAGE, 2 * PAGE, 8) == 0);
    CHECK(look(window + 20 * PAGE) == -1);

    for (int i = 0; i < 4; ++i)
        close(sockets[i]);
    for (int i = 0; i < 4; ++i)
        if (i != 1) {
            int status;
            CHECK(waitpid(pids[i], &status, 0) == pids[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
    return 0;
}
