#include "hogger.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "hogger [--platform=sw_protected|snp|tdx|pkvm|cca] [--mode=in-place|two-source] [--seconds=S | --steps=N] [--seed=N] [--vcpus=1..8]\n"
    "       [--size=MiB] [--log=FILE] [--work=hog|ping-pong] [--run=KiB] [--device=on|off] [--holder=on|off] [--filter=on|off]\n"
    "       [--punch=on|off] [--populate=on|off] [--figures=on|off] [--corrupt-before=N] [--corrupt-after=N]\n"
    "docs/hogger.md says what each is for.\n";

struct word { const char *name; unsigned value; };
static const struct word modes[] = { { "in-place", IN_PLACE }, { "two-source", TWO_SOURCE }, { NULL, 0 } };
static const struct word works[] = { { "hog", WORK_HOG }, { "ping-pong", WORK_PING_PONG }, { NULL, 0 } };
static const struct word switches[] = { { "on", ON }, { "off", OFF }, { NULL, 0 } };
static const struct word rules[] = { { "sw_protected", RULE_KEPT }, { "pkvm", RULE_KEPT }, { "snp", RULE_NOISE }, { "tdx", RULE_ZEROS }, { "cca", RULE_ZEROS }, { NULL, 0 } };

static int word_of(const struct word *words, const char *text, unsigned *value)
{
    for (; words->name; ++words)
        if (strcmp(words->name, text) == 0) {
            *value = words->value;
            return 1;
        }
    return 0;
}

static int number_of(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 0);
    return *text >= '0' && *text <= '9' && *end == 0 && *value >= least && *value <= most;
}

static int option(struct options *o, const char *name, const char *value)
{
    uint64_t n;
    unsigned w;
#define WORD(text, words, field) if (strcmp(name, text) == 0) return word_of(words, value, &w) && ((o->field = w), 1)
#define NUMBER(text, least, most, field, unit) if (strcmp(name, text) == 0) return number_of(value, least, most, &n) && ((o->field = n * (unit)), 1)
    WORD("mode", modes, mode);
    WORD("work", works, work);
    WORD("device", switches, device);
    WORD("holder", switches, holder);
    WORD("filter", switches, filter);
    WORD("punch", switches, punch);
    WORD("populate", switches, populate);
    WORD("figures", switches, figures);
    NUMBER("steps", 1, UINT64_MAX, steps, 1);
    NUMBER("seed", 0, UINT64_MAX, seed, 1);
    NUMBER("size", 8, MAX_PAGES * (uint64_t)PAGE / MIB, size, MIB);
    NUMBER("run", 4, STAGING_SIZE / 1024, run_pages, 1);
    NUMBER("corrupt-before", 1, UINT64_MAX, corrupt_before, 1);
    NUMBER("corrupt-after", 1, UINT64_MAX, corrupt_after, 1);
    if (strcmp(name, "seconds") == 0)
        return number_of(value, 1, 1000000, &n) && ((o->seconds = (double)n), 1);
    if (strcmp(name, "vcpus") == 0)
        return number_of(value, 1, MAX_VCPUS, &n) && ((o->vcpus = (uint32_t)n), 1);
    if (strcmp(name, "platform") == 0)
        return word_of(rules, value, &w) && ((o->platform = value, o->rule = (enum rule)w), 1);
    if (strcmp(name, "log") == 0)
        return (o->log = value), 1;
    return 0;
}

int options_read(struct options *o, int argc, char **argv)
{
    *o = (struct options){ .seconds = 10, .seed = 1, .size = 64 * MIB, .run_pages = STAGING_SIZE / 1024, .vcpus = 2, .rule = RULE_KEPT, .platform = "sw_protected",
                           .device = ON, .holder = ON, .filter = ON, .punch = ON, .populate = ON, .figures = OFF };
    for (int i = 1; i < argc; ++i) {
        char name[32];
        const char *value = strchr(argv[i], '=');
        size_t length = value ? (size_t)(value - argv[i]) : 0;
        if (length < 3 || length >= sizeof name || strncmp(argv[i], "--", 2) != 0) {
            fputs(usage, stderr);
            return 2;
        }
        memcpy(name, argv[i] + 2, length - 2);
        name[length - 2] = 0;
        if (!option(o, name, value + 1)) {
            fprintf(stderr, "hogger: %s is not understood\n%s", argv[i], usage);
            return 2;
        }
    }
    o->run_pages = o->run_pages * 1024 / PAGE;
    if (o->work == WORK_PING_PONG) /* only the conversions are of interest */
        o->device = o->holder = o->filter = OFF;
    if (o->mode == TWO_SOURCE) {
        if (o->rule != RULE_KEPT) {
            fputs("hogger: with two sources the VMM carries the bytes itself: no platform but sw_protected\n", stderr);
            return 2;
        }
        o->rule = RULE_COPIED;
        o->holder = OFF; /* nobody asks for pins there */
    }
    if (o->work == WORK_PING_PONG && o->rule != RULE_KEPT && o->rule != RULE_COPIED) {
        fputs("hogger: ping-pong looks for the same bytes on both sides: sw_protected or pkvm\n", stderr);
        return 2;
    }
    if (first_data_page(o) * PAGE >= o->size / 2 || o->size / PAGE < first_data_page(o) + o->vcpus * 2 * (o->work == WORK_PING_PONG ? o->run_pages : 64)) {
        fputs("hogger: --size is too small for so many vCPUs\n", stderr);
        return 2;
    }
    return 0;
}
