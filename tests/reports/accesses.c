/*
 * Accesses to private memory, one instruction each, of known size. Every one is made by a child of its own, which dies of it; what gmem run has to say of it
 * is printed. "accesses handled": by code of its own making, and survived. Knows the kernel's interface only. 77 when there is no VM here.
 */
#include "tests/support/plain.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                           \
    do {                                                                           \
        if (!(condition)) {                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);        \
            exit(1);                                                               \
        }                                                                          \
    } while (0)

enum { PAGE = 4096, MMAP = 1, INIT_SHARED = 2, PRIVATE = 8 };

static unsigned char *window; /* page 0 is shared, page 1 is private */
static unsigned char ours[PAGE];
static volatile int kept; /* a call before a return is no jump */

#define ACCESS(name, instructions)                                                                                        \
    __attribute__((noinline, noclone)) static void name(unsigned char *at)                                                \
    {                                                                                                                     \
        unsigned char *other = ours;                                                                                      \
        unsigned long count = 8;                                                                                          \
        __asm__ volatile("cld; " instructions : "+D"(at), "+S"(other), "+c"(count) : : "rax", "memory", "xmm0", "xmm1", "xmm2"); \
        kept++;                                                                                                           \
    }

ACCESS(store1, "movb $1, (%%rdi)")
ACCESS(store2, "movw $1, (%%rdi)")
ACCESS(store4, "movl $1, (%%rdi)")
ACCESS(store8, "movq $1, (%%rdi)")
ACCESS(store16, "movdqu %%xmm0, (%%rdi)")
ACCESS(store32, "vmovdqu %%ymm0, (%%rdi)")
ACCESS(store64, "vmovdqu64 %%zmm0, (%%rdi)")
ACCESS(load1, "movzbl (%%rdi), %%eax")
ACCESS(load2, "movzwl (%%rdi), %%eax")
ACCESS(load4, "movl (%%rdi), %%eax")
ACCESS(load8, "movq (%%rdi), %%rax")
ACCESS(load16, "movdqu (%%rdi), %%xmm0")
ACCESS(load32, "vmovdqu (%%rdi), %%ymm0")
ACCESS(load64, "vmovdqu64 (%%rdi), %%zmm0")
ACCESS(load10, "fldt 0x10(%%rdi)")
ACCESS(indexed, "movl $0, -24(%%rdi, %%rcx, 4)")
ACCESS(copy_to, "rep movsb")
ACCESS(copy_from, "xchg %%rsi, %%rdi; rep movsl")
ACCESS(fill, "rep stosq")
ACCESS(pushed, "push (%%rdi)")
ACCESS(gathered, "vpcmpeqd %%xmm1, %%xmm1, %%xmm1; vpxor %%xmm2, %%xmm2, %%xmm2; vpgatherdd %%xmm1, (%%rdi, %%xmm2, 4), %%xmm0")
ACCESS(straddling_store, "movq $1, (%%rdi)")
ACCESS(straddling_load, "movdqu (%%rdi), %%xmm0")
ACCESS(straddling_element, "vpcmpeqd %%xmm1, %%xmm1, %%xmm1; vmaskmovps %%xmm0, %%xmm1, (%%rdi)")
ACCESS(masked, "vpcmpeqd %%xmm1, %%xmm1, %%xmm1; vmaskmovps %%xmm0, %%xmm1, (%%rdi)")

/* Code that lies in no file: mov %rsi, (%rdi); ret, as the last bytes before memory that nobody may read. */
static void store_by_made_code(unsigned char *at)
{
    static const unsigned char code[] = { 0x48, 0x89, 0x37, 0xc3 };
    unsigned char *memory = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED && mprotect(memory, PAGE, PROT_READ | PROT_WRITE) == 0);
    unsigned char *begin = memory + PAGE - sizeof code;
    memcpy(begin, code, sizeof code);
    CHECK(mprotect(memory, PAGE, PROT_READ | PROT_EXEC) == 0);
    void (*made)(unsigned char *, unsigned long);
    memcpy(&made, &begin, sizeof made);
    made(at, 1);
    kept++;
}

/* `before`: how far before the private page the operand begins; `into`: where the report is to say how far into the access that is. */
struct access { void (*make)(unsigned char *); int before, into, bytes, writes; const char *needs; };
static const struct access all[] = {
    { store1, 0, 0, 1, 1, NULL },
    { store2, 0, 0, 2, 1, NULL },
    { store4, 0, 0, 4, 1, NULL },
    { store8, 0, 0, 8, 1, NULL },
    { store16, 0, 0, 16, 1, NULL },
    { store32, 0, 0, 32, 1, "avx" },
    { store64, 0, 0, 64, 1, "avx512f" },
    { load1, 0, 0, 1, 0, NULL },
    { load2, 0, 0, 2, 0, NULL },
    { load4, 0, 0, 4, 0, NULL },
    { load8, 0, 0, 8, 0, NULL },
    { load16, 0, 0, 16, 0, NULL },
    { load32, 0, 0, 32, 0, "avx" },
    { load64, 0, 0, 64, 0, "avx512f" },
    { load10, 0, 0, 10, 0, NULL },
    { indexed, 0, 0, 4, 1, NULL },
    { copy_to, 0, 0, 1, 1, NULL },
    { copy_from, 0, 0, 4, 0, NULL },
    { fill, 0, 0, 8, 1, NULL },
    { pushed, 0, 0, 8, 0, NULL },
    { gathered, 0, 0, 4, 0, "avx2" },
    { masked, 0, 0, 4, 1, "avx" },
    { store_by_made_code, 0, 0, 8, 1, NULL },
    { straddling_store, 3, 3, 8, 1, NULL },
    { straddling_load, 15, 15, 16, 0, NULL },
    { straddling_element, 6, 0, 4, 1, "avx" }, /* processors differ in the byte that they name */
};

static int can(const char *needs)
{
    if (!needs)
        return 1;
    if (strcmp(needs, "avx512f") == 0)
        return __builtin_cpu_supports("avx512f");
    return strcmp(needs, "avx2") == 0 ? __builtin_cpu_supports("avx2") : __builtin_cpu_supports("avx");
}

static sigjmp_buf escape;
static void on_sigbus(int number)
{
    siglongjmp(escape, number);
}

int main(int argc, char **argv)
{
    static const struct rlimit none = { 0, 0 };
    int vm = ioctl(open("/dev/kvm", O_RDWR | O_CLOEXEC), CREATE_VM, 1ul);
    if (vm < 0)
        return 77;
    int file = create_file(vm, 4 * PAGE, MMAP | INIT_SHARED);
    CHECK(file >= 0);
    window = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(window != MAP_FAILED && convert_range(file, PAGE, PAGE, PRIVATE) == 0);
    memset(window, 1, PAGE);
    setrlimit(RLIMIT_CORE, &none);
    if (argc > 1 && strcmp(argv[1], "handled") == 0) {
        signal(SIGBUS, on_sigbus);
        if (sigsetjmp(escape, 1) == 0)
            store_by_made_code(window + PAGE);
        usleep(300000); /* whoever looks late could see the code */
        return 0;
    }
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct access *a = &all[i];
        int status = 0;
        if (!can(a->needs))
            continue;
        pid_t child = fork();
        if (child == 0) {
            a->make(window + PAGE - a->before);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
        printf("%s %d byte%s %s a private page\n", a->writes ? "wrote" : "read", a->bytes, a->bytes == 1 ? "" : "s", a->writes ? "to" : "of");
        if (a->into != 0)
            printf("%d bytes into an access of %d that begins\n", a->into, a->bytes);
        fflush(stdout);
    }
    return 0;
}
