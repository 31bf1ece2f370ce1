/* O_DIRECT holds its buffer while the call lasts, which fake_device.c makes long. Exit 0, 1 with the line, or 77: no such files here. */
#include "tests/unmodified/pins.h"

#include <pthread.h>

static int orders, file, other;

static void answer(unsigned char state) { CHECK(pwrite(orders, &state, 1, 1) == 1); }

static void until_it_reads(void)
{
    unsigned char state = 0;
    while (pread(orders, &state, 1, 1) == 1 && state != 2)
        usleep(1000);
    CHECK(state == 2);
}

static void *slow_read(void *fd)
{
    CHECK(pread(*(int *)fd, at(10), 3 * PAGE, 0) == 3 * PAGE);
    return NULL;
}

static void during(int *fd, int held)
{
    pthread_t thread;
    answer(0);
    memset(at(10), 0, 3 * PAGE);
    CHECK(pthread_create(&thread, NULL, slow_read, fd) == 0);
    until_it_reads();
    if (held)
        expect_held(10, 3);
    else
        expect_free();
    answer(0);
    CHECK(pthread_join(thread, NULL) == 0);
    expect_free();
    CHECK(*at(10) == 'a' && *at(11) == 'b' && *at(12) == 'c');
}

int main(void)
{
    char name[] = "direct-XXXXXX";
    orders = open(getenv("FAKE_DEVICE"), O_RDWR);
    CHECK(orders >= 0);
    begin();
    other = mkstemp(name);
    file = open(name, O_RDWR | O_DIRECT);
    unlink(name);
    if (other >= 0 && file < 0) {
        printf("skipped: no O_DIRECT in this folder\n");
        return 77;
    }
    for (int page = 0; page < 3; ++page)
        memset(at(page + 2), 'a' + page, PAGE);
    struct iovec *volatile nowhere = (struct iovec *)8;
    struct iovec parts[2] = { { at(2), PAGE }, { at(3), 2 * PAGE } };
    CHECK(pwritev(file, parts, 2, 0) == 3 * PAGE);
    CHECK(pwritev(file, nowhere, 2, 0) == -1 && errno == EFAULT);
    expect_free();
    during(&file, 1);
    during(&other, 0);
    CHECK(convert_range(gmem_fd, 20 * PAGE, PAGE, 8) == 0);
    CHECK(pread(file, at(20), PAGE, 0) == -1 && errno == EFAULT);
    CHECK(convert_range(gmem_fd, 20 * PAGE, PAGE, 0) == 0);
    expect_free();
    return 0;
}
