/*
 * A program that is built with a sanitizer: its runtime interposes much of what gmem does, and stands before it. Threads convert their own
 * pages and share a counter; handlers escape and return; every kind of access goes through instrumented code. Exit 0; 77 without a VM.
 */
#include "tests/program/program.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

static int fd, pipes[2];
static char *volatile window;
static _Thread_local sigjmp_buf escape;
static volatile int converting;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (converting) {
        char *page = (char *)((uintptr_t)info->si_addr & ~(PAGE - 1));
        if (convert_range(fd, (uint64_t)(page - window), PAGE, 0) != 0)
            _exit(3);
        return;
    }
    siglongjmp(escape, number);
}
static int readable(const volatile char *p)
{
    if (sigsetjmp(escape, 1))
        return 0;
    (void)*p;
    return 1;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int rounds;

static void *work(void *argument)
{
    size_t n = (size_t)(uintptr_t)argument;
    char *page = window + n * PAGE, *heap = malloc(PAGE);
    for (int i = 0; i < 100; ++i) {
        memset(page, i, PAGE);
        CHECK(convert_range(fd, n * PAGE, PAGE, 8) == 0 && !readable(page));
        CHECK(write(pipes[1], page, 1) == -1 && errno == EFAULT);
        CHECK(convert_range(fd, n * PAGE, PAGE, 0) == 0);
        memcpy(heap, page, PAGE);
        CHECK(heap[0] == (char)i && heap[PAGE - 1] == (char)i);
        pthread_mutex_lock(&lock);
        ++rounds;
        pthread_mutex_unlock(&lock);
    }
    free(heap);
    return NULL;
}

int main(void)
{
    int vm = vm_or_skip();
    struct sigaction action, now;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGBUS, &action, NULL) == 0 && pipe(pipes) == 0);
    fd = create_file(vm, 16 * PAGE, 3);
    CHECK(fd >= 0);
    CHECK(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction == on_sigbus);
    window = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(window != MAP_FAILED);
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; ++i)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    for (int i = 0; i < 4; ++i)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(rounds == 400);
    CHECK(convert_range(fd, 0, PAGE, 8) == 0);
    converting = 1;
    CHECK(*window == 99);
    converting = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(*window == 99 ? 0 : 1);
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(close(fd) == 0 && munmap(window, 16 * PAGE) == 0);
    puts("sanitized: ok");
    return 0;
}
