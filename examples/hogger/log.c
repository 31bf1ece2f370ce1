/* A line for each conversion, in the form of QEMU's trace of it (-trace enable=kvm_convert_memory,file=...). */
#include "hogger.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static FILE *file;
static char buffer[1 << 16]; /* a thread under a filter may not ask for memory, nor who it is */
static pid_t pid;

void log_open(const char *path)
{
    file = fopen(path, "we");
    if (!file)
        fail("%s: %s", path, strerror(errno));
    setvbuf(file, buffer, _IOFBF, sizeof buffer);
    pid = getpid();
}

static void stamp(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    fprintf(file, "%d@%lld.%06ld:", (int)pid, (long long)t.tv_sec, t.tv_nsec / 1000);
}

void log_conversion(uint64_t gpa, uint64_t size, int to_private)
{
    if (!file)
        return;
    flockfile(file);
    stamp();
    fprintf(file, "kvm_convert_memory start 0x%llx size 0x%llx %s\n", (unsigned long long)gpa, (unsigned long long)size, to_private ? "shared_to_private" : "private_to_shared");
    funlockfile(file);
}

void log_again(const char *back_end, uint64_t offset)
{
    if (!file)
        return;
    flockfile(file);
    stamp();
    fprintf(file, "kvm_convert_memory_again %s offset 0x%llx\n", back_end, (unsigned long long)offset);
    funlockfile(file);
}
