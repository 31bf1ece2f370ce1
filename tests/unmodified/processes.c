/*
 * A VMM and its back ends, as programs of their own: one is sent the guest_memfd over a socket (vhost-user), one finds it open after
 * exec, one is a forked child. Whoever converts, nobody reaches a private page afterwards. Knows the kernel's interface only.
 * Exit 0, or 1 with the line.
 */
#include "tests/unmodified/back_end.h"

int main(int argc, char **argv)
{
    if (argc == 3) {
        int socket = atoi(argv[1]), fd = atoi(argv[2]);
        back_end(socket, fd >= 0 ? fd : receive(socket));
    }
    catch_sigbus();

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
