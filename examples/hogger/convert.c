/* A conversion as the guest asks for it, a range of addresses, becomes one as the kernel wants it. */
#include "hogger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define SET_MEMORY_ATTRIBUTES _IOW(KVMIO, 0xd2, struct memory_attributes)
struct memory_attributes {
    uint64_t address, size, attributes, flags;
};
static_assert(SET_MEMORY_ATTRIBUTES == 0x4020AED2, "uAPI");

static const uint64_t patience = UINT64_C(20000000000); /* nanoseconds that somebody may hold a page */

static void nap(void)
{
    struct timespec t = { 0, 200000 };
    nanosleep(&t, NULL);
}

/* EAGAIN: somebody holds the page at error_offset, and nothing has changed. What lies before it is converted meanwhile. */
static void convert_in_place(struct tally *t, const struct back_end *e, uint64_t offset, uint64_t end, int to_private)
{
    uint64_t stuck_since = 0;
    uint64_t until = end;
    while (offset < end) {
        struct memory_attributes2 request;
        memset(&request, 0, sizeof request);
        request.offset = offset;
        request.size = until - offset;
        request.attributes = to_private ? MEMORY_ATTRIBUTE_PRIVATE : 0;
        if (ioctl(e->memory, SET_MEMORY_ATTRIBUTES2, &request) == 0) {
            offset = until;
            until = end;
            stuck_since = 0;
            continue;
        }
        if (errno != EAGAIN)
            fail("KVM_SET_MEMORY_ATTRIBUTES2 of %s, offset %#llx, size %#llx, to %s: %s (error_offset %#llx)", e->name, (unsigned long long)offset,
                 (unsigned long long)(until - offset), to_private ? "private" : "shared", strerror(errno), (unsigned long long)request.error_offset);
        if (request.error_offset < offset || request.error_offset >= until || request.error_offset % PAGE)
            fail("EAGAIN of %s, offset %#llx, size %#llx, names offset %#llx, which is not in it", e->name, (unsigned long long)offset,
                 (unsigned long long)(until - offset), (unsigned long long)request.error_offset);
        ++t->again;
        log_again(e->name, request.error_offset);
        if (request.error_offset > offset) {
            until = request.error_offset;
            ++t->resumed;
            continue;
        }
        uint64_t now = nanoseconds();
        stuck_since = stuck_since ? stuck_since : now;
        if (now - stuck_since > patience)
            fail("the page at offset %#llx of %s has been in use for 20 seconds", (unsigned long long)offset, e->name);
        until = end;
        nap();
    }
}

/* What a VMM has to do that keeps shared and private bytes apart: it carries them through memory that stays shared, and gives one of the two pages back. */
static void convert_two_sources(struct machine *m, uint32_t vcpu, struct back_end *e, uint64_t gpa, uint64_t size, int to_private, unsigned char *staging)
{
    struct tally *t = &m->tally[vcpu];
    for (uint64_t at = 0; to_private && at < size; at += PAGE) {
        const struct record *r = record_of(m, (gpa + at) / PAGE);
        if (r->is_private)
            continue;
        if (r->tag == 0) { /* never written: looking would give it memory */
            memset(staging + at, 0, PAGE);
            continue;
        }
        memcpy(staging + at, host_at(m, gpa + at), PAGE);
        t->copied_bytes += PAGE;
    }
    uint64_t since = processor_nanoseconds();
    struct memory_attributes request = { .address = gpa, .size = size, .attributes = to_private ? MEMORY_ATTRIBUTE_PRIVATE : 0 };
    if (ioctl(m->vm, SET_MEMORY_ATTRIBUTES, &request) < 0)
        fail("KVM_SET_MEMORY_ATTRIBUTES at %#llx, size %#llx, to %s: %s", (unsigned long long)gpa, (unsigned long long)size, to_private ? "private" : "shared", strerror(errno));
    t->ioctl_nanoseconds += processor_nanoseconds() - since;
    for (uint64_t at = 0; !to_private && at < size; at += PAGE)
        if (record_of(m, (gpa + at) / PAGE)->is_private) {
            memcpy(host_at(m, gpa + at), staging + at, PAGE);
            t->copied_bytes += PAGE;
        }
    if (m->options.punch == ON && fallocate(to_private ? e->shared : e->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(gpa - e->gpa), (off_t)size) < 0)
        fail("punching %s: %s", e->name, strerror(errno));
}

void convert(struct machine *m, uint32_t vcpu, uint64_t gpa, uint64_t size, int to_private)
{
    struct tally *t = &m->tally[vcpu];
    uint64_t begin = processor_nanoseconds(), in_ioctl = t->ioctl_nanoseconds, end = gpa + size;
    for (uint64_t at = gpa; at < end;) { /* a range may reach from one back end into the other */
        struct back_end *e = end_of(m, at);
        uint64_t piece = (end < e->gpa + e->size ? end : e->gpa + e->size) - at, since = processor_nanoseconds();
        if (m->options.mode == IN_PLACE) {
            convert_in_place(t, e, at - e->gpa, at - e->gpa + piece, to_private);
            t->ioctl_nanoseconds += processor_nanoseconds() - since;
        } else {
            convert_two_sources(m, vcpu, e, at, piece, to_private, host_at(m, STAGING + (uint64_t)vcpu * STAGING_SIZE) + (at - gpa));
        }
        at += piece;
    }
    if (!to_private)
        __atomic_store_n(&m->latest_shared, gpa, __ATOMIC_RELAXED);
    if (m->options.work == WORK_PING_PONG && !to_private) { /* the host reads what it was given, so that both ways pay for reaching it */
        for (uint64_t at = gpa; at < end; at += PAGE)
            (void)*(volatile unsigned char *)host_at(m, at);
    }
    enum sizes s = size <= PAGE ? UP_TO_PAGE : size <= 64 << 10 ? UP_TO_64K : size <= MIB ? UP_TO_1M : UP_TO_2M;
    ++t->conversions[to_private][s];
    uint64_t whole = processor_nanoseconds() - begin;
    struct samples *taken = &m->samples[vcpu][to_private];
    if (taken->count < MOST_SAMPLES) {
        taken->whole[taken->count] = whole;
        taken->in_ioctl[taken->count++] = t->ioctl_nanoseconds - in_ioctl;
    }
    ++t->kinds[desk_of(m, vcpu)->kind % KINDS];
    log_conversion(gpa, size, to_private);
}
