/* What a run came to, for people and for programs. */
#include "hogger.h"

#include <stdlib.h>
#include <string.h>

typedef unsigned long long ull;

static struct tally sum_of(const struct machine *m)
{
    struct tally sum = { .again = 0 };
    uint64_t *to = (uint64_t *)(void *)&sum;
    for (uint32_t v = 0; v < m->options.vcpus; ++v) {
        const uint64_t *from = (const uint64_t *)(const void *)&m->tally[v];
        for (size_t i = 0; i < sizeof sum / sizeof *to; ++i)
            to[i] += from[i];
    }
    return sum;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Of a direction, over all vCPUs. */
static uint64_t median(const struct machine *m, int to_private, int only_ioctl)
{
    static uint64_t all[MAX_VCPUS * MOST_SAMPLES];
    size_t n = 0;
    for (uint32_t v = 0; v < m->options.vcpus; ++v) {
        const struct samples *s = &m->samples[v][to_private];
        memcpy(all + n, only_ioctl ? s->in_ioctl : s->whole, s->count * sizeof *all);
        n += s->count;
    }
    qsort(all, n, sizeof *all, ascending);
    return n ? all[n / 2] : 0;
}

/* Times in nanoseconds of the vCPU thread's processor time, so that other programs do not matter; those of a pair are the medians of the two directions, added. */
static void figures(const struct machine *m, const struct tally *t, const struct summary *s)
{
    uint64_t conversions = 0;
    for (int to = 0; to < 2; ++to)
        for (int i = 0; i < SIZES; ++i)
            conversions += t->conversions[to][i];
    printf("elapsed=%llu conversions=%llu pair=%llu pair_ioctl=%llu copied=%llu peak=%llu faults=%llu\n", (ull)s->nanoseconds, (ull)conversions,
           (ull)(median(m, 0, 0) + median(m, 1, 0)), (ull)(median(m, 0, 1) + median(m, 1, 1)), (ull)t->copied_bytes, (ull)s->peak_bytes, (ull)s->faults);
}

void report(struct machine *m, const struct summary *s)
{
    static const char *const sizes[SIZES] = { "4 KiB", "up to 64 KiB", "up to 1 MiB", "up to 2 MiB" };
    static const char *const kinds[KINDS] = { "small", "medium", "bulk", "untouched", "for the device", "", "" };
    const struct options *o = &m->options;
    struct tally t = sum_of(m);
    if (o->figures == ON) {
        figures(m, &t, s);
        return;
    }
    uint64_t guest_checked = 0, steps = 0;
    for (uint32_t v = 0; v < o->vcpus; ++v) {
        guest_checked += desk_of(m, v)->checked_bytes;
        steps += desk_of(m, v)->step;
    }
    printf("hogger: %.1f s, %s, %s, %u vCPUs, %llu MiB, seed %llu, %llu steps\n", (double)s->nanoseconds / 1e9, o->platform, o->mode == IN_PLACE ? "in place" : "two sources", o->vcpus,
           (ull)(o->size / MIB), (ull)o->seed, (ull)steps);
    printf("%-16s %12s %12s\n", "conversions", "to private", "to shared");
    for (int i = 0; i < SIZES; ++i)
        printf("  %-14s %12llu %12llu\n", sizes[i], (ull)t.conversions[1][i], (ull)t.conversions[0][i]);
    for (int i = 0; i < KIND_HOG; ++i)
        printf("%s %s %llu", i ? "," : "  kinds:", kinds[i], (ull)t.kinds[i]);
    printf("\nEAGAIN           %12llu, of which %llu behind pages that could be converted first\n", (ull)t.again, (ull)t.resumed);
    printf("bytes checked    %12llu by the guest, %llu by the VMM, %llu by the device\n", (ull)guest_checked, (ull)t.checked_bytes, (ull)s->device.checked_bytes);
    printf("out of reach     %12llu private pages for the VMM, %llu for the device (%llu requests)\n", (ull)t.out_of_reach, (ull)s->device.out_of_reach, (ull)s->device.requests);
    printf("bytes copied     %12llu\n", (ull)t.copied_bytes);
    printf("high-water mark  %12.1f MiB\npage faults      %12llu\nwrong bytes      %12d\n", (double)s->peak_bytes / (double)MIB, (ull)s->faults, 0);
}
