/* Pages of the guest: their contents, what is expected of them, their conversion. String instructions: there is no libc. */
#include "guest.h"

static const uint64_t *template_for(uint32_t tag) { return AT(uint64_t, TEMPLATE) + place_in_template(tag); }

static void copy_words(uint64_t *to, const uint64_t *from, uint64_t words)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/* How many words are left at the first that differs, 0: none does. (The last one is counted as 0 too: equal tells.) */
static uint64_t compare(const uint64_t *a, const uint64_t *b, uint64_t words, int *equal)
{
    __asm__ volatile("repe cmpsq\n\tsete %b3" : "+D"(a), "+S"(b), "+c"(words), "=q"(*equal) : "3"(0) : "memory", "cc");
    return words;
}

/* The same for the first word that is equal. */
static uint64_t search_equal(const uint64_t *a, const uint64_t *b, uint64_t words, int *equal)
{
    __asm__ volatile("repne cmpsq\n\tsete %b3" : "+D"(a), "+S"(b), "+c"(words), "=q"(*equal) : "3"(0) : "memory", "cc");
    return words;
}

static uint64_t compare_with_zero(const uint64_t *a, uint64_t words, int *equal)
{
    __asm__ volatile("repe scasq\n\tsete %b2" : "+D"(a), "+c"(words), "=q"(*equal) : "2"(0), "a"(0) : "memory", "cc");
    return words;
}

void wrong(struct vcpu *v, uint64_t gpa, uint64_t expected, uint64_t found, enum wrong_where where)
{
    v->desk->wrong_gpa = gpa;
    v->desk->wrong_expected = expected;
    v->desk->wrong_found = found;
    v->desk->wrong_where = where;
    for (;;)
        tell(PORT_WRONG);
}

void set(struct vcpu *v, uint64_t page, uint32_t tag)
{
    (void)v;
    struct record *r = record(page);
    guest_uses(r, (enum rule)board()->rule);
    uint64_t *words = AT(uint64_t, page * PAGE);
    words[0] = first_word(tag, page);
    copy_words(words + 1, template_for(tag), PAGE_WORDS - 1);
    r->tag = tag;
    r->by_private = r->is_private;
}

void fill(struct vcpu *v, uint64_t page) { set(v, page, ++v->next_tag); }

static void check_zeros(struct vcpu *v, uint64_t page, enum wrong_where where)
{
    const uint64_t *words = AT(uint64_t, page * PAGE);
    int equal;
    uint64_t left = compare_with_zero(words, PAGE_WORDS, &equal);
    if (!equal)
        wrong(v, (uint64_t)(uintptr_t)(words + PAGE_WORDS - 1 - left), 0, words[PAGE_WORDS - 1 - left], where);
}

/* Noise is what has nowhere the word that was written there. */
static void check_noise(struct vcpu *v, uint64_t page, uint32_t tag, enum wrong_where where)
{
    const uint64_t *words = AT(uint64_t, page * PAGE);
    if (words[0] == first_word(tag, page))
        wrong(v, page * PAGE, 0, words[0], where);
    int equal;
    uint64_t left = search_equal(words + 1, template_for(tag), PAGE_WORDS - 1, &equal);
    if (equal)
        wrong(v, (uint64_t)(uintptr_t)(words + PAGE_WORDS - 1 - left), 0, words[PAGE_WORDS - 1 - left], where);
}

void check(struct vcpu *v, uint64_t page, enum wrong_where where)
{
    struct record *r = record(page);
    enum rule rule = (enum rule)board()->rule;
    guest_uses(r, rule);
    v->desk->checked_bytes += PAGE;
    if (sight(r, rule) == SEES_NOISE) {
        check_noise(v, page, r->tag, where);
        return;
    }
    if (r->tag == 0) {
        check_zeros(v, page, where);
        return;
    }
    const uint64_t *words = AT(uint64_t, page * PAGE), *expected = template_for(r->tag);
    if (words[0] != first_word(r->tag, page))
        wrong(v, page * PAGE, first_word(r->tag, page), words[0], where);
    int equal;
    uint64_t left = compare(words + 1, expected, PAGE_WORDS - 1, &equal);
    if (!equal) {
        uint64_t at = PAGE_WORDS - 2 - left;
        wrong(v, (uint64_t)(uintptr_t)(words + 1 + at), expected[at], words[1 + at], where);
    }
}

/* Two sources: private bytes reach the host, and the host's bytes private memory, through the staging pages, by our hands. */
static void carry(struct vcpu *v, uint64_t page, uint64_t pages, int to_private)
{
    uint64_t words = board()->work == WORK_HOG ? PAGE_WORDS : 1; /* ping-pong looks at one word a page */
    for (uint64_t i = 0; i < pages; ++i) {
        uint64_t *mine = AT(uint64_t, (page + i) * PAGE), *staging = AT(uint64_t, STAGING + v->number * STAGING_SIZE + i * PAGE);
        if (record(page + i)->is_private != to_private)
            copy_words(to_private ? mine : staging, to_private ? staging : mine, words);
    }
}

void convert(struct vcpu *v, uint64_t page, uint64_t pages, int to_private)
{
    enum rule rule = (enum rule)board()->rule;
    if (rule == RULE_COPIED && !to_private)
        carry(v, page, pages, 0);
    long answer = map_gpa_range(page * PAGE, pages, to_private ? 16 : 0);
    if (answer != 0)
        wrong(v, page * PAGE, 0, (uint64_t)answer, WRONG_ANSWER);
    if (rule == RULE_COPIED && to_private)
        carry(v, page, pages, 1);
    for (uint64_t i = 0; i < pages; ++i)
        converted(record(page + i), to_private, rule);
}
