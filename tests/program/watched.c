/*
 * For those who watch from outside: a debugger, and whoever reads a core file. Page 0 holds a secret that nobody but the guest may see
 * (private by now), page 1 the same, shared and then taken back by a punch. watched abort|violate|wait|run. Under a debugger: stop() is the place.
 */
#include "tests/program/program.h"

#include <setjmp.h>
#include <signal.h>

static sigjmp_buf escape;
static volatile int faults;
char *volatile window;

static void on_sigbus(int number)
{
    ++faults;
    siglongjmp(escape, number);
}

__attribute__((noinline)) void stop(void) { __asm__ volatile(""); }

/* Never as a whole in the program's own memory: only the page holds it. */
static void put_secret(volatile char *at)
{
    static const unsigned char turned[] = { 0x09, 0x3f, 0x39, 0x28, 0x3f, 0x2e, 0x7a, 0x35, 0x3c, 0x7a, 0x2e, 0x32, 0x3f, 0x7a, 0x3d, 0x2f, 0x3f, 0x29, 0x2e };
    for (int repeat = 0; repeat < 16; ++repeat)
        for (unsigned i = 0; i < sizeof turned; ++i)
            at[(unsigned)repeat * 32 + i] = (char)(turned[i] ^ 0x5a);
}

int main(int argc, char **argv)
{
    int vm = vm_or_skip();
    signal(SIGBUS, on_sigbus);
    int fd = create_file(vm, 16 * PAGE, 3);
    CHECK(fd >= 0);
    window = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    put_secret(window);
    put_secret(window + PAGE);
    CHECK(convert_range(fd, 0, PAGE, 8) == 0);
    CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, PAGE, PAGE) == 0);
    window[2 * PAGE] = 'x';
    stop();
    if (sigsetjmp(escape, 1) == 0)
        (void)*(volatile char *)window;
    CHECK(faults == 1 && window[2 * PAGE] == 'x');
    const char *what = argc > 1 ? argv[1] : "run";
    if (strcmp(what, "abort") == 0)
        abort();
    if (strcmp(what, "violate") == 0) {
        signal(SIGBUS, SIG_DFL);
        (void)*(volatile char *)window;
    }
    if (strcmp(what, "wait") == 0) {
        puts("waiting");
        fflush(stdout);
        pause();
    }
    puts("watched: ok");
    return 0;
}
