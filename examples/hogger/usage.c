/* What the run costs: memory that is really there, counted once however often it is mapped, and page faults. */
#include "hogger.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static uint64_t proportional_bytes(const char *path)
{
    char line[256];
    uint64_t kib = 0;
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "Pss:", 4) == 0)
            kib = strtoull(line + 4, NULL, 10);
    if (f)
        fclose(f);
    return kib << 10;
}

void usage_sample(struct usage *u, int other_process)
{
    char path[64];
    uint64_t bytes = proportional_bytes("/proc/self/smaps_rollup");
    if (other_process > 0) {
        snprintf(path, sizeof path, "/proc/%d/smaps_rollup", other_process);
        bytes += proportional_bytes(path);
    }
    if (bytes > u->peak_bytes)
        u->peak_bytes = bytes;
}

uint64_t usage_faults(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (uint64_t)(r.ru_minflt + r.ru_majflt);
}
