/* MSG_ZEROCOPY: pages are held until the notification is read from the error queue. Exit 0, 1 with the line, or 77. */
#include "tests/unmodified/pins.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static unsigned char buffer[64 * PAGE];
static int from, to;

static void connect_both(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (void *)&address, size) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (void *)&address, &size) == 0);
    from = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(from, (void *)&address, size) == 0);
    to = accept(listener, NULL, NULL);
    CHECK(to >= 0 && close(listener) == 0);
    CHECK(send(from, at(2), PAGE, MSG_ZEROCOPY) == PAGE); /* not asked for: copied, and not numbered */
    expect_free();
    if (setsockopt(from, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one) != 0) {
        printf("skipped: no SO_ZEROCOPY here\n");
        exit(77);
    }
}

/* Reads notifications until number `last` was in one. */
static void notified(int fd, uint32_t last)
{
    for (;;) {
        struct pollfd p = { .fd = fd };
        char control[256];
        struct msghdr m = { .msg_control = control, .msg_controllen = sizeof control };
        CHECK(poll(&p, 1, 5000) == 1);
        CHECK(recvmsg(fd, &m, MSG_ERRQUEUE) == 0);
        uint32_t report[4];
        memcpy(report, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof report);
        CHECK(report[0] == 0 && ((unsigned char *)report)[4] == 5);
        if (report[3] >= last)
            return;
    }
}

static void drain(void)
{
    while (recv(to, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {}
}

int main(void)
{
    begin();
    connect_both();
    CHECK(send(from, at(4), 2 * PAGE, MSG_ZEROCOPY) == 2 * PAGE); /* 0 */
    expect_held(4, 2);
    drain();
    notified(from, 0);
    expect_free();

    CHECK(send(from, buffer, PAGE, MSG_ZEROCOPY) == PAGE); /* 1: memory of the program's own counts, too */
    drain();
    notified(from, 1);
    struct iovec parts[2] = { { at(10), 10 }, { at(11) + 100, PAGE } };
    struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
    CHECK(sendmsg(from, &m, MSG_ZEROCOPY) == 10 + PAGE); /* 2 */
    expect_held(10, 3);
    int copy = dup(from);
    CHECK(close(from) == 0);
    expect_held(10, 3);
    drain();
    notified(copy, 2); /* through the other number */
    expect_free();
    CHECK(send(copy, at(20), PAGE, 0) == PAGE);
    expect_free();
    CHECK(send(copy, (char *)8, PAGE, MSG_ZEROCOPY) == -1 && errno == EFAULT);
    CHECK(sendto(copy, at(30), PAGE, MSG_ZEROCOPY, NULL, 0) == PAGE); /* 3: a failed one has no number */
    expect_held(30, 1);
    drain();
    notified(copy, 3);
    expect_free();
    CHECK(send(copy, at(40), PAGE, MSG_ZEROCOPY) == PAGE);
    expect_held(40, 1);
    CHECK(close(copy) == 0);
    expect_free();
    return 0;
}
