/* What stands in the guest's memory before it starts. */
#include "hogger.h"

#include <string.h>

extern const unsigned char guest_image[], guest_image_end[];

uint64_t first_data_page(const struct options *o)
{
    uint64_t staging = o->mode == TWO_SOURCE ? o->vcpus * (uint64_t)STAGING_SIZE : 0;
    return (SYSTEM_SIZE + staging) / PAGE;
}

/* Long mode needs page tables: PML4 -> PDPT -> PD with 512 pages of 2 MiB. */
static void map_one_gigabyte(struct machine *m)
{
    enum { PRESENT_WRITABLE = 3, LARGE = 1 << 7 };
    uint64_t *pml4 = (uint64_t *)(void *)host_at(m, PAGE_TABLES), *pdpt = pml4 + PAGE_WORDS, *pd = pdpt + PAGE_WORDS;
    pml4[0] = (PAGE_TABLES + PAGE) | PRESENT_WRITABLE;
    pdpt[0] = (PAGE_TABLES + 2 * PAGE) | PRESENT_WRITABLE;
    for (uint64_t i = 0; i < PAGE_WORDS; ++i)
        pd[i] = i << 21 | LARGE | PRESENT_WRITABLE;
}

static void populate(struct machine *m, uint64_t page, uint32_t tag)
{
    uint64_t *words = (uint64_t *)(void *)host_at(m, page * PAGE);
    words[0] = first_word(tag, page);
    memcpy(words + 1, template_of(m) + place_in_template(tag), PAGE - sizeof *words);
    record_of(m, page)->tag = tag;
}

void guest_load(struct machine *m)
{
    const struct options *o = &m->options;
    map_one_gigabyte(m);
    memcpy(host_at(m, CODE), guest_image, (size_t)(guest_image_end - guest_image));
    uint64_t dice = o->seed * UINT64_C(0x9e3779b97f4a7c15) | 1, *words = (uint64_t *)(void *)host_at(m, TEMPLATE);
    for (int i = 0; i < 2 * PAGE_WORDS; ++i)
        words[i] = xorshift(&dice) | 1; /* never zero */
    struct board *b = board_of(m);
    b->seed = o->seed;
    b->steps = o->steps;
    b->vcpus = o->vcpus;
    b->work = o->work;
    b->rule = o->rule;
    b->run_pages = (uint32_t)o->run_pages;
    b->first_page = first_data_page(o);
    b->end_page = o->size / PAGE;
    b->rings = o->device == ON;
    b->probes = o->device == ON && o->mode == IN_PLACE; /* elsewhere the device goes on reading what is no longer the guest's */
    for (uint64_t page = b->first_page; o->populate == ON && page < b->end_page; ++page)
        populate(m, page, (uint32_t)(1 + page));
}
