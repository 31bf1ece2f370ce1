/*
 * A guest without a VM through the C interface alone: each platform's requests and instructions, and accesses on either side of a page. Exit 0; 1 with the line.
 */
#include "gmem/guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, PAGES = 64 };
#define CHECK(x)                                                             \
    do {                                                                     \
        if (!(x)) {                                                          \
            fprintf(stderr, "line %d: %s\n", __LINE__, #x);                  \
            exit(1);                                                         \
        }                                                                    \
    } while (0)

static gmem_file *g;
static gmem_guest *v;
static unsigned char *window;
static struct gmem_guest_op op;
static struct gmem_guest_exit out;

static void begin(enum gmem_platform platform, const char *options)
{
    void *at;
    CHECK(gmem_create_trusted(PAGES * PAGE, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, platform, options, &g) == 0);
    gmem_finish_launch(g);
    CHECK(gmem_map(g, 0, PAGES * PAGE, PROT_READ | PROT_WRITE, &at) == 0 && gmem_guest_create(g, &v) == 0);
    window = at;
}
static void end(void)
{
    char text[128];
    CHECK(gmem_audit(g, text, sizeof text) == 0);
    gmem_destroy(g); /* the guest holds on to it */
    gmem_guest_destroy(v);
    CHECK(gmem_unmap(window, PAGES * PAGE) == 0);
}

/* Begins an operation: the reason of its exit, or 0. */
static int does(uint32_t opcode, uint32_t flags, uint64_t gpa, uint64_t size, uint64_t value)
{
    memset(&op, 0, sizeof op);
    op.opcode = opcode, op.flags = flags, op.gpa = gpa, op.size = size, op.value = value;
    op.result = op.status = 0x5a5a;
    int error = gmem_guest_do(v, &op, &out);
    return error < 0 ? error : (int)out.reason;
}
static int answers(uint64_t answer)
{
    out.answer = answer;
    int error = gmem_guest_do(v, &op, &out);
    return error < 0 ? error : (int)out.reason;
}
static int loads(uint32_t side, uint64_t gpa) { return does(GMEM_GUEST_LOAD, side, gpa, 8, 0); }
static int stores(uint32_t side, uint64_t gpa, uint64_t value) { return does(GMEM_GUEST_STORE, side, gpa, 8, value); }
static int faulted(uint64_t gpa, uint64_t size, uint64_t flags) { return out.reason == GMEM_GUEST_EXIT_MEMORY_FAULT && out.error == EFAULT && out.gpa == gpa && out.size == size && out.flags == flags; }
static int asked_to_map(uint64_t gpa, uint64_t pages, uint64_t attributes) { return out.nr == 12 && out.arguments[0] == gpa && out.arguments[1] == pages && out.arguments[2] == attributes; }
static int convert(uint64_t gpa, uint64_t size, enum gmem_attribute to) { return gmem_convert(g, gpa, size, to, NULL); }

static void snp(void)
{
    uint64_t at = 3 * PAGE;
    begin(GMEM_SNP, "");
    CHECK(stores(0, at, 7) == GMEM_GUEST_DONE && window[at] == 7);
    loads(GMEM_GUEST_PRIVATE, at + 8);
    CHECK(faulted(at, PAGE, GMEM_PRIVATE)); /* the C-bit, and the page is shared */
    CHECK(does(GMEM_GUEST_PSC_MSR, 0, 0, 0, UINT64_C(1) << 52 | at | 0x014) == GMEM_GUEST_EXIT_HYPERCALL && asked_to_map(at, 1, 16));
    CHECK(answers(EINVAL) == GMEM_GUEST_DONE && op.result == (UINT64_C(1) << 63 | 0x015)); /* the caller would not */
    CHECK(does(GMEM_GUEST_PSC_MSR, 0, 0, 0, UINT64_C(1) << 52 | at | 0x014) == GMEM_GUEST_EXIT_HYPERCALL);
    CHECK(convert(at, PAGE, GMEM_PRIVATE) == 0 && answers(0) == GMEM_GUEST_DONE && op.result == 0x015);
    CHECK(loads(GMEM_GUEST_PRIVATE, at) == GMEM_GUEST_DONE && op.status == GMEM_GUEST_EXCEPTION + GMEM_GUEST_VC); /* not validated */
    CHECK(does(GMEM_GUEST_PVALIDATE, 0, at, 0, 0) == GMEM_GUEST_DONE && op.status == 0 && op.result == 0);
    CHECK(does(GMEM_GUEST_PVALIDATE, 0, at, 0, 0) == GMEM_GUEST_DONE && op.status == 0 && op.result == 1); /* it was already */
    CHECK(loads(GMEM_GUEST_PRIVATE, at) == GMEM_GUEST_DONE && op.status == 0 && op.result != 7);           /* Dec(the host's) */
    CHECK(stores(GMEM_GUEST_PRIVATE, at, 0xfeed) == GMEM_GUEST_DONE && loads(GMEM_GUEST_PRIVATE, at) == GMEM_GUEST_DONE && op.result == 0xfeed);
    loads(0, at);
    CHECK(faulted(at, PAGE, 0)); /* no C-bit, and the page is private */
    CHECK(convert(at, PAGE, GMEM_SHARED) == 0 && loads(0, at) == GMEM_GUEST_DONE && op.result != 0xfeed); /* Enc(the guest's) */
    uint64_t word;
    memcpy(&word, window + at, 8);
    CHECK(op.result == word);

    /* A list of changes lies in a shared page. */
    struct gmem_guest_psc list = { .cur_entry = 0, .end_entry = 1, .entries = { GMEM_GUEST_PSC_ENTRY(8 * PAGE, 1, 0), GMEM_GUEST_PSC_ENTRY(20 * PAGE, 1, 0) } };
    memcpy(window, &list, sizeof list);
    CHECK(does(GMEM_GUEST_PSC_NAE, 0, 0, 0, 0) == GMEM_GUEST_EXIT_HYPERCALL && asked_to_map(8 * PAGE, 1, 16));
    CHECK(convert(8 * PAGE, PAGE, GMEM_PRIVATE) == 0 && answers(0) == GMEM_GUEST_EXIT_HYPERCALL && asked_to_map(20 * PAGE, 1, 16));
    CHECK(convert(20 * PAGE, PAGE, GMEM_PRIVATE) == 0 && answers(0) == GMEM_GUEST_DONE && op.status == 0);
    CHECK(does(GMEM_GUEST_TD_ACCEPT, 0, at, 0, 0) == GMEM_GUEST_DONE && op.status == GMEM_GUEST_UNDEFINED); /* another platform's */

    /* Ranges, over pages of both sides. */
    CHECK(does(GMEM_GUEST_FILL, GMEM_GUEST_EITHER, 40 * PAGE, 3 * PAGE, 9) == GMEM_GUEST_DONE && op.result == 3 * PAGE);
    CHECK(does(GMEM_GUEST_CHECK, GMEM_GUEST_EITHER, 40 * PAGE, 3 * PAGE, 9) == GMEM_GUEST_DONE && op.result == 3 * PAGE);
    CHECK(convert(41 * PAGE, PAGE, GMEM_PRIVATE) == 0);
    does(GMEM_GUEST_FILL, 0, 40 * PAGE, 3 * PAGE, 9);
    CHECK(faulted(41 * PAGE, PAGE, 0));

    /* Beyond the end there is a device; and what is no operation. */
    CHECK(loads(0, PAGES * PAGE) == GMEM_GUEST_EXIT_MMIO && out.gpa == PAGES * PAGE && out.size == 8 && answers(0x1234) == GMEM_GUEST_DONE && op.result == 0x1234);
    CHECK(stores(0, PAGES * PAGE, 0x77) == GMEM_GUEST_EXIT_MMIO && out.answer == 0x77 && answers(0) == GMEM_GUEST_DONE);
    CHECK(does(GMEM_GUEST_HALT, 0, 0, 0, 0) == GMEM_GUEST_EXIT_HLT && does(999, 0, 0, 0, 0) == GMEM_GUEST_EXIT_SHUTDOWN && does(GMEM_GUEST_JUMP, 0, 0, 0, 0) == -EINVAL);
    CHECK(loads(0, at) == GMEM_GUEST_DONE);
    end();
}

static void tdx(void)
{
    uint64_t at = 5 * PAGE;
    begin(GMEM_TDX, "tdx-pending=guest-exception");
    memset(window + at, 7, PAGE);
    CHECK(does(GMEM_GUEST_TD_MAPGPA, GMEM_GUEST_PRIVATE, at, 2 * PAGE, 0) == GMEM_GUEST_EXIT_HYPERCALL && asked_to_map(at, 2, 16));
    CHECK(answers(EAGAIN) == GMEM_GUEST_DONE && op.status == 1 && op.result == at); /* retry, from here */
    CHECK(does(GMEM_GUEST_TD_MAPGPA, GMEM_GUEST_PRIVATE, at, 2 * PAGE, 0) == GMEM_GUEST_EXIT_HYPERCALL && convert(at, 2 * PAGE, GMEM_PRIVATE) == 0);
    CHECK(answers(0) == GMEM_GUEST_DONE && op.status == 0);
    CHECK(loads(GMEM_GUEST_PRIVATE, at) == GMEM_GUEST_DONE && op.status == GMEM_GUEST_EXCEPTION + GMEM_GUEST_VE);
    CHECK(does(GMEM_GUEST_TD_ACCEPT, 0, at, 0, 0) == GMEM_GUEST_DONE && op.status == 0);
    CHECK(does(GMEM_GUEST_TD_ACCEPT, 0, at, 0, 0) == GMEM_GUEST_DONE && op.status == UINT64_C(0x00000B0A00000000));
    CHECK(loads(GMEM_GUEST_PRIVATE, at) == GMEM_GUEST_DONE && op.status == 0 && op.result == 0);
    end();

    begin(GMEM_TDX, ""); /* KVM gives the VM up */
    CHECK(convert(at, PAGE, GMEM_PRIVATE) == 0 && loads(GMEM_GUEST_PRIVATE, at) == -EIO && loads(0, 0) == -EIO);
    end();
}

static void pkvm(void)
{
    uint64_t at = 6 * PAGE, word;
    begin(GMEM_PKVM, "pkvm-unsolicited=refused");
    CHECK(convert(at, PAGE, GMEM_PRIVATE) == -EPERM);
    CHECK(gmem_guest_request(g, at, PAGE, GMEM_PRIVATE) == 0 && convert(at, PAGE, GMEM_PRIVATE) == 0);
    CHECK(stores(GMEM_GUEST_PRIVATE, at, 0xfeed) == GMEM_GUEST_DONE && convert(at, PAGE, GMEM_SHARED) == -EPERM);
    CHECK(does(GMEM_GUEST_MEM_SHARE, 0, at, 0, 1) == GMEM_GUEST_DONE && op.status == (uint64_t)-3); /* an argument that must be 0 */
    CHECK(does(GMEM_GUEST_MEM_SHARE, 0, at, 0, 0) == GMEM_GUEST_EXIT_HYPERCALL && out.nr == 0xC6000003 && out.arguments[0] == at && out.arguments[1] == PAGE);
    CHECK(convert(at, PAGE, GMEM_SHARED) == 0 && answers(0) == GMEM_GUEST_DONE && op.status == 0);
    memcpy(&word, window + at, 8);
    CHECK(word == 0xfeed && loads(0, at) == GMEM_GUEST_DONE && op.result == 0xfeed && convert(at, PAGE, GMEM_PRIVATE) == -EPERM);
    CHECK(does(GMEM_GUEST_MEM_UNSHARE, 0, at, 0, 0) == GMEM_GUEST_EXIT_HYPERCALL && out.nr == 0xC6000004);
    CHECK(convert(at, PAGE, GMEM_PRIVATE) == 0 && answers(0) == GMEM_GUEST_DONE && op.status == 0);
    CHECK(loads(GMEM_GUEST_PRIVATE, at) == GMEM_GUEST_DONE && op.result == 0xfeed && convert(at, PAGE, GMEM_SHARED) == -EPERM);
    end();
}

static void cca(void)
{
    uint64_t at = 7 * PAGE;
    begin(GMEM_CCA, "");
    does(GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_PRIVATE, at, 0, at + 2 * PAGE);
    CHECK(faulted(at, 2 * PAGE, GMEM_PRIVATE) && convert(at, 2 * PAGE, GMEM_PRIVATE) == 0 && answers(0) == GMEM_GUEST_DONE && op.status == 0 && op.result == at + 2 * PAGE);
    CHECK(stores(GMEM_GUEST_PRIVATE, at, 0xfeed) == GMEM_GUEST_DONE && op.status == 0);
    does(GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_DESTROYED_TOO, at, 0, at + PAGE);
    CHECK(faulted(at, PAGE, 0) && convert(at, PAGE, GMEM_SHARED) == 0 && answers(0) == GMEM_GUEST_DONE && op.result == at + PAGE);
    CHECK(loads(0, at) == GMEM_GUEST_DONE && op.result == 0 && window[at] == 0); /* wiped */
    does(GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_PRIVATE, at, 0, at + PAGE);
    CHECK(out.reason == GMEM_GUEST_EXIT_MEMORY_FAULT && answers(0) == GMEM_GUEST_DONE && op.result == (at | 1)); /* the caller did not convert: rejected */
    end();
}

int main(void)
{
    gmem_guest_destroy(NULL);
    snp();
    tdx();
    pkvm();
    cca();
    return 0;
}
