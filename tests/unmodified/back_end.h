/* Processes that share a guest_memfd and do as they are told over a socket: for test programs that know the kernel's interface only. */
#ifndef GMEM_TESTS_BACK_END_H
#define GMEM_TESTS_BACK_END_H

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

static void catch_sigbus(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);
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
    char byte;
    catch_sigbus();
    CHECK(read(fd, &byte, 1) == -1); /* a guest_memfd has no bytes to read */
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

enum { GONE = -2000 };

/* The answer, or GONE. */
static int ask(int socket, char what, int page)
{
    struct request r = { what, page };
    int answer;
    if (send(socket, &r, sizeof r, MSG_NOSIGNAL) != sizeof r || read(socket, &answer, sizeof answer) != sizeof answer)
        return GONE;
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

#endif
