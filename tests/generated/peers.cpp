#include "tests/generated/peers.hpp"

#include "tests/generated/cells.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace gmem::generated {
namespace {

enum Turn : std::uint32_t { nobodys, peers_turn, drivers_turn };

struct Place final {
    std::atomic<std::uint32_t> turn;
    Question question;
    PeerAnswer answer;
};

Place *places { nullptr };
std::array<std::array<int, 2>, Peers::most> sockets; // [0] the driver's end
pid_t driver { 0 };
std::vector<Handle> own_pins; // of a peer

void wake(std::atomic<std::uint32_t> &word) { syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

// Looks a few times before it sleeps: most answers take microseconds.
void wait_while(std::atomic<std::uint32_t> &word, std::uint32_t value)
{
    for (int i { 0 }; i < 300; ++i) {
        if (word.load(std::memory_order_acquire) != value)
            return;
        __builtin_ia32_pause();
    }
    timespec const a_while { 0, value == peers_turn ? 2'000'000 : 200'000'000 }; // the driver looks whether the peer has died
    if (word.load(std::memory_order_acquire) == value)
        syscall(SYS_futex, &word, FUTEX_WAIT, value, &a_while, nullptr, 0);
}

int receive(int socket)
{
    char byte { 0 };
    iovec one { &byte, 1 };
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room {};
    msghdr message {};
    message.msg_iov = &one;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    if (recvmsg(socket, &message, 0) != 1)
        return -1;
    auto const *const header { CMSG_FIRSTHDR(&message) };
    int fd { -1 };
    if (header && header->cmsg_type == SCM_RIGHTS)
        std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

[[noreturn]] void serve(Subject &subject, unsigned place);

pid_t fork_to(Subject &subject, unsigned place, std::span<Handle const> pins)
{
    auto const pid { fork() };
    if (pid == 0) {
        signal(SIGCHLD, SIG_IGN); // nobody asks for the end of a peer's peer
        for (auto const p : pins)
            subject.forget_pin(p);
        own_pins.clear();
        serve(subject, place);
    }
    return pid < 0 ? -errno : pid;
}

void perform(Subject &subject, unsigned place, Question const &q, PeerAnswer &a)
{
    using enum Question::What;
    auto *const address { reinterpret_cast<char *>(q.address) };
    switch (q.what) {
    case look: // one cell of each of the pages
        for (std::uint64_t i { 0 }; i < q.length; ++i)
            a.seen[i] = touch_read(address + i * page_size + cell_in_page(q.offset + i));
        break;
    case write:
        a.seen[0] = write_cells(address, static_cast<std::uint8_t>(q.value), 0);
        break;
    case convert:
        if (q.address == 0 || subject.die_at(static_cast<unsigned>(q.address)))
            a.outcome = subject.convert(q.file, { q.offset, q.length, q.value, 0, {} });
        break;
    case fallocate:
        a.err = subject.fallocate(q.file, { static_cast<int>(q.value), static_cast<std::int64_t>(q.offset), static_cast<std::int64_t>(q.length) });
        break;
    case map: {
        char *mapped { nullptr };
        a.err = subject.map(q.file, q.offset, { q.length, true, false }, mapped);
        a.address = reinterpret_cast<std::uintptr_t>(mapped);
        break;
    }
    case unmap:
        a.err = subject.unmap(address, q.length);
        break;
    case close:
        subject.close(q.file);
        break;
    case import_file: {
        auto const fd { receive(sockets[place][1]) };
        a.handle = fd < 0 ? -EBADF : subject.import_file(fd);
        break;
    }
    case pin:
        a.handle = subject.pin(q.file, address, q.offset, q.length);
        if (a.handle >= 0)
            own_pins.push_back(a.handle);
        break;
    case unpin:
        if (auto const at { std::find(own_pins.begin(), own_pins.end(), q.file) }; at != own_pins.end())
            own_pins.erase(at);
        a.err = subject.unpin(q.file, q.offset, q.length);
        break;
    case fork:
        a.handle = fork_to(subject, static_cast<unsigned>(q.value), own_pins);
        break;
    case leave:
        break;
    }
}

void serve(Subject &subject, unsigned place)
{
    for (auto &here { places[place] };;) {
        while (here.turn.load(std::memory_order_acquire) != peers_turn) {
            if (kill(driver, 0) != 0)
                _exit(0);
            wait_while(here.turn, here.turn.load(std::memory_order_acquire) == nobodys ? nobodys : drivers_turn);
        }
        auto const q { here.question };
        here.answer = {};
        perform(subject, place, q, here.answer);
        here.turn.store(drivers_turn, std::memory_order_release);
        wake(here.turn);
        if (q.what == Question::What::leave)
            std::_Exit(0);
    }
}

} // namespace

void Peers::prepare()
{
    if (places)
        return;
    auto *const memory { mmap(nullptr, sizeof(Place) * most, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) };
    if (memory == MAP_FAILED)
        std::abort();
    for (auto &s : sockets)
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s.data()) != 0)
            std::abort();
    places = static_cast<Place *>(memory);
    driver = getpid();
    prctl(PR_SET_CHILD_SUBREAPER, 1); // the peers of a peer that has gone
}

pid_t Peers::fork_from_driver(Subject &subject, unsigned place, std::span<Handle const> pins)
{
    places[place].turn.store(nobodys, std::memory_order_release);
    return fork_to(subject, place, pins);
}

void Peers::tell(unsigned place, Question const &q)
{
    auto &there { places[place] };
    if (q.what == Question::What::fork)
        places[q.value].turn.store(nobodys, std::memory_order_release);
    there.question = q;
    there.turn.store(peers_turn, std::memory_order_release);
    wake(there.turn);
}

PeerAnswer const *Peers::ask(unsigned place, pid_t pid, Question const &q)
{
    auto &there { places[place] };
    tell(place, q);
    auto const begin { time(nullptr) };
    while (there.turn.load(std::memory_order_acquire) == peers_turn) {
        wait_while(there.turn, peers_turn);
        siginfo_t ended {};
        bool const gone { kill(pid, 0) != 0 || (waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == pid) };
        if (there.turn.load(std::memory_order_acquire) == peers_turn && (gone || time(nullptr) - begin > 60))
            return nullptr;
    }
    return &there.answer;
}

bool Peers::send(unsigned place, int fd)
{
    char byte { 0 };
    iovec one { &byte, 1 };
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room {};
    msghdr message {};
    message.msg_iov = &one;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    auto *const header { CMSG_FIRSTHDR(&message) };
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(sockets[place][0], &message, 0) == 1;
}

void Peers::wait_for_end(pid_t pid)
{
    while (waitpid(pid, nullptr, WNOHANG) != pid && kill(pid, 0) == 0)
        usleep(50);
}

} // namespace gmem::generated
