/*
 * What a program asks of the disk, in order: preloaded into the real daemon.
 *
 * In: POWERCUT_FOLDER, whose files are followed; POWERCUT_LOG, the file that is written. Out: one record for each
 * operation, after it succeeded; one for what must be on disk before it goes out, before it goes: the answer to a request
 * about one notification, ATD, the first octet of a page (behind AT+FDT) and of a mail's content (behind DATA); and one
 * for what comes in, before the daemon sees it: such a request, and whatever a modem or a relay says.
 * Under one lock, so that the order of the records is that of the operations.
 * Not here: what a power cut leaves of them (replay.rs).
 *
 * Record: kind u8, file u64 (inode), offset u64, length u32, then so many octets. Little-endian.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPENED = 1, WRITTEN, CUT, SYNCED, MOVED, GONE, ANSWERED, DIALLED, PAGE, RECIPIENT, CONTENT, ASKED, HEARD, HUNG_UP };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static int log_fd = -1;
/* Inodes of followed descriptors; 0 for others. */
static uint64_t followed[65536];

/* Without a whole record nothing can be told afterwards. */
static void put(const void *octets, size_t length) {
    const char *at = octets;
    while (length > 0) {
        ssize_t done = syscall(SYS_write, log_fd, at, length);
        if (done <= 0)
            abort();
        at += done;
        length -= (size_t)done;
    }
}

static void record(uint8_t kind, uint64_t file, uint64_t offset, const void *octets, uint32_t length) {
    put(&kind, 1);
    put(&file, 8);
    put(&offset, 8);
    put(&length, 4);
    put(octets, length);
}

static void hold(void) {
    pthread_mutex_lock(&lock);
}

static void let_go(void) {
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void begin(void) {
    /* A child has no thread that would ever release what another one held when it was forked. */
    pthread_atfork(hold, let_go, let_go);
    const char *path = getenv("POWERCUT_LOG");
    folder = getenv("POWERCUT_FOLDER");
    if (path && folder)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* Children are other programs. */
    unsetenv("LD_PRELOAD");
}

static int is_ours(const char *path) {
    return log_fd >= 0 && folder && strncmp(path, folder, strlen(folder)) == 0;
}

static uint64_t file_of(int fd) {
    return fd >= 0 && fd < 65536 ? followed[fd] : 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int opened(int fd, const char *path) {
    struct stat found;
    if (fd >= 0 && fd < 65536) {
        followed[fd] = 0;
        if (is_ours(path) && syscall(SYS_fstat, fd, &found) == 0 &&
            (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode))) {
            followed[fd] = found.st_ino;
            record(OPENED, found.st_ino, (uint64_t)found.st_size, path, (uint32_t)strlen(path));
        }
    }
    return fd;
}

static mode_t mode_of(int flags, va_list more) {
    return (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;
}

#define OPEN(name)                                                             \
    int name(const char *path, int flags, ...) {                               \
        va_list more;                                                          \
        va_start(more, flags);                                                 \
        mode_t mode = mode_of(flags, more);                                    \
        va_end(more);                                                          \
        pthread_mutex_lock(&lock);                                             \
        int fd = opened(REAL(name)(path, flags, mode), path);                  \
        int why = errno;                                                       \
        pthread_mutex_unlock(&lock);                                           \
        errno = why;                                                           \
        return fd;                                                             \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                           \
    int name(int at, const char *path, int flags, ...) {                       \
        va_list more;                                                          \
        va_start(more, flags);                                                 \
        mode_t mode = mode_of(flags, more);                                    \
        va_end(more);                                                          \
        pthread_mutex_lock(&lock);                                             \
        int fd = opened(REAL(name)(at, path, flags, mode), path);              \
        int why = errno;                                                       \
        pthread_mutex_unlock(&lock);                                           \
        errno = why;                                                           \
        return fd;                                                             \
    }
OPENAT(openat)
OPENAT(openat64)

/* Descriptors on which a page or a mail's content comes next; on which a request was heard; with a modem or a relay
 * behind them. */
static char at_page[65536], at_content[65536], is_asked[65536], is_far_end[65536];

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < 65536)
        followed[fd] = at_page[fd] = at_content[fd] = is_asked[fd] = is_far_end[fd] = 0;
    int done = (int)syscall(SYS_close, fd);
    int why = errno;
    pthread_mutex_unlock(&lock);
    errno = why;
    return done;
}

static int begins(const char *octets, size_t length, const char *with) {
    return length >= strlen(with) && memcmp(octets, with, strlen(with)) == 0;
}

static void see(int fd, const char *octets, size_t length) {
    if (log_fd < 0 || fd < 0 || fd >= 65536 || length == 0)
        return;
    uint64_t to = (uint64_t)fd;
    if (is_asked[fd] && begins(octets, length, "HTTP/1.1 "))
        record(ANSWERED, to, 0, octets, (uint32_t)length);
    else if (begins(octets, length, "ATD"))
        record(DIALLED, to, 0, octets, (uint32_t)length);
    else if (begins(octets, length, "ATH"))
        record(HUNG_UP, to, 0, NULL, 0);
    else if (begins(octets, length, "RCPT TO"))
        record(RECIPIENT, to, 0, octets, (uint32_t)length);
    else if (at_page[fd] && !begins(octets, length, "AT"))
        record(PAGE, to, 0, NULL, 0);
    else if (at_content[fd])
        record(CONTENT, to, 0, NULL, 0);
    at_page[fd] = begins(octets, length, "AT+FDT");
    at_content[fd] = begins(octets, length, "DATA");
    is_far_end[fd] |= begins(octets, length, "ATD") || begins(octets, length, "RCPT TO");
}

/* What came in; whoever waits for it does so without the lock. */
static ssize_t heard(int fd, const char *octets, ssize_t length) {
    int why = errno;
    pthread_mutex_lock(&lock);
    if (log_fd >= 0 && fd >= 0 && fd < 65536 && length > 0 && !file_of(fd)) {
        if (begins(octets, (size_t)length, "POST /v1/") || begins(octets, (size_t)length, "DELETE /v1/") ||
            begins(octets, (size_t)length, "GET /v1/notifications/")) {
            is_asked[fd] = 1;
            record(ASKED, (uint64_t)fd, 0, octets, (uint32_t)length);
        } else if (is_far_end[fd]) {
            record(HEARD, (uint64_t)fd, 0, octets, (uint32_t)length);
        }
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return length;
}

ssize_t read(int fd, void *octets, size_t length) {
    return heard(fd, octets, (ssize_t)syscall(SYS_read, fd, octets, length));
}

ssize_t recv(int fd, void *octets, size_t length, int flags) {
    return heard(fd, octets, (ssize_t)syscall(SYS_recvfrom, fd, octets, length, flags, NULL, NULL));
}

#define WRITE_AT(name, offset_type)                                            \
    ssize_t name(int fd, const void *octets, size_t length, offset_type offset) { \
        pthread_mutex_lock(&lock);                                             \
        ssize_t done = REAL(name)(fd, octets, length, offset);                 \
        int why = errno;                                                       \
        if (done > 0 && file_of(fd))                                           \
            record(WRITTEN, file_of(fd), (uint64_t)offset, octets, (uint32_t)done); \
        pthread_mutex_unlock(&lock);                                           \
        errno = why;                                                           \
        return done;                                                           \
    }
WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)

ssize_t write(int fd, const void *octets, size_t length) {
    pthread_mutex_lock(&lock);
    uint64_t file = file_of(fd);
    off_t offset = file ? lseek(fd, 0, SEEK_CUR) : 0;
    if (!file)
        see(fd, octets, length);
    ssize_t done = (ssize_t)syscall(SYS_write, fd, octets, length);
    int why = errno;
    if (done > 0 && file)
        record(WRITTEN, file, (uint64_t)offset, octets, (uint32_t)done);
    pthread_mutex_unlock(&lock);
    errno = why;
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    pthread_mutex_lock(&lock);
    if (file_of(fd))
        abort(); /* nothing here writes files so; if it begins to, this must learn it */
    char whole[8192];
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        size_t more = parts[i].iov_len;
        if (used + more > sizeof whole)
            break;
        memcpy(whole + used, parts[i].iov_base, more);
        used += more;
    }
    see(fd, whole, used);
    ssize_t done = (ssize_t)syscall(SYS_writev, fd, parts, count);
    int why = errno;
    pthread_mutex_unlock(&lock);
    errno = why;
    return done;
}

ssize_t send(int fd, const void *octets, size_t length, int flags) {
    pthread_mutex_lock(&lock);
    see(fd, octets, length);
    ssize_t done = (ssize_t)syscall(SYS_sendto, fd, octets, length, flags, NULL, 0);
    int why = errno;
    pthread_mutex_unlock(&lock);
    errno = why;
    return done;
}

#define CUT_TO(name, offset_type)                                              \
    int name(int fd, offset_type length) {                                     \
        pthread_mutex_lock(&lock);                                             \
        int done = REAL(name)(fd, length);                                     \
        int why = errno;                                                       \
        if (done == 0 && file_of(fd))                                          \
            record(CUT, file_of(fd), (uint64_t)length, NULL, 0);               \
        pthread_mutex_unlock(&lock);                                           \
        errno = why;                                                           \
        return done;                                                           \
    }
CUT_TO(ftruncate, off_t)
CUT_TO(ftruncate64, off64_t)

#define SYNC(name)                                                             \
    int name(int fd) {                                                         \
        pthread_mutex_lock(&lock);                                             \
        int done = REAL(name)(fd);                                             \
        int why = errno;                                                       \
        if (done == 0 && file_of(fd))                                          \
            record(SYNCED, file_of(fd), 0, NULL, 0);                           \
        pthread_mutex_unlock(&lock);                                           \
        errno = why;                                                           \
        return done;                                                           \
    }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char *from, const char *to) {
    pthread_mutex_lock(&lock);
    int done = REAL(rename)(from, to);
    int why = errno;
    if (done == 0 && is_ours(to)) {
        char both[8192];
        size_t first = strlen(from), second = strlen(to);
        if (first + 1 + second > sizeof both)
            abort();
        memcpy(both, from, first + 1);
        memcpy(both + first + 1, to, second);
        record(MOVED, 0, 0, both, (uint32_t)(first + 1 + second));
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return done;
}

int unlink(const char *path) {
    pthread_mutex_lock(&lock);
    int done = REAL(unlink)(path);
    int why = errno;
    if (done == 0 && is_ours(path))
        record(GONE, 0, 0, path, (uint32_t)strlen(path));
    pthread_mutex_unlock(&lock);
    errno = why;
    return done;
}
