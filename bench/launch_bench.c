/*
 * Milliseconds of a measured launch of a 16 MiB image: "platform in_place source", medians of ROUNDS. Knows the kernel's interface only; bench/run.sh runs it under
 * `gmem run --vcpu=scripted`.
 */
#include "launch.h"

enum { IMAGE = 16 << 20, ROUNDS = 5 };

static unsigned char *image;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double snp(const void *source)
{
    struct snp_update u = { .gfn_start = 0, .uaddr = (uintptr_t)source, .len = IMAGE, .type = NORMAL };
    struct sev_init2 init;
    memset(&init, 0, sizeof init);
    CHECK(sev_call(SEV_INIT2, &init) == 0);
    double begin = now();
    CHECK(snp_start_with(POLICY) == 0 && sev_call(SNP_UPDATE, &u) == 0 && u.len == 0 && finish() == 0);
    return now() - begin;
}

static double tdx(const void *source)
{
    struct tdx_init_vm i = init_vm_of(48);
    struct tdx_region r = { (uintptr_t)source, 0, IMAGE / PAGE };
    CHECK(tdx_call(vm, TDX_INIT_VM, 0, &i) == 0);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    CHECK(vcpu >= 0 && tdx_call(vcpu, TDX_INIT_VCPU, 0, NULL) == 0);
    double begin = now();
    CHECK(tdx_call(vcpu, TDX_INIT_MEM_REGION, 1, &r) == 0 && tdx_call(vm, TDX_FINALIZE_VM, 0, NULL) == 0);
    double end = now();
    close(vcpu);
    return end - begin;
}

static double launch(int type, int in_place)
{
    vm = ioctl(kvm, KVM_CREATE_VM, type);
    int file = create(vm, IMAGE, FLAG_MMAP | FLAG_INIT_SHARED);
    unsigned char *w = map_file(file, IMAGE);
    CHECK(vm >= 0 && set_slot(vm, 0, 0, IMAGE, 0, file, 0) == 0);
    if (in_place)
        memcpy(w, image, IMAGE);
    CHECK(convert(file, 0, IMAGE, PRIVATE) == 0);
    double took = (type == SNP_VM ? snp : tdx)(in_place ? NULL : image);
    munmap(w, IMAGE), close(file), close(vm);
    return took * 1e3;
}

int main(void)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    sev = open("/dev/sev", O_RDWR | O_CLOEXEC);
    image = mmap(NULL, IMAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(kvm >= 0 && sev >= 0 && image != MAP_FAILED);
    for (size_t i = 0; i < IMAGE; ++i)
        image[i] = (unsigned char)(i * 7 + (i >> 8));
    for (int type = SNP_VM; type <= TDX_VM; ++type) {
        double took[2][ROUNDS];
        for (int r = 0; r < ROUNDS; ++r)
            took[0][r] = launch(type, 1), took[1][r] = launch(type, 0);
        qsort(took[0], ROUNDS, sizeof took[0][0], ascending), qsort(took[1], ROUNDS, sizeof took[1][0], ascending);
        printf("%s %.0f %.0f\n", type == SNP_VM ? "SNP" : "TDX", took[0][ROUNDS / 2], took[1][ROUNDS / 2]);
    }
    return 0;
}
