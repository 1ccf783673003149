/*
 * Counts what a program asks of fsync and fdatasync, and makes each of them slower: preloaded into the real daemon.
 *
 * In: SYNCS_COUNT, a file; SYNCS_SLOWER_US. Out: the number of calls so far, as u64 in that file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t none, *count = &none;
static useconds_t slower;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SYNCS_COUNT"), *us = getenv("SYNCS_SLOWER_US");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0 && ftruncate(fd, sizeof *count) == 0) {
        void *shared = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (shared != MAP_FAILED)
            count = shared;
    }
    slower = us ? (useconds_t)atoi(us) : 0;
    /* Children are other programs. */
    unsetenv("LD_PRELOAD");
}

static void one_more(void) {
    __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
    if (slower)
        usleep(slower);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
    one_more();
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    one_more();
    return REAL(fdatasync)(fd);
}
