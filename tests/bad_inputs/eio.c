/*
 * A disk that fails once: the EIO_ATth time that a file below EIO_FOLDER is to be synced, it is not, and EIO is said.
 *
 * What was written before stays where it was, as on Linux: a later sync says that all is well.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long seen;

static int fails(int fd) {
    const char *folder = getenv("EIO_FOLDER"), *at = getenv("EIO_AT");
    char link[64], path[4096];
    if (!folder || !at)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0 && atomic_fetch_add(&seen, 1) + 1 == atol(at);
}

#define SYNC(name)                                                                                  \
    int name(int fd) {                                                                              \
        int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, #name);                                   \
        if (fails(fd)) {                                                                            \
            errno = EIO;                                                                            \
            return -1;                                                                              \
        }                                                                                           \
        return real(fd);                                                                            \
    }

SYNC(fsync)
SYNC(fdatasync)
