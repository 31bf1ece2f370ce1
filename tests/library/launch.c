/*
 * A launch through the C interface alone: no ioctl, no KVM. launch CASE prints the measurement in hexadecimal; launch_digests.sh compares it with the vectors and with
 * `gmem measure`. Without a CASE: what is refused, and what becomes of the pages. Exit 0; 1 with the line.
 */
#include "gmem/gmem.h"
#include "gmem/realm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, MEGA = 1 << 20, PAGES = 512 };
#define CHECK(x)                                                             \
    do {                                                                     \
        if (!(x)) {                                                          \
            fprintf(stderr, "line %d: %s\n", __LINE__, #x);                  \
            exit(1);                                                         \
        }                                                                    \
    } while (0)

static unsigned char p[2 * PAGE] __attribute__((aligned(PAGE))), cpuid[PAGE] __attribute__((aligned(PAGE))), vmsa[PAGE] __attribute__((aligned(PAGE)));
static gmem_file *g;
static gmem_launch *l;
static unsigned char *window;

/* The vectors' page p, and q behind it. */
static void pattern(unsigned char *page, unsigned seed)
{
    for (unsigned i = 0; i < PAGE; ++i)
        page[i] = (unsigned char)(i * 7 + seed + (i >> 8));
}

static void begin(enum gmem_platform platform, const struct gmem_realm_parameters *realm)
{
    void *at;
    CHECK(gmem_create_trusted(PAGES * PAGE, GMEM_FLAG_MMAP, platform, NULL, &g) == 0);
    CHECK(gmem_map(g, 0, PAGES * PAGE, PROT_READ | PROT_WRITE, &at) == 0);
    window = at;
    CHECK(gmem_launch_begin(g, realm, &l) == 0);
    if (platform == GMEM_TDX)
        CHECK(gmem_launch_add_vcpu(l, NULL, 0) == 0);
}

static int add(enum gmem_launch_page type, uint64_t at, uint64_t pages, void *source)
{
    uint64_t done = 77;
    int result = gmem_launch_add(l, type, at, pages * PAGE, source, &done);
    CHECK(result != 0 ? done < pages * PAGE : done == pages * PAGE);
    return result;
}

/* The bytes are put where the guest will find them, through the host's window. */
static void write_in_place(uint64_t at, const void *bytes, size_t size)
{
    CHECK(gmem_convert(g, at, size, GMEM_SHARED, NULL) == 0);
    memcpy(window + at, bytes, size);
    CHECK(gmem_convert(g, at, size, GMEM_PRIVATE, NULL) == 0);
}

static void print(void)
{
    unsigned char digest[64];
    unsigned char before[64];
    int size = gmem_launch_measurement(l, before, sizeof before);
    CHECK(gmem_launch_finish(l) == 0);
    CHECK(gmem_launch_measurement(l, digest, sizeof digest) == size && memcmp(digest, before, (size_t)size) == 0);
    for (int i = 0; i < size; ++i)
        printf("%02x", digest[i]);
    printf("\n");
}

static void snp(const char *which)
{
    begin(GMEM_SNP, NULL);
    if (strcmp(which, "snp-zero") == 0)
        CHECK(add(GMEM_LAUNCH_ZERO, 0x1000, 1, NULL) == 0);
    if (strcmp(which, "snp-in-place") == 0) {
        write_in_place(MEGA, p, PAGE);
        CHECK(add(GMEM_LAUNCH_MEASURED, MEGA, 1, NULL) == 0);
    }
    if (strcmp(which, "snp-mix") == 0) {
        CHECK(add(GMEM_LAUNCH_MEASURED, MEGA, 2, p) == 0 && add(GMEM_LAUNCH_ZERO, MEGA + 0x2000, 1, NULL) == 0 && add(GMEM_LAUNCH_UNMEASURED, MEGA + 0x3000, 1, p) == 0);
        CHECK(add(GMEM_LAUNCH_SECRETS, MEGA + 0x4000, 1, NULL) == 0 && add(GMEM_LAUNCH_CPUID, MEGA + 0x5000, 1, cpuid) == 0);
        CHECK(gmem_launch_add_vcpu(l, vmsa, PAGE) == 0);
    }
    print();
}

static void tdx(const char *which)
{
    begin(GMEM_TDX, NULL);
    if (strcmp(which, "tdx-add") == 0)
        CHECK(add(GMEM_LAUNCH_UNMEASURED, MEGA, 1, p) == 0);
    if (strcmp(which, "tdx-in-place") == 0) {
        write_in_place(MEGA, p, PAGE);
        CHECK(add(GMEM_LAUNCH_MEASURED, MEGA, 1, NULL) == 0);
    }
    if (strcmp(which, "tdx-two") == 0)
        CHECK(add(GMEM_LAUNCH_MEASURED, MEGA, 2, p) == 0);
    print();
}

static void cca(const char *which)
{
    struct gmem_realm_parameters realm = { .flags = 4, .s2sz = 40, .sve_vl = 3, .num_bps = 5, .num_wps = 2, .pmu_num_ctrs = 6, .hash_algo = GMEM_REALM_SHA512 };
    struct gmem_realm_rec rec = { GMEM_REALM_RUNNABLE, 0x100000, { 1, 2, 3, 4, 5, 6, 7, 8 } };
    int usual = strcmp(which, "cca") == 0;
    begin(GMEM_CCA, usual ? NULL : &realm);
    CHECK(add(GMEM_LAUNCH_MEASURED, MEGA, 1, p) == 0 && add(GMEM_LAUNCH_UNMEASURED, MEGA + PAGE, 1, p + PAGE) == 0);
    CHECK(gmem_launch_add_vcpu(l, &rec, sizeof rec) == 0);
    rec.flags = 0; /* is not measured */
    CHECK(gmem_launch_add_vcpu(l, &rec, sizeof rec) == 0);
    print();
}

static void guest_finds(uint64_t at, const void *bytes)
{
    unsigned char found[PAGE];
    CHECK(gmem_guest_read(g, at, found, PAGE) == 0 && memcmp(found, bytes, PAGE) == 0);
}

static void snp_is_strict(void)
{
    unsigned char digest[64], first[64];
    begin(GMEM_SNP, NULL);
    CHECK(gmem_launch_measurement(l, digest, 0) == 48);
    CHECK(gmem_convert(g, 8 * PAGE, PAGE, GMEM_SHARED, NULL) == 0);
    CHECK(add(GMEM_LAUNCH_MEASURED, 8 * PAGE, 1, p) == -EINVAL);                  /* shared */
    CHECK(add(GMEM_LAUNCH_MEASURED, 100, 1, p) == -EINVAL && add(GMEM_LAUNCH_MEASURED, PAGES * PAGE, 1, p) == -EINVAL);
    CHECK(gmem_launch_add(l, GMEM_LAUNCH_MEASURED, 0, 0, p, NULL) == -EINVAL);
    CHECK(add(GMEM_LAUNCH_MEASURED, 0, 1, p + 8) == -EINVAL && add((enum gmem_launch_page)5, 0, 1, p) == -EINVAL);
    CHECK(add(GMEM_LAUNCH_MEASURED, 0, 1, window) == -EFAULT);                    /* a private page is no memory of the host */
    CHECK(gmem_launch_add_vcpu(l, p, 100) == -EINVAL && gmem_launch_add_vcpu(l, NULL, 0) == -EINVAL);
    CHECK(gmem_launch_measurement(l, first, sizeof first) == 48);
    for (int i = 0; i < 48; ++i)
        CHECK(first[i] == 0); /* nothing of that counts */

    /* The pages before one that cannot be added have been. */
    uint64_t done;
    CHECK(add(GMEM_LAUNCH_MEASURED, 7 * PAGE, 1, p) == 0 && add(GMEM_LAUNCH_MEASURED, 7 * PAGE, 1, p) == -EEXIST);
    CHECK(gmem_launch_add(l, GMEM_LAUNCH_MEASURED, 6 * PAGE, 2 * PAGE, p, &done) == -EEXIST && done == PAGE);

    /* A table with a feature that the processor has not: corrected where it came from, and then accepted. */
    uint32_t bad[] = { 1, 0, 0, 0, /* leaf */ 7, 0, 0, 0, 0, 0, /* eax to edx */ 0, 0xffffffff, 0, 0 };
    memcpy(cpuid, bad, sizeof bad);
    CHECK(gmem_launch_measurement(l, first, sizeof first) == 48);
    CHECK(add(GMEM_LAUNCH_CPUID, 9 * PAGE, 1, cpuid) == -EIO && memcmp(cpuid, bad, sizeof bad) != 0);
    CHECK(gmem_launch_measurement(l, digest, sizeof digest) == 48 && memcmp(digest, first, 48) == 0);
    CHECK(add(GMEM_LAUNCH_CPUID, 9 * PAGE, 1, cpuid) == 0);
    CHECK(gmem_launch_measurement(l, digest, sizeof digest) == 48 && memcmp(digest, first, 48) != 0);

    CHECK(gmem_launch_finish(l) == 0 && gmem_launch_finish(l) == -EINVAL);
    CHECK(add(GMEM_LAUNCH_MEASURED, 20 * PAGE, 1, p) == -EINVAL && gmem_launch_add_vcpu(l, vmsa, PAGE) == -EINVAL);
    gmem_launch *again;
    CHECK(gmem_launch_begin(g, NULL, &again) == -EINVAL);
    guest_finds(7 * PAGE, p);
    guest_finds(9 * PAGE, cpuid);
    CHECK(strcmp(gmem_page_state(g, 7 * PAGE), "GUEST_VALID") == 0);
    CHECK(gmem_convert(g, 7 * PAGE, PAGE, GMEM_SHARED, NULL) == 0 && memcmp(window + 7 * PAGE, p, PAGE) != 0); /* ciphertext */
}

static void tdx_is_strict(void)
{
    begin(GMEM_TDX, NULL);
    CHECK(gmem_launch_add_vcpu(l, p, 8) == -EINVAL && add(GMEM_LAUNCH_ZERO, 0, 1, NULL) == -EINVAL);
    CHECK(add(GMEM_LAUNCH_MEASURED, 0, 1, p) == 0 && add(GMEM_LAUNCH_MEASURED, 0, 1, p) == -EIO);
    CHECK(gmem_guest_touch(g, PAGE) == -EIO); /* no AUG before the end */
    CHECK(gmem_launch_finish(l) == 0);
    guest_finds(0, p);
    gmem_launch_end(l);

    gmem_destroy(g);
    CHECK(gmem_create_trusted(PAGES * PAGE, 0, GMEM_TDX, NULL, &g) == 0 && gmem_launch_begin(g, NULL, &l) == 0);
    CHECK(add(GMEM_LAUNCH_MEASURED, 0, 1, p) == -EINVAL && gmem_launch_finish(l) == -EIO); /* no vCPU */
}

static void cca_is_strict(void)
{
    struct gmem_realm_parameters realm = { .s2sz = 31 };
    CHECK(gmem_create_trusted(PAGES * PAGE, 0, GMEM_CCA, NULL, &g) == 0);
    CHECK(gmem_launch_begin(g, &realm, &l) == -ENXIO);
    realm.s2sz = 40, realm.hash_algo = 2;
    CHECK(gmem_launch_begin(g, &realm, &l) == -EINVAL);
    realm.hash_algo = 0, realm.reserved[1] = 1;
    CHECK(gmem_launch_begin(g, &realm, &l) == -EINVAL);
    gmem_destroy(g);

    struct gmem_realm_rec rec = { 2, 0, { 0 } };
    begin(GMEM_CCA, NULL);
    CHECK(gmem_launch_add_vcpu(l, &rec, sizeof rec) == -EINVAL && gmem_launch_add_vcpu(l, &rec, 8) == -EINVAL);
    CHECK(add(GMEM_LAUNCH_MEASURED, 0, 1, NULL) == -EOPNOTSUPP && add(GMEM_LAUNCH_CPUID, 0, 1, cpuid) == -EINVAL);
    CHECK(add(GMEM_LAUNCH_MEASURED, 0, 1, p) == 0 && add(GMEM_LAUNCH_MEASURED, 0, 1, p) == -ENXIO);
    CHECK(gmem_launch_finish(l) == 0);
    guest_finds(0, p);
}

int main(int argc, char **argv)
{
    pattern(p, 0), pattern(p + PAGE, 1), pattern(vmsa, 0);
    memset(vmsa + 0x2f0, 0, 16); /* the two TSC fields, which the firmware reads as zeros */
    if (argc == 2) {
        (strncmp(argv[1], "snp", 3) == 0 ? snp : strncmp(argv[1], "tdx", 3) == 0 ? tdx : cca)(argv[1]);
    } else {
        gmem_launch *none;
        CHECK(gmem_create_trusted(PAGES * PAGE, 0, GMEM_PKVM, NULL, &g) == 0 && gmem_launch_begin(g, NULL, &none) == -EINVAL);
        gmem_destroy(g);
        CHECK(gmem_create_trusted(PAGES * PAGE, 0, GMEM_SNP, NULL, &g) == 0);
        CHECK(gmem_launch_begin(g, &(struct gmem_realm_parameters) { .s2sz = 48 }, &none) == -EINVAL); /* another platform's */
        gmem_destroy(g);
        gmem_launch_end(NULL);
        void (*const each[])(void) = { snp_is_strict, tdx_is_strict, cca_is_strict };
        for (unsigned i = 0; i < 3; ++i) {
            each[i]();
            gmem_destroy(g); /* the launch holds on to it */
            gmem_launch_end(l);
        }
    }
    return 0;
}
