/*
 * The device: a process of its own that is sent the memory's descriptors over a UNIX socket, as vhost-user does. It serves one
 * virtqueue a vCPU: checks what the guest offers, writes other bytes there, or says whether it can reach what has become private.
 */
#include "hogger.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_DESCRIPTORS = 2 + 2 * MAX_VCPUS };
struct introduction { uint64_t size; uint32_t vcpus, rule; };

static void send_memory(int socket, struct machine *m)
{
    struct introduction hello = { .size = m->options.size, .vcpus = m->options.vcpus, .rule = m->options.rule };
    struct iovec body = { &hello, sizeof hello };
    _Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int) * MOST_DESCRIPTORS)];
    memset(space, 0, sizeof space);
    int sent[MOST_DESCRIPTORS], n = 0;
    sent[n++] = m->ends[0].shared;
    sent[n++] = m->ends[1].shared;
    for (uint32_t i = 0; i < m->options.vcpus; ++i) {
        sent[n++] = m->kicks[i];
        sent[n++] = m->calls[i];
    }
    struct msghdr message = { .msg_iov = &body, .msg_iovlen = 1, .msg_control = space, .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n) };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
    memcpy(CMSG_DATA(header), sent, sizeof(int) * (size_t)n);
    if (sendmsg(socket, &message, 0) < 0)
        fail("sending the memory to the device: %s", strerror(errno));
}

struct device device_start(struct machine *m)
{
    int pair[2];
    char argument[32];
    for (uint32_t i = 0; i < m->options.vcpus; ++i) {
        m->kicks[i] = eventfd(0, EFD_CLOEXEC);
        m->calls[i] = eventfd(0, EFD_CLOEXEC);
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
        fail("socketpair: %s", strerror(errno));
    snprintf(argument, sizeof argument, "--device-on=%d", pair[1]);
    pid_t child = fork();
    if (child == 0) {
        close(pair[0]);
        execl("/proc/self/exe", "hogger", argument, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    if (child < 0)
        fail("fork: %s", strerror(errno));
    send_memory(pair[0], m);
    return (struct device){ .socket = pair[0], .pid = child };
}

void device_look(const struct device *d)
{
    int status;
    if (d->pid > 0 && waitpid(d->pid, &status, WNOHANG) == d->pid)
        fail("the device's process ended with status %#x", (unsigned)status);
}

struct device_report device_stop(struct device *d)
{
    struct device_report report = { 0, 0, 0 };
    int status = 0;
    shutdown(d->socket, SHUT_WR);
    ssize_t n = recv(d->socket, &report, sizeof report, 0);
    if (waitpid(d->pid, &status, 0) < 0 || status != 0 || n != sizeof report)
        fail("the device's process ended with status %#x", (unsigned)status);
    close(d->socket);
    return report;
}

/* The device's side. */
static struct machine self;
static struct device_report served;

static void receive_memory(int socket)
{
    struct introduction hello;
    struct iovec body = { &hello, sizeof hello };
    _Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int) * MOST_DESCRIPTORS)];
    struct msghdr message = { .msg_iov = &body, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
    int received[MOST_DESCRIPTORS];
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != sizeof hello)
        fail("the device is sent nothing: %s", strerror(errno));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_len != CMSG_LEN(sizeof(int) * (2 + 2 * hello.vcpus)))
        fail("the device is not sent what it needs");
    memcpy(received, CMSG_DATA(header), sizeof(int) * (2 + 2 * hello.vcpus));
    self.options.size = hello.size;
    self.options.vcpus = hello.vcpus;
    self.options.rule = (enum rule)hello.rule;
    for (int i = 0; i < 2; ++i) {
        struct back_end *e = &self.ends[i];
        e->gpa = i ? hello.size / 2 : 0;
        e->size = i ? hello.size - hello.size / 2 : hello.size / 2;
        e->name = i ? "ram1" : "ram0";
        void *window = mmap(NULL, e->size, PROT_READ | PROT_WRITE, MAP_SHARED, received[i], 0);
        if (window == MAP_FAILED)
            fail("the device maps %s: %s", e->name, strerror(errno));
        e->window = window;
    }
    for (uint32_t i = 0; i < hello.vcpus; ++i) {
        self.kicks[i] = received[2 + 2 * i];
        self.calls[i] = received[3 + 2 * i];
    }
}

static uint32_t probe(uint64_t gpa, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; ++i)
        if (can_read(host_at(&self, gpa + i * PAGE) + i))
            return STATUS_DONE;
    served.out_of_reach += pages;
    return STATUS_OUT_OF_REACH;
}

static uint32_t replace(const struct request *q, uint64_t gpa, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; ++i) {
        uint64_t page = gpa / PAGE + i, *words = (uint64_t *)(void *)host_at(&self, page * PAGE), expected;
        struct record r = { .tag = q->tag };
        if (!can_read((unsigned char *)words))
            return STATUS_OUT_OF_REACH;
        if (first_wrong(words, template_of(&self), &r, page, RULE_KEPT, &expected) >= 0)
            return STATUS_WRONG_DATA;
        words[0] = first_word(q->new_tag, page);
        memcpy(words + 1, template_of(&self) + place_in_template(q->new_tag), PAGE - sizeof *words);
        served.checked_bytes += PAGE;
    }
    return STATUS_DONE;
}

static int whole_pages_of_data(uint64_t gpa, uint64_t length)
{
    return gpa % PAGE == 0 && length % PAGE == 0 && length && gpa >= SYSTEM_SIZE && length <= IO_PAGES * PAGE && gpa <= self.options.size - length;
}

static void serve(uint32_t number)
{
    struct queue *q = (struct queue *)(void *)host_at(&self, QUEUES + (uint64_t)number * PAGE);
    uint64_t one = 1;
    while (q->used.index != q->available.index) {
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        uint16_t head = q->available.ring[q->used.index % QUEUE_SIZE];
        uint16_t data = q->descriptors[head % QUEUE_SIZE].next % QUEUE_SIZE, last = q->descriptors[data].next % QUEUE_SIZE;
        const struct request *request = (const struct request *)(const void *)host_at(&self, q->descriptors[head % QUEUE_SIZE].gpa);
        uint64_t gpa = q->descriptors[data].gpa, length = q->descriptors[data].length;
        uint32_t status = !whole_pages_of_data(gpa, length) ? STATUS_BAD_REQUEST
                          : request->operation == OPERATION_PROBE ? probe(gpa, length / PAGE)
                                                                  : replace(request, gpa, length / PAGE);
        *(uint32_t *)(void *)host_at(&self, q->descriptors[last].gpa) = status;
        q->used.ring[q->used.index % QUEUE_SIZE].id = head;
        q->used.ring[q->used.index % QUEUE_SIZE].length = (uint32_t)length;
        __atomic_thread_fence(__ATOMIC_RELEASE);
        q->used.index = (uint16_t)(q->used.index + 1);
        ++served.requests;
        if (write(self.calls[number], &one, sizeof one) != sizeof one)
            fail("the device calls: %s", strerror(errno));
    }
}

int device_process(int socket)
{
    struct pollfd sources[MAX_VCPUS + 1];
    uint64_t count;
    watch_sigbus();
    receive_memory(socket);
    for (uint32_t i = 0; i < self.options.vcpus; ++i)
        sources[i] = (struct pollfd){ .fd = self.kicks[i], .events = POLLIN };
    sources[self.options.vcpus] = (struct pollfd){ .fd = socket, .events = POLLIN };
    while (poll(sources, self.options.vcpus + 1, -1) >= 0 || errno == EINTR) {
        for (uint32_t i = 0; i < self.options.vcpus; ++i)
            if (sources[i].revents & POLLIN && read(sources[i].fd, &count, sizeof count) == sizeof count)
                serve(i);
        if (sources[self.options.vcpus].revents) /* the VMM has nothing more to say, or is gone */
            break;
    }
    return send(socket, &served, sizeof served, MSG_NOSIGNAL) == sizeof served ? 0 : 1;
}
