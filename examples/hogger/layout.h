/*
 * What guest and VMM agree on: where things are in guest memory, what the words there mean, and what a page must hold after a
 * conversion. Included by both; the guest has no libc.
 */
#ifndef HOGGER_LAYOUT_H
#define HOGGER_LAYOUT_H

#include <stdint.h>

enum {
    PAGE = 4096,
    PAGE_WORDS = 512,
    MAX_VCPUS = 8,
    MAX_RUN = 512,       /* pages of one conversion: 2 MiB */
    MAX_PAGES = 1 << 17, /* 512 MiB: as many records fit below */

    /* Guest physical addresses. The first 2 MiB are the system's: shared for ever. */
    PAGE_TABLES = 0x1000, /* PML4, PDPT, PD: 1 GiB one to one */
    BOARD = 0x4000,
    DESKS = 0x5000, /* one of DESK_SIZE for each vCPU */
    DESK_SIZE = 512,
    QUEUES = 0x8000, /* one page for each vCPU */
    CODE = 0x20000,
    STACKS = 0x40000,
    STACK_SIZE = 0x8000,
    TEMPLATE = 0x80000, /* 1024 words */
    RECORDS = 0x100000,
    SYSTEM_SIZE = 0x200000,
    STAGING = SYSTEM_SIZE, /* with two sources: 2 MiB for each vCPU, shared for ever */
    STAGING_SIZE = MAX_RUN * PAGE,
};

/* `out` to one of these is a message; what it is about stands on the vCPU's desk. */
enum port { PORT_KICK = 0x10, PORT_WAIT = 0x11, PORT_DONE = 0x12, PORT_WRONG = 0x13, PORT_STEP = 0x14 };

enum work { WORK_HOG, WORK_PING_PONG };

/* What a vCPU is at. */
enum kind { KIND_SMALL, KIND_MEDIUM, KIND_BULK, KIND_UNTOUCHED, KIND_DEVICE, KIND_HOG, KIND_LOOK, KINDS };

/*
 * What becomes of the bytes of a page that was used where it was:
 * KEPT     both sides read the same bytes (software-protected VMs; pKVM, for a guest that asks)
 * NOISE    what one side wrote is noise to the other, and itself again when the page comes back (SNP)
 * ZEROS    gone (TDX, CCA)
 * COPIED   the VMM and the guest carry them from one memory to the other (two sources)
 */
enum rule { RULE_KEPT, RULE_NOISE, RULE_ZEROS, RULE_COPIED };

struct board { /* written by the VMM before the guest starts; `stop` later */
    uint64_t seed, steps;   /* steps for each vCPU, 0: until `stop` */
    uint32_t vcpus, work, rule, run_pages; /* run_pages: of a conversion in ping-pong */
    uint64_t first_page, end_page;
    volatile uint32_t stop;
    uint32_t rings, probes; /* is there a device; can it ask whether a page is out of reach */
};

struct desk { /* one vCPU's */
    uint64_t step, kind;
    uint64_t checked_bytes, requests;
    uint64_t wrong_gpa, wrong_expected, wrong_found, wrong_where; /* with PORT_WRONG */
};

enum wrong_where { WRONG_AFTER_CONVERSION, WRONG_WITHOUT_ONE, WRONG_FROM_DEVICE, WRONG_STATUS, WRONG_ANSWER };

/* What is known of a page. The vCPU that owns the page writes it; the VMM reads it while that vCPU waits for a conversion. */
struct record {
    uint32_t tag;        /* names the contents; 0 are zeros */
    uint8_t is_private;
    uint8_t by_private;  /* which side wrote them: matters where the other side reads noise */
    uint8_t used;        /* the guest has used the page since it became private */
    uint8_t spare;
};

/* A virtqueue as virtio 1 has it, 16 descriptors, and behind it what the requests consist of. */
enum { QUEUE_SIZE = 16, DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2, IO_PAGES = 4 };
struct queue {
    struct { uint64_t gpa; uint32_t length; uint16_t flags, next; } descriptors[QUEUE_SIZE];
    struct { uint16_t flags; volatile uint16_t index; uint16_t ring[QUEUE_SIZE]; } available;
    struct { uint16_t flags; volatile uint16_t index; struct { uint32_t id, length; } ring[QUEUE_SIZE]; } used;
    struct request { uint32_t operation, tag, new_tag, spare; } request;
    uint32_t status;
};
enum operation { OPERATION_REPLACE = 1, OPERATION_PROBE };        /* check the data and write other; say whether it can be reached */
enum status { STATUS_PENDING, STATUS_DONE, STATUS_WRONG_DATA, STATUS_OUT_OF_REACH, STATUS_BAD_REQUEST };

/* The contents named by a tag: a word with the tag and the page, then 511 words of the template from a place that the tag chooses. */
static inline uint64_t first_word(uint32_t tag, uint64_t page) { return (uint64_t)tag << 32 | page; }
static inline uint32_t place_in_template(uint32_t tag) { return (tag * UINT32_C(2654435761)) >> 23; } /* 0 to 511 */

static inline uint64_t xorshift(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

/* What a page must be looked at for. */
enum sight { SEES_CONTENTS, SEES_NOISE };
static inline enum sight sight(const struct record *r, enum rule rule)
{
    return rule == RULE_NOISE && r->by_private != r->is_private ? SEES_NOISE : SEES_CONTENTS;
}

/* The record of a page that has been converted. */
static inline void converted(struct record *r, int to_private, enum rule rule)
{
    if (r->is_private == to_private)
        return;
    if (rule == RULE_ZEROS && !to_private && r->used)
        r->tag = 0;
    if (rule == RULE_COPIED || rule == RULE_KEPT)
        r->by_private = (uint8_t)to_private;
    r->is_private = (uint8_t)to_private;
    r->used = 0;
}

/* The record of a page that the guest is about to use. */
static inline void guest_uses(struct record *r, enum rule rule)
{
    if (rule == RULE_ZEROS && r->is_private && !r->used)
        r->tag = 0;
    r->used = 1;
}

#endif
