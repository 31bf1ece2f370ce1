// Several processes on one gmem: a page that became private is out of everybody's reach, whoever converted it and whatever the others
// were doing; who is gone is in nobody's way.

#include "tests/support/peer.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <poll.h>
#include <vector>

using namespace gmem::test;

namespace {

std::unique_ptr<Peer> peer_of(File &f)
{
    return std::make_unique<Peer>([&f](char c, std::uint64_t n) { return serve_file(f, c, n); });
}

double milliseconds_of(std::function<void()> const &work)
{
    auto const begin { std::chrono::steady_clock::now() };
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

} // namespace

TEST(Processes, APageThatTheChildHasOpenIsClosedThereByTheParent)
{
    File f { 16 };
    f.write(3, 33);
    auto child { peer_of(f) };
    ASSERT_EQ(child->ask('r', 3), 33);
    ASSERT_EQ(child->ask('r', 4), 0);
    EXPECT_EQ(f.to_private(3), 0);
    EXPECT_EQ(child->ask('r', 3), -1);
    EXPECT_EQ(child->ask('r', 4), 0);
    EXPECT_EQ(f.to_shared(3), 0);
    EXPECT_EQ(child->ask('r', 3), 33);
}

TEST(Processes, TheChildConvertsAndTheParentIsGated)
{
    File f { 16 };
    f.write(5, 55);
    auto child { peer_of(f) };
    EXPECT_EQ(child->ask('p', 5), 0);
    EXPECT_FALSE(probe(f.at(5)).readable());
    EXPECT_EQ(f.guest(5), 55);
    EXPECT_EQ(child->ask('s', 5), 0);
    EXPECT_EQ(probe(f.at(5)).value, 55);
    f.expect_gated();
}

// Every second page at a time: more runs than the agent's list holds before the child looks again.
TEST(Processes, ManyConversionsBeforeTheChildLooksAgain)
{
    constexpr std::uint64_t pages { 256 };
    File f { pages };
    for (std::uint64_t p { 0 }; p < pages; ++p)
        f.write(p, static_cast<unsigned char>(p | 1));
    auto child { peer_of(f) };
    for (int round { 0 }; round < 3; ++round) {
        for (std::uint64_t p { 0 }; p < pages; ++p)
            ASSERT_EQ(child->ask('r', p), static_cast<int>((p | 1) & 0xff));
        for (std::uint64_t p { 0 }; p < pages; p += 2)
            ASSERT_EQ(f.to_private(p), 0);
        for (std::uint64_t p { 0 }; p < pages; ++p)
            ASSERT_EQ(child->ask('r', p), p % 2 ? static_cast<int>((p | 1) & 0xff) : -1) << p;
        ASSERT_EQ(f.to_shared(0, pages), 0);
    }
}

TEST(Processes, EightAtOnceAndAGrandchild)
{
    File f { 8 };
    f.write(2, 9);
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i { 0 }; i < 8; ++i)
        peers.push_back(peer_of(f));
    for (int round { 0 }; round < 20; ++round) {
        for (auto &p : peers)
            ASSERT_EQ(p->ask('r', 2), 9);
        ASSERT_EQ(peers[static_cast<std::size_t>(round) % 8]->ask('p', 2), 0);
        for (auto &p : peers)
            ASSERT_EQ(p->ask('r', 2), -1);
        ASSERT_FALSE(probe(f.at(2)).readable());
        ASSERT_EQ(f.to_shared(2), 0);
    }
    f.audit();
}

// The child sits in poll(): it is not woken, and its window is gated all the same.
TEST(Processes, AWaitingPollIsNotDisturbed)
{
    File f { 4 };
    f.write(0, 1);
    int never[2];
    ASSERT_EQ(pipe(never), 0);
    Peer child { [&](char c, std::uint64_t n) {
        if (c != 'l')
            return serve_file(f, c, n);
        pollfd p { never[0], POLLIN, 0 };
        return poll(&p, 1, 150); // 0: the time passed; -1: something disturbed it
    } };
    ASSERT_EQ(child.ask('r', 0), 1);
    child.tell('l');
    usleep(30'000);
    EXPECT_EQ(f.to_private(0), 0);
    EXPECT_EQ(child.answer(), 0);
    EXPECT_EQ(child.ask('r', 0), -1);
    close(never[0]);
    close(never[1]);
}

TEST(Processes, AStoppedOneMakesItTryAgainWithinABoundAndNothingChanges)
{
    File f { 16 };
    for (std::uint64_t p { 0 }; p < 16; ++p)
        f.write(p, 4);
    auto child { peer_of(f) };
    ASSERT_EQ(child->ask('r', 8), 4);
    ASSERT_EQ(kill(child->pid(), SIGSTOP), 0);
    int status { 0 };
    ASSERT_EQ(waitpid(child->pid(), &status, WUNTRACED), child->pid());
    std::uint64_t where { 0 };
    testing::internal::CaptureStderr();
    auto const took { milliseconds_of([&] { EXPECT_EQ(f.convert(6, 4, GMEM_PRIVATE, &where), -EAGAIN); }) };
    EXPECT_NE(testing::internal::GetCapturedStderr().find("process " + std::to_string(child->pid()) + " has not closed its windows"), std::string::npos);
    char const *const bound { std::getenv("GMEM_PEER_TIMEOUT") };
    auto const expected { bound ? std::atof(bound) : 100 };
    EXPECT_GE(took, 0.9 * expected);
    EXPECT_LT(took, 10 * expected + 1000);
    EXPECT_EQ(where, 6 * page);
    f.expect_gated();
    for (std::uint64_t p { 0 }; p < 16; ++p)
        EXPECT_FALSE(f.is_private(p));
    EXPECT_EQ(f.to_shared(0, 16), 0); // needs nobody
    ASSERT_EQ(kill(child->pid(), SIGCONT), 0);
    EXPECT_EQ(f.to_private(6, 4), 0);
    EXPECT_EQ(child->ask('r', 8), -1);
    EXPECT_EQ(child->ask('r', 5), 4);
}

TEST(Processes, OneThatWasKilledOrExecdOrUnmappedIsInNobodysWay)
{
    File f { 4 };
    f.write(0, 1);
    {
        auto killed { peer_of(f) };
        ASSERT_EQ(killed->ask('r', 0), 1);
        ASSERT_EQ(killed->ask('n'), 0);
        kill(killed->pid(), SIGSTOP); // even so
        killed->end(SIGKILL);
        EXPECT_EQ(f.to_private(0), 0);
        EXPECT_EQ(f.to_shared(0), 0);
    }
    {
        Peer execs { [&](char c, std::uint64_t n) {
            if (c != 'x')
                return serve_file(f, c, n);
            execl("/bin/sleep", "sleep", "30", nullptr);
            return -2;
        } };
        ASSERT_EQ(execs.ask('r', 0), 1);
        execs.tell('x');
        char byte { 0 };
        ASSERT_EQ(read(execs.socket(), &byte, 1), 0); // close-on-exec: it is sleep now
        kill(execs.pid(), SIGSTOP);
        EXPECT_EQ(f.to_private(0), 0);
        EXPECT_EQ(f.to_shared(0), 0);
    }
    {
        Peer leaves { [&](char c, std::uint64_t n) { return c == 'u' ? gmem_unmap(f.at(0), f.pages() * page) : serve_file(f, c, n); } };
        ASSERT_EQ(leaves.ask('r', 0), 1);
        ASSERT_EQ(leaves.ask('u'), 0);
        kill(leaves.pid(), SIGSTOP);
        EXPECT_EQ(f.to_private(0), 0);
        leaves.end(SIGKILL);
    }
}

namespace {

void send_descriptor(int socket, int fd)
{
    char byte { 'f' };
    iovec part { &byte, 1 };
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] {};
    msghdr m {};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    auto *const c { CMSG_FIRSTHDR(&m) };
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
    ASSERT_EQ(sendmsg(socket, &m, 0), 1);
}

int receive_descriptor(int socket)
{
    char byte { 0 };
    iovec part { &byte, 1 };
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] {};
    msghdr m {};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    int fd { -1 };
    if (recvmsg(socket, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
        std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

// Knows nothing of the gmem but the descriptor that it is sent.
struct Stranger final {
    gmem_file *g { nullptr };
    unsigned char *window { nullptr };

    int serve(int socket, char command, std::uint64_t n)
    {
        switch (command) {
        case 'i': {
            install_probe();
            auto const fd { receive_descriptor(socket) };
            auto const imported { gmem_import(fd, &g) };
            gmem_file *again { nullptr };
            if (imported == 0 && (gmem_import(fd, &again) != 0 || again != g))
                return -3;
            gmem_destroy(again);
            close(fd);
            void *address { nullptr };
            auto const mapped { imported == 0 ? gmem_map(g, 0, n * page, PROT_READ | PROT_WRITE, &address) : imported };
            window = static_cast<unsigned char *>(address);
            return mapped;
        }
        case 'r': {
            auto const seen { probe(window + n * page) };
            return seen.readable() ? *seen.value : -1;
        }
        case 'p': return gmem_convert(g, n * page, page, GMEM_PRIVATE, nullptr);
        case 's': return gmem_convert(g, n * page, page, GMEM_SHARED, nullptr);
        case 'P': return gmem_pin(g, n * page, page);
        default:  return -4;
        }
    }
};

} // namespace

TEST(Processes, AStrangerGetsTheDescriptorOverASocket)
{
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    auto const stranger { std::make_shared<Stranger>() };
    Peer peer { [stranger, ends](char c, std::uint64_t n) { return stranger->serve(ends[1], c, n); } }; // born before the gmem
    File f { 32 };
    f.write(4, 44);
    ASSERT_EQ(f.to_private(9), 0);
    int const fd { gmem_export(f.get()) };
    ASSERT_GE(fd, 0);
    send_descriptor(ends[0], fd);
    close(fd);
    ASSERT_EQ(peer.ask('i', 32), 0);
    EXPECT_EQ(peer.ask('r', 4), 44);
    EXPECT_EQ(peer.ask('r', 9), -1);
    EXPECT_EQ(f.to_private(4), 0);
    EXPECT_EQ(peer.ask('r', 4), -1);
    EXPECT_EQ(peer.ask('s', 9), 0);
    EXPECT_TRUE(probe(f.at(9)).readable());
    EXPECT_EQ(peer.ask('p', 9), 0);
    EXPECT_FALSE(probe(f.at(9)).readable());
    EXPECT_EQ(peer.ask('P', 1), 0);
    EXPECT_EQ(f.to_private(1), -EAGAIN);
    peer.end(SIGKILL);
    EXPECT_EQ(f.to_private(1), 0);
    f.audit();
    close(ends[0]);
    close(ends[1]);
}

TEST(Processes, WhatIsNoGmemIsNotImported)
{
    gmem_file *g { nullptr };
    EXPECT_EQ(gmem_import(-1, &g), -ENOENT); // nothing at that number
    int const plain { memfd_create("guest_memfd", MFD_CLOEXEC) };
    ASSERT_EQ(ftruncate(plain, 64 * 4096), 0);
    EXPECT_EQ(gmem_import(plain, &g), -EBADF);
    EXPECT_EQ(g, nullptr);
    close(plain);
}
