/*
 * Windows laid out, covered, cut, moved, doubled and taken away at random inside a small arena, while pages are converted and punched. After
 * each step every page of the arena must be what a model of it says: nothing there, anonymous memory, or a page of the file that can be
 * read if and only if it is shared. windows [STEPS [SEED]]. Exit 0; 1 with step and page; 77 without a VM to try on.
 */
#include "tests/program/program.h"

#include <setjmp.h>
#include <signal.h>

#define ARENA 48
#define FILE_PAGES 16

enum what { nothing, anonymous, of_file };
static struct { enum what what; size_t page; int protection; } model[ARENA];
static int is_private[FILE_PAGES];
static unsigned char content[FILE_PAGES];
static char *arena;
static int fd;
static sigjmp_buf escape;
static uint64_t state;
static long step;
static const char *doing = "";

static void on_signal(int number) { siglongjmp(escape, number); }

static size_t below(size_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state % n);
}

/* 0..255, or -signal. */
static int touch(size_t i)
{
    int number = sigsetjmp(escape, 1);
    return number ? -number : *(volatile unsigned char *)(arena + i * PAGE);
}

static int expected(size_t i)
{
    if (model[i].what == nothing || !(model[i].protection & PROT_READ))
        return -SIGSEGV;
    if (model[i].what == anonymous)
        return 0;
    return model[i].page >= FILE_PAGES || is_private[model[i].page] ? -SIGBUS : content[model[i].page];
}

static void verify(void)
{
    for (size_t i = 0; i < ARENA; ++i) {
        int seen = touch(i);
        if (seen != expected(i)) {
            fprintf(stderr, "step %ld (%s), arena page %zu (kind %d, file page %zu): expected %d, saw %d\n", step, doing, i, (int)model[i].what, model[i].page, expected(i), seen);
            _exit(1);
        }
    }
}

static void cover(size_t at, size_t n, enum what what, size_t page, int protection)
{
    for (size_t i = 0; i < n; ++i) {
        model[at + i].what = what;
        model[at + i].page = page + i;
        model[at + i].protection = protection;
    }
}

/* How far one mapping reaches from `at`, at most `n` pages. */
static size_t run(size_t at, size_t n)
{
    size_t i = 1;
    while (i < n && at + i < ARENA && model[at + i].what == of_file && model[at + i].page == model[at].page + i && model[at + i].protection == model[at].protection)
        ++i;
    return i;
}

static void move(size_t at, size_t n)
{
    if (model[at].what != of_file)
        return;
    size_t old = run(at, n), target = below(ARENA - 8), how = below(4);
    size_t pages = how == 0 ? old : 1 + below(8);
    if (how == 1)
        pages = old; /* DONTUNMAP */
    if (target < at + old && at < target + pages)
        return;
    size_t first = model[at].page;
    int protection = model[at].protection;
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (how == 1 ? MREMAP_DONTUNMAP : 0);
    doing = how == 0 ? "mremap" : how == 1 ? "mremap DONTUNMAP" : how == 2 ? "mremap of nothing" : "mremap to another size";
    CHECK(mremap(arena + at * PAGE, how == 2 ? 0 : old * PAGE, pages * PAGE, flags, arena + target * PAGE) == arena + target * PAGE);
    if (how == 0 || how == 3)
        cover(at, old, nothing, 0, 0);
    cover(target, pages, of_file, first, protection);
}

/* In place: shrinks, or grows where nothing is in the way. */
static void resize(size_t at, size_t n)
{
    if (model[at].what != of_file)
        return;
    size_t old = run(at, n), pages = 1 + below(8);
    int room = at + pages <= ARENA && (pages <= old || run(at, ARENA) == old);
    for (size_t i = at + old; room && i < at + pages; ++i)
        room = model[i].what == nothing;
    if (!room)
        return;
    doing = pages > old ? "mremap grows" : "mremap shrinks";
    CHECK(mremap(arena + at * PAGE, old * PAGE, pages * PAGE, 0) == arena + at * PAGE);
    if (pages > old)
        cover(at, pages, of_file, model[at].page, model[at].protection);
    else
        cover(at + pages, old - pages, nothing, 0, 0);
}

static void one_step(void)
{
    static const int protections[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE };
    size_t at = below(ARENA - 8), n = 1 + below(8), page = below(FILE_PAGES), pages = 1 + below(FILE_PAGES - page);
    int protection = protections[below(4)];
    char *address = arena + at * PAGE;
    switch (below(11)) {
    case 0:
    case 1:
        doing = "mmap";
        page = below(FILE_PAGES + 2);
        CHECK(mmap(address, n * PAGE, protection, MAP_SHARED | MAP_FIXED, fd, (off_t)(page * PAGE)) == address);
        cover(at, n, of_file, page, protection);
        return;
    case 2:
        doing = "anonymous mmap";
        CHECK(mmap(address, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == address);
        cover(at, n, anonymous, 0, PROT_READ | PROT_WRITE);
        return;
    case 3:
        doing = "munmap";
        CHECK(munmap(address, n * PAGE) == 0);
        cover(at, n, nothing, 0, 0);
        return;
    case 4:
        move(at, n);
        return;
    case 5:
        resize(at, n);
        return;
    case 6:
        for (size_t i = 0; i < n; ++i)
            if (model[at + i].what == nothing)
                return;
        doing = "mprotect";
        CHECK(mprotect(address, n * PAGE, protection) == 0);
        for (size_t i = 0; i < n; ++i)
            model[at + i].protection = protection;
        return;
    case 7:
    case 8: {
        int to = (int)below(2);
        doing = to ? "to private" : "to shared";
        CHECK(convert_range(fd, page * PAGE, pages * PAGE, to ? 8 : 0) == 0);
        for (size_t i = page; i < page + pages; ++i)
            is_private[i] = to;
        return;
    }
    case 9:
        doing = "punch";
        CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, (off_t)(page * PAGE), (off_t)(pages * PAGE)) == 0);
        memset(content + page, 0, pages);
        return;
    default: {
        doing = "write";
        size_t i = below(ARENA);
        if (model[i].what != of_file || !(model[i].protection & PROT_WRITE) || expected(i) < 0)
            return;
        content[model[i].page] = (unsigned char)below(256);
        *(volatile unsigned char *)(arena + i * PAGE) = content[model[i].page];
        bare(SYS_madvise, (long)(arena + i * PAGE), PAGE, MADV_DONTNEED); /* and reclaim takes its PTE */
    }
    }
}

int main(int argc, char **argv)
{
    long steps = argc > 1 ? atol(argv[1]) : 3000;
    state = argc > 2 ? strtoull(argv[2], NULL, 0) : 0x9e3779b97f4a7c15;
    int vm = vm_or_skip();
    signal(SIGBUS, on_signal);
    signal(SIGSEGV, on_signal);
    fd = create_file(vm, FILE_PAGES * PAGE, 3);
    CHECK(fd >= 0);
    arena = (char *)(uintptr_t)0x200000000; /* where nobody is given addresses unasked */
    for (step = 0; step < steps; ++step) {
        one_step();
        verify();
    }
    printf("windows: %ld steps, ok\n", steps);
    return 0;
}
