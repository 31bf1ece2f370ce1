/* The host's look at what has been converted: every byte of what is shared now, and that nothing of what is private can be reached. */
#include "hogger.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>

static __thread sigjmp_buf escape;
static __thread volatile int may_fault;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (!may_fault)
        fail("SIGBUS at %p, where nothing private is", info->si_addr);
    siglongjmp(escape, 1);
}

void watch_sigbus(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, NULL);
}

int can_read(const volatile unsigned char *at)
{
    may_fault = 1;
    if (sigsetjmp(escape, 1)) {
        may_fault = 0;
        return 0;
    }
    (void)*at;
    may_fault = 0;
    return 1;
}

int64_t first_wrong(const uint64_t *words, const uint64_t *words_of_template, const struct record *r, uint64_t page, enum rule rule, uint64_t *expected)
{
    const uint64_t *from = words_of_template + place_in_template(r->tag);
    int noise = sight(r, rule) == SEES_NOISE;
    for (int64_t i = 0; i < PAGE_WORDS; ++i) {
        *expected = r->tag == 0 ? 0 : i == 0 ? first_word(r->tag, page) : from[i - 1];
        if ((words[i] == *expected) == noise)
            return i;
    }
    return -1;
}

static const char *half_of(struct machine *m, uint64_t gpa) { return end_of(m, gpa)->name; }

void wrong_byte(struct machine *m, uint32_t vcpu, uint64_t gpa, uint64_t expected, uint64_t found, const char *when)
{
    uint64_t different = expected ^ found, byte = different ? (uint64_t)__builtin_ctzll(different) / 8 : 0;
    const struct desk *d = desk_of(m, vcpu);
    unsigned long long at = gpa + byte, offset = at - end_of(m, gpa)->gpa;
    unsigned is = (unsigned)(found >> byte * 8) & 0xff, should = (unsigned)(expected >> byte * 8) & 0xff;
    if (different)
        fail("wrong byte at gpa %#llx (%s, offset %#llx): 0x%02x instead of 0x%02x, %s; vCPU %u, step %llu, seed %llu", at, half_of(m, gpa), offset, is, should, when, vcpu,
             (unsigned long long)d->step, (unsigned long long)m->options.seed);
    fail("wrong bytes at gpa %#llx (%s, offset %#llx): %#llx is what the other side wrote, and should be noise here, %s; vCPU %u, step %llu, seed %llu", at, half_of(m, gpa), offset,
         (unsigned long long)found, when, vcpu, (unsigned long long)d->step, (unsigned long long)m->options.seed);
}

/* Somebody has to be wrong on purpose, or nobody knows that this program would notice. */
static void corrupt(struct machine *m, uint64_t n, uint64_t gpa, uint64_t size)
{
    static uint64_t conversions;
    if (n == 0 || __atomic_add_fetch(&conversions, 1, __ATOMIC_RELAXED) < n)
        return;
    for (uint64_t at = gpa; at < gpa + size; at += PAGE) {
        struct record r = *record_of(m, at / PAGE);
        converted(&r, 0, m->options.rule);
        if (sight(&r, m->options.rule) == SEES_CONTENTS) {
            host_at(m, at)[1234] ^= 0x10;
            return;
        }
    }
}

void check_converted(struct machine *m, uint32_t vcpu, uint64_t gpa, uint64_t size, int to_private)
{
    struct tally *t = &m->tally[vcpu];
    int small = !to_private && desk_of(m, vcpu)->kind == KIND_SMALL; /* each byte of these is looked at by the guest, too, before it is written */
    if (small)
        corrupt(m, m->options.corrupt_before, gpa, size);
    for (uint64_t at = gpa; at < gpa + size; at += PAGE) {
        unsigned char *page = host_at(m, at);
        if (to_private) {
            if (m->options.mode == IN_PLACE && can_read(page + at / PAGE * 61 % PAGE))
                fail("the host can read a private page: gpa %#llx (%s), after a conversion of %#llx bytes at %#llx; vCPU %u, step %llu, seed %llu", (unsigned long long)at,
                     half_of(m, at), (unsigned long long)size, (unsigned long long)gpa, vcpu, (unsigned long long)desk_of(m, vcpu)->step, (unsigned long long)m->options.seed);
            t->out_of_reach += m->options.mode == IN_PLACE;
            continue;
        }
        struct record r = *record_of(m, at / PAGE);
        uint64_t expected, *words = (uint64_t *)(void *)page;
        converted(&r, 0, m->options.rule);
        int64_t i = first_wrong(words, template_of(m), &r, at / PAGE, m->options.rule, &expected);
        if (i >= 0)
            wrong_byte(m, vcpu, at + (uint64_t)i * 8, expected, words[i], "as the host reads it after a conversion to shared");
        t->checked_bytes += PAGE;
    }
    if (small)
        corrupt(m, m->options.corrupt_after, gpa, size);
}
