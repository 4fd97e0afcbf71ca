// Prints the median and the 99th percentile of the duration of page faults in nanoseconds, which a thread serves with
// copies (`missing`) or by mapping pages of a second mapping (`minor`).
#include "plain.h"

static char *memory, *second;
static int userfault;
static const char content[PAGE] = { 1 };

static void *serve(void *unused) {
    static struct message messages[64];
    for (;;) {
        struct pollfd wait = { userfault, POLLIN, 0 };
        poll(&wait, 1, -1);
        ssize_t length = read(userfault, messages, sizeof messages);
        for (ssize_t i = 0; i * (ssize_t)sizeof *messages < length; i++) {
            uint64_t page = messages[i].address & -PAGE;
            if (second) {
                memcpy(second + (page - (uint64_t)memory), content, PAGE);
                struct mapped mapped = { { page, PAGE }, 0, 0 };
                check(!ioctl(userfault, CONTINUE, &mapped), "UFFDIO_CONTINUE");
            } else {
                struct copy copy = { page, (uint64_t)content, PAGE, 0, 0 };
                check(!ioctl(userfault, COPY, &copy), "UFFDIO_COPY");
            }
        }
    }
    return unused;
}

static int by_value(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    size_t pages = argc > 2 ? strtoul(argv[2], NULL, 10) : 8192, size = pages * PAGE;
    int minor = argc > 1 && !strcmp(argv[1], "minor");
    if (minor) {
        int file = memfd_create("memory", MFD_CLOEXEC);
        check(!ftruncate(file, size), "ftruncate");
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        second = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    } else {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    userfault = open_userfaultfd(minor ? 1 << 10 | 1 << 5 : 0);
    protect(userfault, memory, size, minor ? 1 | 4 : 1);
    pthread_t thread;
    check(!pthread_create(&thread, NULL, serve, NULL), "pthread_create");
    uint64_t *times = malloc(pages * sizeof *times), sum = 0;
    for (size_t page = 0; page < pages; page++) {
        uint64_t start = now();
        sum += *(volatile char *)(memory + page * PAGE);
        times[page] = now() - start;
    }
    check(sum == pages, "all pages");
    qsort(times, pages, sizeof *times, by_value);
    printf("%lu %lu\n", times[pages / 2], times[pages * 99 / 100]);
}
