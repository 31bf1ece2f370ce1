/* What a run came to, for people and for programs. */
#include "hogger.h"

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

static void figures(const struct tally *t, const struct summary *s)
{
    uint64_t conversions = 0, busy = 0;
    for (int to = 0; to < 2; ++to)
        for (int i = 0; i < SIZES; ++i) {
            conversions += t->conversions[to][i];
            busy += t->nanoseconds[to][i];
        }
    printf("nanoseconds=%llu conversions=%llu in_conversions=%llu ioctl=%llu copy=%llu punch=%llu touch=%llu copied_bytes=%llu peak_bytes=%llu faults=%llu\n", (ull)s->nanoseconds,
           (ull)conversions, (ull)busy, (ull)t->ioctl_nanoseconds, (ull)t->copy_nanoseconds, (ull)t->punch_nanoseconds, (ull)t->touch_nanoseconds, (ull)t->copied_bytes,
           (ull)s->peak_bytes, (ull)s->faults);
}

void report(struct machine *m, const struct summary *s)
{
    static const char *const sizes[SIZES] = { "4 KiB", "up to 64 KiB", "up to 1 MiB", "up to 2 MiB" };
    static const char *const kinds[KINDS] = { "small", "medium", "bulk", "untouched", "for the device", "", "" };
    const struct options *o = &m->options;
    struct tally t = sum_of(m);
    if (o->figures == ON) {
        figures(&t, s);
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
