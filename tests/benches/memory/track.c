// Prints the processor time in nanoseconds of each operation on SIZE bytes of private memory: the first write to all pages, a
// collection of all pages, a scan of clean memory (the fastest of 32, because an interrupt takes as long), a collection of each
// hundredth page, and the start and the end of tracking.
#include "plain.h"

static struct region regions[512];

static uint64_t collect(int pagemap, char *memory, size_t size) {
    uint64_t pages = 0, start = (uint64_t)memory, end = start + size;
    while (start < end) {
        struct scan scan = { sizeof scan, 1 | 2, start, end, 0, (uint64_t)regions, 512, 0, 0, 2, 0, 2 };
        int count = ioctl(pagemap, SCAN, &scan);
        check(count >= 0, "PAGEMAP_SCAN");
        for (int i = 0; i < count; i++) pages += (regions[i].end - regions[i].start) / PAGE;
        start = scan.walk_end;
    }
    return pages;
}

int main(int argc, char **argv) {
    size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 256UL << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "mmap");
    madvise(memory, size, MADV_NOHUGEPAGE);
    memset(memory, 1, size);
    uint64_t begin = spent();
    int file = open_userfaultfd(1 << 15), pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    protect(file, memory, size, 2);
    collect(pagemap, memory, size);

    uint64_t start = spent();
    for (size_t page = 0; page < size; page += PAGE) *(volatile char *)(memory + page) = 2;
    uint64_t written = spent();
    check(collect(pagemap, memory, size) == size / PAGE, "all pages");
    uint64_t all = spent(), clean = -1;
    for (int i = 0; i < 32; i++) {
        uint64_t from = spent();
        check(collect(pagemap, memory, size) == 0, "no page");
        uint64_t taken = spent() - from;
        if (taken < clean) clean = taken;
    }
    for (size_t page = 0; page < size; page += 100 * PAGE) *(volatile char *)(memory + page) = 3;
    uint64_t sparse = spent();
    check(collect(pagemap, memory, size) == (size / PAGE + 99) / 100, "a hundredth");
    uint64_t end = spent();
    close(file);
    close(pagemap);
    printf("%lu %lu %lu %lu %lu %lu\n", written - start, all - written, clean, end - sparse, start - begin, spent() - end);
}
