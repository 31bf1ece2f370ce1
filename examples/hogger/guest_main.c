/* What a vCPU does: it hogs its part of the memory, has pages converted, and looks at every byte. */
#include "guest.h"

static uint64_t run_of(struct vcpu *v, uint64_t longest, uint64_t *page)
{
    uint64_t have = v->end - v->first, pages = 1 + below(v, longest < have ? longest : have);
    *page = v->first + below(v, have - pages + 1);
    return pages;
}

/* All of a run becomes what its first page is not; each byte is looked at, and some pages are written. */
static void convert_and_check(struct vcpu *v, uint64_t page, uint64_t pages)
{
    convert(v, page, pages, !record(page)->is_private);
    for (uint64_t i = 0; i < pages; ++i)
        check(v, page + i, WRONG_AFTER_CONVERSION);
    for (uint64_t i = 0; i < pages && i < 8; ++i)
        if (below(v, 2))
            fill(v, page + i);
}

/* There and back without a look in between: on every platform the bytes are what they were. */
static void untouched(struct vcpu *v, uint64_t page, uint64_t pages)
{
    convert(v, page, pages, 0);
    for (uint64_t i = 0; i < pages; ++i)
        if (sight(record(page + i), (enum rule)board()->rule) == SEES_NOISE)
            fill(v, page + i);
    convert(v, page, pages, 1);
    convert(v, page, pages, 0);
    for (uint64_t i = 0; i < pages; ++i)
        check(v, page + i, WRONG_AFTER_CONVERSION);
}

static enum kind next_kind(struct vcpu *v)
{
    uint64_t dice = below(v, 100);
    return dice < 40 ? KIND_SMALL : dice < 48 ? KIND_MEDIUM : dice < 50 ? KIND_BULK : dice < 60 ? KIND_UNTOUCHED : dice < 75 ? KIND_DEVICE : dice < 90 ? KIND_HOG : KIND_LOOK;
}

static void step(struct vcpu *v)
{
    uint64_t page, pages;
    enum kind kind = next_kind(v);
    v->desk->kind = kind;
    switch (kind) {
    case KIND_SMALL:
        pages = run_of(v, 8, &page);
        convert_and_check(v, page, pages);
        break;
    case KIND_MEDIUM:
        pages = run_of(v, 64, &page);
        convert_and_check(v, page, pages);
        break;
    case KIND_BULK: /* 2 MiB of the file where they fit */
        page = (v->first + MAX_RUN - 1) / MAX_RUN * MAX_RUN;
        if (page + MAX_RUN <= v->end) {
            page += below(v, (v->end - page) / MAX_RUN) * MAX_RUN;
            convert_and_check(v, page, MAX_RUN);
        } else {
            pages = run_of(v, MAX_RUN, &page);
            convert_and_check(v, page, pages);
        }
        break;
    case KIND_UNTOUCHED:
        pages = run_of(v, 16, &page);
        untouched(v, page, pages);
        break;
    case KIND_DEVICE:
        if (board()->rings)
            device_round(v);
        break;
    case KIND_HOG:
        pages = run_of(v, 8, &page);
        for (uint64_t i = 0; i < pages; ++i)
            fill(v, page + i);
        break;
    case KIND_LOOK:
        pages = run_of(v, 8, &page);
        for (uint64_t i = 0; i < pages; ++i)
            check(v, page + i, WRONG_WITHOUT_ONE);
        break;
    case KINDS:
        break;
    }
}

/* Half of the pages go to and fro, a run at a time; a word of each page is looked at and written. */
static void ping_pong(struct vcpu *v, uint64_t page, uint64_t pages, int to_private)
{
    convert(v, page, pages, to_private);
    for (uint64_t i = 0; i < pages; ++i) {
        uint64_t *word = AT(uint64_t, (page + i) * PAGE);
        struct record *r = record(page + i);
        uint64_t expected = r->tag ? first_word(r->tag, page + i) : 0;
        if (*word != expected)
            wrong(v, (page + i) * PAGE, expected, *word, WRONG_AFTER_CONVERSION);
        *word = first_word(++r->tag, page + i);
    }
    v->desk->checked_bytes += pages * 8;
}

static void hog_and_ping_pong(struct vcpu *v)
{
    v->desk->kind = KIND_BULK;
    uint64_t run = board()->run_pages, half = v->first + (v->end - v->first) / 2;
    for (uint64_t page = v->first; page < v->end; page += run)
        ping_pong(v, page, run < v->end - page ? run : v->end - page, 1);
    tell(PORT_STEP); /* the VMM measures from here */
    for (int whole_rounds = 0; !board()->stop || whole_rounds == 0; ++whole_rounds) /* the high-water mark is that of all of it */
        for (uint64_t page = v->first; page + run <= half && (!board()->stop || whole_rounds == 0); page += run)
            for (int to_private = 0; to_private < 2; ++to_private) {
                ping_pong(v, page, run, to_private);
                ++v->desk->step;
            }
}

void guest_main(uint32_t number)
{
    uint64_t pages = (board()->end_page - board()->first_page) / board()->vcpus;
    struct vcpu v = {
        .number = number,
        .next_tag = (number + 1) << 24, /* tags of different vCPUs differ; 0 to 2^24 are the VMM's */
        .dice = board()->seed * 0x9e3779b97f4a7c15 + number + 1,
        .first = board()->first_page + number * pages,
        .desk = AT(struct desk, DESKS + number * DESK_SIZE),
        .queue = AT(struct queue, QUEUES + number * PAGE),
    };
    v.end = number + 1 == board()->vcpus ? board()->end_page : v.first + pages;
    if (v.dice == 0)
        v.dice = 1;
    for (int i = 0; i < 8; ++i)
        xorshift(&v.dice);
    if (board()->work == WORK_PING_PONG) {
        hog_and_ping_pong(&v);
        return;
    }
    while (!board()->stop && (board()->steps == 0 || v.desk->step < board()->steps)) {
        step(&v);
        ++v.desk->step;
    }
}
