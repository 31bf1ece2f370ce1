/*
 * What a program sees of a guest_memfd and its windows, one line an observation. Knows the kernel's interface and libc only, so that it
 * runs on the running kernel's own guest_memfd and under gmem; second_opinion.sh compares the lines. A VM of the default type: what
 * both have. Exit 77: no guest_memfd that can be mapped here.
 */
#include "tests/support/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096L
#define SIZE (16 * PAGE)

static sigjmp_buf escape;
static volatile siginfo_t seen;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)context;
    *(siginfo_t *)(uintptr_t)&seen = *info;
    siglongjmp(escape, number);
}

/* The value, or -signal*10-code. */
static int touch(char *p)
{
    int number = sigsetjmp(escape, 1);
    if (number)
        return -number * 10 - (seen.si_addr == (void *)p ? seen.si_code : 9);
    return *(volatile char *)p;
}

static const char *kind; /* which of the two files the observations are about */
static int number_of_section;

static void say(const char *what, long result, int err)
{
    if (result == -1)
        printf("%d %s %s = -1 %s\n", number_of_section, kind, what, strerrorname_np(err));
    else
        printf("%d %s %s = %ld\n", number_of_section, kind, what, result);
    fflush(stdout);
}
#define SEE(call)                      \
    do {                               \
        errno = 0;                     \
        long result_ = (long)(call);   \
        say(#call, result_, errno);    \
    } while (0)
/* Only whether it worked: the value is an address or a descriptor. */
#define SEE_OK(call)                                         \
    do {                                                     \
        errno = 0;                                           \
        long result_ = (long)(call);                         \
        say(#call, result_ == -1 ? -1 : 0, errno);           \
    } while (0)

static char byte, bytes[64];
static struct iovec part = { bytes, 8 };

static void as_a_file(int fd)
{
    number_of_section = 1;
    struct stat s;
    SEE(fstat(fd, &s));
    SEE(s.st_mode);
    SEE(s.st_size);
    SEE(s.st_blocks);
    SEE(s.st_blksize);
    SEE(s.st_uid);
    SEE(s.st_nlink);
    SEE(s.st_rdev);
    memset(&s, 0, sizeof s);
    SEE(fstatat(fd, "", &s, AT_EMPTY_PATH));
    SEE(s.st_mode);
    SEE(s.st_blocks);
    memset(&s, 0, sizeof s);
    SEE(syscall(SYS_newfstatat, fd, "", &s, AT_EMPTY_PATH));
    SEE(s.st_mode);
    struct statx x;
    SEE(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x));
    SEE(x.stx_mode);
    SEE(x.stx_blocks);
    SEE(x.stx_blksize);
    memset(&x, 0, sizeof x);
    SEE(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x));
    SEE(x.stx_mode);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    memset(&s, 0, sizeof s);
    SEE(stat(path, &s));
    SEE(s.st_mode);
    SEE(s.st_blksize);
    struct statfs f;
    memset(&f, 0, sizeof f);
    SEE(fstatfs(fd, &f));
    SEE(f.f_type);
    SEE(f.f_bsize);
    memset(&f, 0, sizeof f);
    SEE(statfs(path, &f));
    SEE(f.f_type);

    SEE(read(fd, bytes, 8));
    SEE(read(fd, bytes, 0));
    SEE(write(fd, bytes, 8));
    SEE(write(fd, bytes, 0));
    SEE(pread(fd, bytes, 8, 0));
    SEE(pread(fd, bytes, 8, -1));
    SEE(pwrite(fd, bytes, 8, 0));
    SEE(readv(fd, &part, 1));
    SEE(writev(fd, &part, 1));
    SEE(preadv(fd, &part, 1, 0));
    SEE(pwritev(fd, &part, 1, 0));
    SEE(preadv2(fd, &part, 1, 0, 0));
    SEE(preadv2(fd, &part, 1, -1, 0));
    SEE(pwritev2(fd, &part, 1, 0, 0));
    SEE(pwritev2(fd, &part, 1, -1, 0));
    SEE(syscall(SYS_preadv, fd, &part, 1, 0, 0));
    SEE(syscall(SYS_pwritev2, fd, &part, 1, -1, -1, 0));
    SEE(lseek(fd, 0, SEEK_SET));
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(lseek(fd, 0, SEEK_END));
    SEE(lseek(fd, 0, SEEK_DATA));
    SEE(lseek(fd, 0, SEEK_HOLE));
    SEE(lseek(fd, 0, 77));

    SEE(ftruncate(fd, 0));
    SEE(ftruncate(fd, SIZE));
    SEE(ftruncate(fd, -1));
    SEE(truncate(path, 0));
    SEE(truncate(path, SIZE));
    SEE(fchmod(fd, 0644));
    SEE(chmod(path, 0644));
    SEE(fchmodat(AT_FDCWD, path, 0644, 0));
    SEE(fchown(fd, 0, 0));
    SEE(chown(path, 0, 0));
    SEE(fchownat(fd, "", 0, 0, AT_EMPTY_PATH));
    SEE(futimens(fd, NULL));
    SEE(futimes(fd, NULL));
    SEE(utimensat(AT_FDCWD, path, NULL, 0));
    SEE(syscall(SYS_utimensat, fd, NULL, NULL, 0));
    SEE(fsync(fd));
    SEE(fdatasync(fd));
    SEE(syncfs(fd));
    SEE(sync_file_range(fd, 0, PAGE, SYNC_FILE_RANGE_WRITE));
    SEE(posix_fadvise(fd, 0, PAGE, POSIX_FADV_DONTNEED));
    SEE(posix_fadvise(fd, 0, PAGE, POSIX_FADV_WILLNEED));
    SEE(posix_fadvise(fd, 0, PAGE, 99));
    SEE(readahead(fd, 0, PAGE));
    SEE(fallocate(fd, 0, 0, PAGE));
    SEE(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, PAGE));
    SEE(fallocate(fd, FALLOC_FL_KEEP_SIZE, 1, PAGE));
    SEE(fallocate(fd, FALLOC_FL_KEEP_SIZE, SIZE, PAGE));
    SEE(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 2 * SIZE));
    SEE(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, SIZE, SIZE));
    SEE(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE, 0, PAGE));
    SEE(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 0));
    SEE(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, -PAGE, PAGE));
    SEE(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE));
    SEE(posix_fallocate(fd, 0, PAGE));

    SEE(flock(fd, LOCK_EX | LOCK_NB));
    SEE(flock(fd, LOCK_UN));
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = PAGE };
    SEE(fcntl(fd, F_SETLK, &lock));
    SEE(fcntl(fd, F_GETLK, &lock));
    SEE(lock.l_type);
    lock.l_type = F_WRLCK;
    lock.l_pid = 0;
    SEE(fcntl(fd, F_OFD_SETLK, &lock));
    lock.l_type = F_UNLCK;
    SEE(fcntl(fd, F_SETLKW, &lock));
    SEE(lockf(fd, F_TLOCK, PAGE));
    SEE(lockf(fd, F_ULOCK, PAGE));
    SEE(fcntl(fd, F_GETLEASE));
    SEE(fcntl(fd, F_SETLEASE, F_RDLCK));
    SEE(fcntl(fd, F_SETLEASE, F_UNLCK));
    SEE(fcntl(fd, F_NOTIFY, DN_ACCESS));
    SEE(fcntl(fd, F_GETPIPE_SZ));
    SEE(fcntl(fd, F_SETPIPE_SZ, 4096));
    SEE(fcntl(fd, F_GETFL));
    SEE(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK));
    SEE(fcntl(fd, F_GETFL));
    SEE(fcntl(fd, F_SETFL, O_APPEND));
    SEE(fcntl(fd, F_GETFL));
    SEE(fcntl(fd, F_SETFL, O_DIRECT));
    SEE(fcntl(fd, F_SETFL, O_ASYNC));
    SEE(fcntl(fd, F_SETFL, 0));
    SEE(fcntl(fd, F_GETFD));
    SEE(fcntl(fd, F_SETFD, FD_CLOEXEC));
    SEE(fcntl(fd, F_GETFD));
    SEE(fcntl(fd, F_SETFD, 0));
    SEE(fcntl(fd, F_GETOWN));
    SEE(fcntl(fd, F_SETOWN, getpid()));
    SEE(fcntl(fd, F_GETOWN) == getpid());
    SEE(fcntl(fd, F_SETOWN, 0));
    SEE(fcntl(fd, F_GETSIG));
    SEE(fcntl(fd, F_SETSIG, 0));
    SEE(fcntl(fd, 1033 /* F_ADD_SEALS */, 1));
    SEE(fcntl(fd, 1034 /* F_GET_SEALS */));
    uint64_t hint = 0;
    SEE(fcntl(fd, 1035 /* F_GET_RW_HINT */, &hint));
    SEE(fcntl(fd, 9999));
    SEE(ioctl(fd, 0x541Bul /* FIONREAD */, &byte));
    int one = 0;
    SEE(ioctl(fd, 0x5421ul /* FIONBIO */, &one));
    SEE(ioctl(fd, 0x5451ul /* FIOCLEX */));
    SEE(fcntl(fd, F_GETFD));
    SEE(ioctl(fd, 0x5450ul /* FIONCLEX */));
    SEE(fcntl(fd, F_GETFD));
    SEE(ioctl(fd, 0x5401ul /* TCGETS */, bytes));
    SEE(ioctl(fd, 0x80086601ul /* FS_IOC_GETFLAGS */, &hint));
    SEE(ioctl(fd, 2ul /* FIGETBSZ */, &one));
    SEE(ioctl(fd, 0xAE03ul, 1ul));
    SEE(isatty(fd));
    SEE(fgetxattr(fd, "user.x", bytes, 8));
    SEE(fsetxattr(fd, "user.x", bytes, 8, 0));
    SEE(fsetxattr(fd, "trusted.x", bytes, 8, 0));
    SEE(flistxattr(fd, bytes, 0));
    SEE(fchdir(fd));
    SEE(syscall(SYS_getdents64, fd, bytes, 64));
    SEE(linkat(fd, "", AT_FDCWD, "/tmp/gmem-never", AT_EMPTY_PATH));
    SEE_OK(openat(fd, "x", O_RDONLY));
    SEE_OK(open(path, O_RDONLY));
    SEE_OK(open(path, O_RDWR));
    SEE_OK(open(path, O_WRONLY | O_TRUNC));
    SEE_OK(open(path, O_RDONLY | O_DIRECTORY));
    SEE_OK(syscall(SYS_openat, AT_FDCWD, path, O_RDWR, 0));
    uint64_t how[3] = { O_RDWR, 0, 0 };
    SEE_OK(syscall(437 /* openat2 */, AT_FDCWD, path, how, sizeof how));
    SEE(access(path, R_OK | W_OK));
    SEE(faccessat(fd, "", R_OK, AT_EMPTY_PATH));
    FILE *stream = fopen(path, "r+");
    SEE(stream != NULL);
    SEE(stream ? 0 : errno);
    char *const arguments[] = { "x", NULL };
    SEE(syscall(SYS_execveat, fd, "", arguments, arguments, AT_EMPTY_PATH));
    SEE_OK(inotify_add_watch(inotify_init(), path, IN_ACCESS));

    int epoll = epoll_create1(0);
    struct epoll_event event = { EPOLLIN, { .fd = fd } };
    SEE(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    SEE(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event));
    SEE(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
    close(epoll);
    struct pollfd ready = { fd, POLLIN | POLLOUT | POLLPRI, 0 };
    SEE(poll(&ready, 1, 0));
    SEE(ready.revents);
    ready.events = POLLPRI;
    SEE(poll(&ready, 1, 0));
    SEE(ready.revents);
    fd_set readable, writable, special;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_ZERO(&special);
    FD_SET(fd, &readable);
    FD_SET(fd, &writable);
    FD_SET(fd, &special);
    struct timeval now = { 0, 0 };
    SEE(select(fd + 1, &readable, &writable, &special, &now));
    SEE(FD_ISSET(fd, &readable) != 0);
    SEE(FD_ISSET(fd, &writable) != 0);
    SEE(FD_ISSET(fd, &special) != 0);

    int pipes[2];
    if (pipe(pipes) != 0)
        exit(1);
    SEE(write(pipes[1], "x", 1));
    SEE(sendfile(pipes[1], fd, NULL, 8));
    SEE(sendfile(fd, pipes[0], NULL, 8));
    off_t at = 0;
    SEE(sendfile(pipes[1], fd, &at, 8));
    SEE(splice(fd, NULL, pipes[1], NULL, 8, 0));
    SEE(splice(fd, &at, pipes[1], NULL, 8, 0));
    SEE(splice(pipes[0], NULL, fd, NULL, 1, 0));
    SEE(tee(fd, pipes[1], 8, 0));
    SEE(vmsplice(fd, &part, 1, 0));
    SEE(copy_file_range(fd, NULL, fd, NULL, 8, 0));
    int other = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    SEE(copy_file_range(fd, &at, other, NULL, 8, 0));
    SEE(copy_file_range(other, NULL, fd, &at, 8, 0));
    close(other);
    close(pipes[0]);
    close(pipes[1]);
    struct sockaddr address = { .sa_family = AF_UNIX };
    socklen_t length_of = sizeof one;
    SEE(bind(fd, &address, sizeof address));
    SEE(connect(fd, &address, sizeof address));
    SEE(getsockopt(fd, SOL_SOCKET, SO_TYPE, &one, &length_of));
    SEE(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof one));
    SEE(getsockname(fd, &address, &length_of));
    SEE(isatty(fd) ? 0 : errno);
    SEE(accept(fd, NULL, NULL));
    SEE(listen(fd, 1));
    SEE(send(fd, bytes, 1, 0));
    SEE(recv(fd, bytes, 1, 0));
    SEE(shutdown(fd, 2));
    char text[128] = "";
    long length = readlink(path, text, sizeof text - 1);
    SEE(length > 0);
    if (length > 0)
        printf("%s link %s\n", kind, text);
}

static void as_a_window(int fd)
{
    number_of_section = 2;
    SEE_OK(mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0));
    SEE_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1));
    SEE_OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
    SEE_OK(mmap(NULL, PAGE, PROT_READ, 0, fd, 0));
    SEE_OK(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0));
    SEE_OK(mmap(NULL, PAGE, PROT_NONE, MAP_SHARED, fd, 0));
    SEE_OK(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED_VALIDATE, fd, 0));
    SEE_OK(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0));
    SEE_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_HUGETLB, fd, 0));
    SEE_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_GROWSDOWN, fd, 0));
    SEE_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_DENYWRITE, fd, 0));
    SEE_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, (off_t)1 << 62));
    SEE_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, -PAGE));
    SEE_OK(mmap(NULL, ~0ul, PROT_READ, MAP_SHARED, fd, 0));
    SEE_OK(mmap(NULL, 1ul << 60, PROT_READ, MAP_SHARED, fd, 0));
    SEE_OK(mmap((void *)123, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
    SEE_OK(mmap((void *)PAGE, PAGE, PROT_READ, MAP_SHARED, fd, 0));
    char *p = mmap(NULL, SIZE + 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SEE(p != MAP_FAILED);
    SEE(touch(p));
    SEE(touch(p + SIZE - 1));
    SEE(touch(p + SIZE));
    SEE(touch(p + SIZE + 4 * PAGE - 1));
    SEE_OK(mmap(p, PAGE, PROT_READ, MAP_SHARED | 0x100000 /* FIXED_NOREPLACE */, fd, 0));
    char *locked = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_LOCKED, fd, 0);
    SEE(locked != MAP_FAILED);
    SEE(madvise(locked, SIZE, MADV_DONTNEED));
    SEE(touch(locked));
    SEE(munmap(locked, SIZE));
    char *populated = mmap(NULL, SIZE + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    SEE(populated != MAP_FAILED);
    unsigned char core[20];
    memset(core, 0, sizeof core);
    SEE(mincore(populated, PAGE, core));
    SEE(munmap(populated, SIZE + PAGE));

    for (int advice = 0; advice < 30; ++advice) {
        char what[64];
        snprintf(what, sizeof what, "madvise %d", advice);
        errno = 0;
        long result = madvise(p, SIZE, advice);
        say(what, result, errno);
        snprintf(what, sizeof what, "madvise %d one page unaligned", advice);
        errno = 0;
        result = madvise(p + 1, PAGE, advice);
        say(what, result, errno);
        snprintf(what, sizeof what, "madvise %d nothing", advice);
        errno = 0;
        result = madvise(p, 0, advice);
        say(what, result, errno);
        snprintf(what, sizeof what, "madvise %d beyond the file", advice);
        errno = 0;
        result = madvise(p + SIZE, PAGE, advice);
        say(what, result, errno);
    }
    SEE(touch(p));
    SEE(madvise(p, SIZE, 100));
    SEE(madvise(p, SIZE, 12345));
    SEE(posix_madvise(p, SIZE, POSIX_MADV_DONTNEED));
    SEE(posix_madvise(p, SIZE, 99));
    SEE(msync(p, SIZE, MS_SYNC));
    SEE(msync(p, SIZE, MS_ASYNC));
    SEE(msync(p, SIZE, MS_INVALIDATE));
    SEE(msync(p, SIZE, MS_SYNC | MS_ASYNC));
    SEE(mlock(p, PAGE));
    SEE(msync(p, SIZE, MS_INVALIDATE));
    SEE(madvise(p, SIZE, MADV_DONTNEED));
    SEE(madvise(p, SIZE, 24 /* MADV_DONTNEED_LOCKED */));
    SEE(touch(p));
    SEE(munlock(p, PAGE));
    SEE(mlock(p, SIZE + PAGE));
    SEE(munlock(p, SIZE + PAGE));
    SEE(mlock2(p, SIZE, 1));
    SEE(munlock(p, SIZE));
    SEE(mlock2(p, SIZE, 2));
    SEE(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
    SEE(mprotect(p, PAGE, PROT_NONE));
    SEE(mprotect(p, PAGE, PROT_READ));
    SEE(mprotect(p + 1, PAGE, PROT_READ));
    SEE(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
    SEE(mprotect(p, PAGE, 0x100));
    SEE(pkey_mprotect(p, PAGE, PROT_READ, -1));
    SEE(pkey_mprotect(p, PAGE, PROT_READ | PROT_WRITE, -1));
    SEE(remap_file_pages(p, PAGE, 0, 1, 0));
    SEE(touch(p));
    SEE(remap_file_pages(p, PAGE, 0, 0, 0));
    SEE(touch(p));
    struct iovec window = { p, 8 }, mine = { bytes, 8 };
    SEE(process_vm_readv(getpid(), &mine, 1, &window, 1, 0));
    SEE(process_vm_writev(getpid(), &mine, 1, &window, 1, 0));
    window.iov_len = PAGE;
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    SEE(syscall(440 /* process_madvise */, self, &window, 1, MADV_COLD, 0));
    SEE(syscall(440 /* process_madvise */, self, &window, 1, MADV_PAGEOUT, 0));
    SEE(syscall(440 /* process_madvise */, self, &window, 1, MADV_WILLNEED, 0));
    SEE(touch(p));
    close(self);
    SEE(munmap(p + 1, PAGE));
    SEE(munmap(p, 0));
    SEE(munmap(p, SIZE + 4 * PAGE));
    SEE(munmap(p, SIZE));
    SEE(madvise(p, PAGE, MADV_NORMAL));
}

/* A window of `pages` with `room` free pages behind it. */
static char *window_with_room(int fd, size_t pages, size_t room)
{
    char *p = mmap(NULL, (pages + room) * (size_t)PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p, (pages + room) * (size_t)PAGE);
    return mmap(p, pages * (size_t)PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
}

static void marked(char *p, long pages)
{
    for (long i = 0; i < pages; ++i)
        if (sigsetjmp(escape, 1) == 0)
            *(volatile char *)(p + i * PAGE) = (char)(i + 1);
}

static void moved(int fd)
{
    number_of_section = 3;
    char *p = window_with_room(fd, 8, 24);
    marked(p, 8);
    SEE(mremap(p, 8 * PAGE, 8 * PAGE, 0) == p);
    SEE(mremap(p, 8 * PAGE, 12 * PAGE, 0) == p);
    SEE(touch(p + 11 * PAGE));
    SEE(touch(p + 7 * PAGE));
    SEE(mremap(p, 12 * PAGE, 20 * PAGE, 0) == p);
    SEE(touch(p + 15 * PAGE));
    SEE(touch(p + 16 * PAGE));
    SEE(mremap(p, 20 * PAGE, 8 * PAGE, 0) == p);
    SEE(madvise(p + 8 * PAGE, PAGE, MADV_NORMAL));
    SEE_OK(mremap(p, 8 * PAGE, 0, 0));
    SEE_OK(mremap(p + 1, 8 * PAGE, PAGE, 0));
    SEE_OK(mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_FIXED, p + 8 * PAGE));
    SEE_OK(mremap(p, 8 * PAGE, 8 * PAGE, 64));
    SEE_OK(mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE));
    SEE_OK(mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 8 * PAGE + 1));
    SEE_OK(mremap(p, 0, 8 * PAGE, 0));
    SEE_OK(mremap(p, 1ul << 60, 8 * PAGE, MREMAP_MAYMOVE));
    SEE_OK(mremap(p, 8 * PAGE, 1ul << 60, MREMAP_MAYMOVE));
    SEE_OK(mremap(p, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
    SEE(mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 10 * PAGE) == p + 10 * PAGE);
    SEE(madvise(p, PAGE, MADV_NORMAL));
    p += 10 * PAGE;
    SEE(touch(p + 5 * PAGE));
    char *twin = mremap(p + 2 * PAGE, 0, 4 * PAGE, MREMAP_MAYMOVE);
    SEE(twin != MAP_FAILED);
    SEE(touch(twin));
    SEE(touch(twin + 3 * PAGE));
    SEE(touch(p + 2 * PAGE));
    SEE(munmap(twin, 4 * PAGE));
    char *kept = mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
    SEE(kept != MAP_FAILED);
    SEE(touch(kept + PAGE));
    SEE(touch(p + PAGE));
    SEE(munmap(kept, 8 * PAGE));
    /* A part of a window moves. */
    char *place = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SEE(mremap(p + 2 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
    SEE(touch(place));
    SEE(touch(p + PAGE));
    SEE(touch(p + 4 * PAGE));
    SEE(madvise(p + 2 * PAGE, PAGE, MADV_NORMAL));
    SEE_OK(mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE)); /* over a gap */
    /* Two mappings side by side, with different protections. */
    SEE(mprotect(p + 4 * PAGE, 2 * PAGE, PROT_READ));
    SEE_OK(mremap(p + 4 * PAGE, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE));
    SEE(mprotect(p + 4 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE));
    SEE(munmap(place, 8 * PAGE));
    SEE(munmap(p, 8 * PAGE));
    /* Grows where something is behind: must move. */
    p = window_with_room(fd, 8, 8);
    char *obstacle = mmap(p + 8 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    SEE_OK(mremap(p, 8 * PAGE, 12 * PAGE, 0));
    char *grown = mremap(p, 8 * PAGE, 12 * PAGE, MREMAP_MAYMOVE);
    SEE(grown != MAP_FAILED && grown != p);
    SEE(touch(grown + 11 * PAGE));
    SEE(madvise(p, PAGE, MADV_NORMAL));
    SEE(munmap(grown, 12 * PAGE));
    SEE(munmap(obstacle, PAGE));
}

static void covered(int fd)
{
    number_of_section = 4;
    char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    marked(p, 16);
    SEE(mmap(p + 4 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 9 * PAGE) == p + 4 * PAGE);
    SEE(touch(p + 3 * PAGE));
    SEE(touch(p + 4 * PAGE));
    SEE(touch(p + 5 * PAGE));
    SEE(touch(p + 6 * PAGE));
    SEE(mmap(p + 5 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + 5 * PAGE);
    SEE(touch(p + 5 * PAGE));
    SEE(touch(p + 6 * PAGE));
    SEE(touch(p + 7 * PAGE));
    SEE(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, SIZE));
    for (int i = 0; i < 16; ++i)
        SEE(touch(p + i * PAGE));
    SEE(munmap(p + 2 * PAGE, 3 * PAGE));
    SEE(munmap(p, SIZE));
    /* A call about a window and about what lies beside it. */
    char *mixed = mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SEE(mmap(mixed + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == mixed + 2 * PAGE);
    marked(mixed, 6);
    SEE(madvise(mixed, 6 * PAGE, MADV_DONTNEED));
    for (int i = 0; i < 6; ++i)
        SEE(touch(mixed + i * PAGE));
    marked(mixed, 6);
    SEE(madvise(mixed, 6 * PAGE, MADV_FREE));
    SEE(madvise(mixed, 6 * PAGE, 25 /* MADV_COLLAPSE */));
    SEE(madvise(mixed, 6 * PAGE, 18 /* MADV_WIPEONFORK */));
    SEE(madvise(mixed, 6 * PAGE, 19 /* MADV_KEEPONFORK */));
    SEE(munmap(mixed + PAGE, PAGE));
    SEE(madvise(mixed, 6 * PAGE, MADV_DONTNEED));
    SEE(touch(mixed));
    SEE(touch(mixed + 2 * PAGE));
    SEE(touch(mixed + 5 * PAGE));
    SEE(mlock(mixed + 2 * PAGE, 4 * PAGE));
    SEE(madvise(mixed + 2 * PAGE, 4 * PAGE, MADV_DONTNEED));
    SEE(munlock(mixed + 2 * PAGE, 4 * PAGE));
    SEE(mprotect(mixed + 2 * PAGE, 4 * PAGE, PROT_READ));
    SEE(msync(mixed + 2 * PAGE, 4 * PAGE, MS_ASYNC));
    SEE(munmap(mixed, 6 * PAGE));
    /* One page, two windows, and what a system call sees through them. */
    char *a = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGE), *b = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
    marked(a, 1);
    SEE(touch(b));
    int pipes[2];
    if (pipe(pipes) != 0)
        exit(1);
    SEE(write(pipes[1], b, 8));
    SEE(write(pipes[1], "abcdefgh", 8));
    SEE(read(pipes[0], a, 8));
    SEE(read(pipes[0], b, 4));
    struct iovec two[2] = { { bytes, 4 }, { a, 4 } };
    SEE(writev(pipes[1], two, 2));
    SEE(vmsplice(pipes[1], two + 1, 1, 0));
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0)
        exit(1);
    SEE(send(pair[0], a, 8, 0));
    SEE(send(pair[0], "abc", 3, 0));
    SEE(recv(pair[1], a, 8, MSG_DONTWAIT));
    struct msghdr message = { .msg_iov = two, .msg_iovlen = 2 };
    SEE(sendmsg(pair[0], &message, 0));
    struct mmsghdr many[2] = { { message, 0 }, { message, 0 } };
    SEE(sendmmsg(pair[0], many, 2, 0));
    SEE(recvmmsg(pair[1], many, 2, MSG_DONTWAIT, NULL));
    SEE(stat("/", (struct stat *)a));
    SEE(readlink("/proc/self/exe", a, 1));
    SEE(getcwd(a, 100) != NULL);
    SEE(syscall(SYS_getrandom, a, 8, 0));
    SEE(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, a));
    SEE_OK(open(a, O_RDONLY));
    SEE(munmap(a, PAGE));
    SEE(munmap(b, PAGE));
}

static void as_a_number(int fd)
{
    number_of_section = 5;
    int copy = dup(fd);
    SEE(copy >= 0);
    SEE(dup2(copy, copy) == copy);
    SEE(dup3(copy, copy, 0));
    SEE(dup3(copy, 100, 77));
    SEE(dup3(copy, 100, O_CLOEXEC));
    SEE(fcntl(100, F_GETFD));
    SEE(fcntl(copy, F_DUPFD, 200));
    SEE(fcntl(200, F_GETFD));
    SEE(fcntl(copy, F_DUPFD_CLOEXEC, 201));
    SEE(fcntl(201, F_GETFD));
    SEE(fcntl(copy, F_DUPFD, -1));
    SEE(dup2(copy, -1));
    SEE(dup2(999, copy));
    struct stat s;
    SEE(fallocate(200, FALLOC_FL_KEEP_SIZE, 0, PAGE));
    SEE(dup2(0, 200));
    SEE(fallocate(200, FALLOC_FL_KEEP_SIZE, 0, PAGE));
    SEE(close(200));
    SEE(close(200));
    SEE(fstat(200, &s));
    SEE(close_range(100, 201, 4 /* CLOSE_RANGE_CLOEXEC */));
    SEE(fcntl(201, F_GETFD));
    SEE(close_range(100, 201, 99));
    SEE(close_range(201, 100, 0));
    SEE(close_range(100, 201, 0));
    SEE(fstat(100, &s));
    SEE(fallocate(copy, FALLOC_FL_KEEP_SIZE, 0, PAGE));
    SEE(close(copy));
    SEE(fallocate(copy, FALLOC_FL_KEEP_SIZE, 0, PAGE));
    SEE_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, copy, 0));
    SEE(poll(&(struct pollfd) { copy, POLLIN, 0 }, 1, 0));
    FILE *stream = fdopen(dup(fd), "r+");
    SEE(stream != NULL);
    if (!stream)
        return;
    SEE(fgetc(stream));
    SEE(ftell(stream));
    SEE(fclose(stream));
    SEE(open("/dev/null", O_RDWR) == copy);
    SEE(write(copy, "x", 1));
    SEE(fallocate(copy, FALLOC_FL_KEEP_SIZE, 0, PAGE));
    SEE(close(copy));
}

int main(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int vm = ioctl(open("/dev/kvm", O_RDWR), CREATE_VM, 0ul);
    static const struct { const char *name; uint64_t flags; } kinds[] = { { "shared", 3 }, { "private", 1 }, { "unmappable", 0 } };
    for (int i = 0; i < 3; ++i) {
        kind = kinds[i].name;
        int fd = vm < 0 ? -1 : create_file(vm, SIZE, kinds[i].flags);
        if (fd < 0) {
            printf("skipped: no guest_memfd with flags %llu here: %s\n", (unsigned long long)kinds[i].flags, strerror(errno));
            return 77;
        }
        as_a_file(fd);
        as_a_number(fd);
        if (!kinds[i].flags) {
            SEE_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
            SEE_OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
            SEE_OK(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0));
            close(fd);
            continue;
        }
        as_a_window(fd);
        moved(fd);
        covered(fd);
        close(fd);
    }
    return 0;
}
