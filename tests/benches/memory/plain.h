// What the C programs share: userfaultfd, PAGEMAP_SCAN and time, without a library.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL

// Of linux/userfaultfd.h and linux/fs.h, which are too old on some systems.
struct api { uint64_t api, features, ioctls; };
struct range { uint64_t start, len; };
struct registration { struct range range; uint64_t mode, ioctls; };
struct copy { uint64_t dst, src, len, mode; int64_t copy; };
struct mapped { struct range range; uint64_t mode; int64_t mapped; };
struct message { uint8_t event, reserved[7]; uint64_t flags, address, thread; };
struct region { uint64_t start, end, categories; };
struct scan {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define API 0xc018aa3fUL
#define REGISTER 0xc020aa00UL
#define COPY 0xc028aa03UL
#define CONTINUE 0xc020aa07UL
#define SCAN 0xc0606610UL

static void check(int ok, const char *what) {
    if (ok) return;
    perror(what);
    exit(1);
}

static inline uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000UL + time.tv_nsec;
}

// The time that this thread has run, which other programs on the machine hardly affect.
static inline uint64_t spent(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1000000000UL + time.tv_nsec;
}

static int open_userfaultfd(uint64_t features) {
    int file = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1 /* user mode only */);
    check(file >= 0, "userfaultfd");
    struct api api = { 0xaa, features, 0 };
    check(!ioctl(file, API, &api), "UFFDIO_API");
    return file;
}

static void protect(int file, void *memory, size_t size, uint64_t mode) {
    struct registration registration = { { (uint64_t)memory, size }, mode, 0 };
    check(!ioctl(file, REGISTER, &registration), "UFFDIO_REGISTER");
}
