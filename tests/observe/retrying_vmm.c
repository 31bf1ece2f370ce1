/*
 * What a VMM does again and again, written to the kernel's interface only, for `gmem run --vcpu=scripted --inject`. The first argument says what:
 *   convert N   N conversions to private and back, retried; one line for each refusal. A refused one has changed nothing.
 *   onward N    N times all of it to private: what is refused is tried again from the page that was named; then what lies before
 *   mixed N     the same, with every second page private already
 *   once N      N times a page to private and back, without retries.
 *   allocate N  fallocate
 *   launch      SNP, each LAUNCH_UPDATE until it is done
 *   cpuid       SNP: a CPUID page that the firmware corrects
 *   tdx         one region of 4 pages
 *   run N       a guest that asks for nothing; what it asks for all the same is granted
 *   poison      a page that fails, as host and guest meet it
 *   peer        another process that has the pages open
 *   big         one conversion of 1 GiB
 */
#include "launch.h"
#include "scripted.h"

enum { PAGES = 64, RANGE = 4 };

static unsigned state_of(unsigned char *at) { return look(at) == -1; }

static int convert_told(int fd, uint64_t offset, uint64_t size, uint64_t attributes, uint64_t *where)
{
    struct memory_attributes2 a = { .offset = offset, .size = size, .attributes = attributes, .error_offset = 0 };
    int result = ioctl(fd, SET_MEMORY_ATTRIBUTES2, &a);
    *where = a.error_offset;
    return result;
}

/* Until it is done; each refusal names a page of the range and leaves all of it as it was. */
static void convert_retrying(int fd, unsigned char *host, uint64_t page, uint64_t attributes)
{
    for (int tries = 0;; ++tries) {
        uint64_t where = 0;
        CHECK(tries < 1000);
        if (convert_told(fd, page * PAGE, RANGE * PAGE, attributes, &where) == 0)
            break;
        CHECK(errno == EAGAIN || errno == ENOMEM);
        CHECK(where % PAGE == 0 && where >= page * PAGE && where < (page + RANGE) * PAGE);
        printf("%s %s at page %llu of %llu\n", attributes ? "private" : "shared", errno == EAGAIN ? "EAGAIN" : "ENOMEM", (unsigned long long)(where / PAGE - page), (unsigned long long)page);
        for (uint64_t i = 0; i < RANGE; ++i)
            CHECK(state_of(host + (page + i) * PAGE) == (attributes == 0));
    }
    for (uint64_t i = 0; i < RANGE; ++i)
        CHECK(state_of(host + (page + i) * PAGE) == (attributes != 0));
}

static int new_memory(unsigned char **host, uint64_t size)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0);
    vm = ioctl(kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
    CHECK(vm >= 0);
    int fd = create(vm, size, MMAP_AND_SHARED);
    *host = map_file(fd, size);
    expect_sigbus();
    return fd;
}

static void convert_many(int n)
{
    unsigned char *host;
    int fd = new_memory(&host, PAGES * PAGE);
    for (int i = 0; i < n; ++i) {
        uint64_t page = (uint64_t)i % (PAGES / RANGE) * RANGE;
        convert_retrying(fd, host, page, PRIVATE);
        convert_retrying(fd, host, page, 0);
    }
}

/* A range of pages to private by a VMM that goes on at error_offset: it never has to go back. */
static void convert_onward(int fd, uint64_t first, uint64_t end)
{
    for (uint64_t from = first * PAGE;;) {
        uint64_t where = 0;
        if (convert_told(fd, from, end * PAGE - from, PRIVATE, &where) == 0) {
            if (from > first * PAGE)
                convert_onward(fd, first, from / PAGE);
            return;
        }
        CHECK(errno == EAGAIN && where % PAGE == 0 && where >= from && where < end * PAGE);
        printf("%llu ", (unsigned long long)(where / PAGE));
        from = where;
    }
}

static void onward(int n, int every_second)
{
    unsigned char *host;
    int fd = new_memory(&host, PAGES * PAGE);
    for (int i = 0; i < n; ++i) {
        uint64_t where = 0;
        for (uint64_t page = 0; every_second && page < PAGES; page += 2)
            while (convert_told(fd, page * PAGE, PAGE, PRIVATE, &where) != 0)
                CHECK(errno == EAGAIN && where == page * PAGE);
        convert_onward(fd, 0, PAGES);
        for (int page = 0; page < PAGES; ++page)
            CHECK(state_of(host + page * PAGE));
        CHECK(convert_told(fd, 0, PAGES * PAGE, 0, &where) == 0);
        printf("done\n");
    }
}

static void once(int n)
{
    unsigned char *host;
    int fd = new_memory(&host, PAGES * PAGE);
    for (int i = 0; i < n; ++i) {
        uint64_t where = 0;
        printf("%d", convert_told(fd, 0, PAGE, PRIVATE, &where) == 0);
        (void)convert_told(fd, 0, PAGE, 0, &where);
    }
    printf("\n");
}

static void allocate(int n)
{
    unsigned char *host;
    int fd = new_memory(&host, PAGES * PAGE);
    for (int i = 0; i < n; ++i)
        printf("allocate %s\n", fallocate(fd, FALLOC_FL_KEEP_SIZE, i * PAGE, PAGE) == 0 ? "done" : errno == ENOMEM ? "ENOMEM" : "?");
}

static void launch(void)
{
    begin_snp();
    CHECK(make_private(0, IMAGE_PAGES) == 0);
    struct snp_update u = update_of(0, IMAGE_PAGES, NULL, ZERO);
    for (int tries = 0; u.len != 0; ++tries) {
        CHECK(tries < 100);
        if (sev_call(SNP_UPDATE, &u) != 0)
            printf("update errno %d firmware %#x, %llu pages left\n", errno, fw_error, (unsigned long long)(u.len / PAGE));
        else if (u.len != 0)
            printf("update stopped, %llu pages left\n", (unsigned long long)(u.len / PAGE));
    }
    CHECK(finish() == 0);
    printf("launched\n");
}

static void cpuid(void)
{
    static struct cpuid_page table __attribute__((aligned(PAGE)));
    begin_snp();
    table.count = 1;
    table.entries[0].eax_in = 0x40000000; /* the hypervisor's: the firmware has no opinion of it */
    table.entries[0].eax = 0x6;
    CHECK(make_private(0, 1) == 0);
    for (int tries = 0; update(0, 1, &table, CPUID) != 0; ++tries) {
        CHECK(tries < 10 && errno == EIO);
        printf("cpuid firmware %#x, eax %#x\n", fw_error, table.entries[0].eax);
    }
    CHECK(finish() == 0);
    printf("launched with eax %#x\n", table.entries[0].eax);
}

static void tdx(void)
{
    make_vm(TDX_VM);
    struct tdx_init_vm init = init_vm_of(48);
    CHECK(tdx_call(vm, TDX_INIT_VM, 0, &init) == 0);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    CHECK(vcpu >= 0 && tdx_call(vcpu, TDX_INIT_VCPU, 0, NULL) == 0);
    CHECK(make_private(0, 4) == 0);
    static unsigned char source[4 * PAGE] __attribute__((aligned(PAGE)));
    struct tdx_region r = { (uintptr_t)source, DATA, 4 };
    for (int tries = 0; r.pages != 0; ++tries) {
        CHECK(tries < 100);
        int result = tdx_call(vcpu, TDX_INIT_MEM_REGION, 0, &r);
        if (result != 0)
            printf("region errno %d, %llu pages left\n", errno, (unsigned long long)r.pages);
        else if (r.pages != 0)
            printf("region stopped, %llu pages left\n", (unsigned long long)r.pages);
        CHECK(result == 0 || errno == EINTR || errno == EAGAIN || errno == ENOMEM);
    }
    CHECK(tdx_call(vm, TDX_FINALIZE_VM, 0, NULL) == 0);
    printf("launched\n");
}

static void run(int n)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0);
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    for (int i = 0; i < n; ++i) {
        int result = do_op(&s, op(GMEM_GUEST_HALT, 0, 0, 0, 0));
        while (result != KVM_EXIT_HLT) {
            struct memory_fault f;
            uint64_t gpa, size, to;
            if (result == -1) {
                CHECK(errno == EFAULT && s.run->exit_reason == EXIT_MEMORY_FAULT);
                memcpy(&f, &s.run->hw, sizeof f);
                gpa = f.gpa, size = f.size, to = f.flags;
            } else {
                CHECK(result == KVM_EXIT_HYPERCALL && s.run->hypercall.nr == 12);
                gpa = s.run->hypercall.args[0], size = s.run->hypercall.args[1] * PAGE, to = s.run->hypercall.args[2] & 16 ? PRIVATE : 0;
            }
            CHECK(gpa >= DATA && gpa + size <= DATA + DATA_SIZE && size == PAGE);
            printf("run %d: %s asks for page %llu to be %s\n", i, result == -1 ? "memory_fault" : "hypercall", (unsigned long long)((gpa - DATA) / PAGE), to ? "private" : "shared");
            CHECK(convert(s.data, gpa - DATA, size, to) == 0);
            result = go_on(&s);
        }
    }
}

static volatile int mce_code, mce_lsb;
static void on_failure(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    mce_code = info->si_code, mce_lsb = info->si_addr_lsb;
    siglongjmp(escape_, 1);
}

static void poison(void)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0);
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_failure;
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);
    CHECK(convert(s.data, 0, 4 * PAGE, PRIVATE) == 0 && convert(s.data, 0, 4 * PAGE, 0) == 0);
    for (int page = 0; page < 4; ++page) {
        mce_code = mce_lsb = 0;
        int seen = look(s.window + page * PAGE);
        printf("host page %d: %s\n", page, seen != -1 ? "sound" : mce_code == BUS_MCEERR_AR && mce_lsb == 12 ? "memory failure" : "SIGBUS");
    }
    int result = do_op(&s, op(GMEM_GUEST_LOAD, SHARED_SIDE, DATA + 2 * PAGE, 8, 0));
    printf("guest page 2: %s\n", result == KVM_EXIT_HLT ? "sound" : result == -1 && errno == EHWPOISON && s.run->exit_reason == EXIT_MEMORY_FAULT ? "EHWPOISON" : "?");
    CHECK(fallocate(s.data, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4 * PAGE) == 0);
    printf("after a punch: %s\n", look(s.window + 2 * PAGE) == 0 ? "sound" : "?");
}

static void peer(void)
{
    unsigned char *host;
    int fd = new_memory(&host, PAGES * PAGE), ready[2];
    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(look(host) == 0 && write(ready[1], "x", 1) == 1);
        for (;;)
            pause();
    }
    char c;
    CHECK(read(ready[0], &c, 1) == 1);
    CHECK(convert(fd, 0, PAGE, PRIVATE) == 0); /* the dead owe nothing */
    CHECK(look(host) == -1);
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == 0) {
        usleep(300000);
        if (waitpid(child, &status, WNOHANG) == 0) {
            printf("the peer lives\n");
            kill(child, SIGTERM);
            return;
        }
    }
    printf("the peer died of signal %d\n", WTERMSIG(status));
}

static void big(void)
{
    unsigned char *host;
    int fd = new_memory(&host, 1 << 30);
    memset(host, 1, 8 << 20);
    CHECK(convert(fd, 0, 1 << 30, PRIVATE) == 0);
    CHECK(convert(fd, 0, 2 << 20, 0) == 0);
    CHECK(convert(fd, 1 << 20, 2 << 20, 0) == 0); /* half of it is shared already */
    printf("ready\n");
    fflush(stdout);
    char c;
    CHECK(read(0, &c, 1) >= 0); /* until somebody has looked */
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int n = argc > 2 ? atoi(argv[2]) : 1;
    if (strcmp(what, "convert") == 0) convert_many(n);
    else if (strcmp(what, "onward") == 0) onward(n, 0);
    else if (strcmp(what, "mixed") == 0) onward(n, 1);
    else if (strcmp(what, "once") == 0) once(n);
    else if (strcmp(what, "allocate") == 0) allocate(n);
    else if (strcmp(what, "launch") == 0) launch();
    else if (strcmp(what, "cpuid") == 0) cpuid();
    else if (strcmp(what, "tdx") == 0) tdx();
    else if (strcmp(what, "run") == 0) run(n);
    else if (strcmp(what, "poison") == 0) poison();
    else if (strcmp(what, "peer") == 0) peer();
    else if (strcmp(what, "big") == 0) big();
    else return 2;
    return 0;
}
