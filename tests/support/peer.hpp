#pragma once
// Another process that does as it is told: a forked child that answers one command at a time.

#include "tests/support/file.hpp"

#include <cstring>
#include <functional>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gmem::test {

class Peer final {
public:
    // `serve(command, argument)` runs in the child for each ask().
    explicit Peer(std::function<int(char, std::uint64_t)> serve)
    {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        pid_ = fork();
        if (pid_ == 0) {
            close(ends[0]);
            socket_ = ends[1];
            for (Question q; read(socket_, &q, sizeof q) == sizeof q;) {
                int const answer { serve(q.command, q.argument) };
                if (write(socket_, &answer, sizeof answer) != sizeof answer)
                    break;
            }
            _exit(0);
        }
        close(ends[1]);
        socket_ = ends[0];
    }
    ~Peer() { end(SIGKILL); }
    Peer(Peer const &) = delete;

    int ask(char command, std::uint64_t argument = 0)
    {
        tell(command, argument);
        return answer();
    }
    void tell(char command, std::uint64_t argument = 0)
    {
        Question const q { command, argument };
        EXPECT_EQ(write(socket_, &q, sizeof q), static_cast<ssize_t>(sizeof q));
    }
    int answer()
    {
        int a { -1000 };
        EXPECT_EQ(read(socket_, &a, sizeof a), static_cast<ssize_t>(sizeof a));
        return a;
    }
    // The wait status, once.
    int end(int signal)
    {
        if (pid_ <= 0)
            return 0;
        kill(pid_, signal);
        return wait();
    }
    int wait()
    {
        int status { 0 };
        EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
        pid_ = 0;
        close(socket_);
        return status;
    }
    pid_t pid() const { return pid_; }
    int socket() const { return socket_; }

private:
    struct Question final {
        char command;
        std::uint64_t argument;
    };
    pid_t pid_ { 0 };
    int socket_ { -1 };
};

// The usual peer of a file: 'r' reads page n (0 when private is met: -1), 'w' writes 7 there, 'p' and 's' convert it, 'n' nothing.
inline int serve_file(File &f, char command, std::uint64_t n)
{
    switch (command) {
    case 'r': {
        auto const seen { probe(f.at(n)) };
        return seen.readable() ? *seen.value : -1;
    }
    case 'w':
        f.write(n, 7);
        return 0;
    case 'p': return f.to_private(n);
    case 's': return f.to_shared(n);
    default:  return 0;
    }
}

} // namespace gmem::test
