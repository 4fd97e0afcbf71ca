// Kills the process at the write to a file with the number in VMSTATE_KILL_AT_WRITE, counted from 0. Half of the bytes are
// written before, except at the beginning of the file: the header of an image is in one sector.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

typedef ssize_t write_at(int file, const void *bytes, size_t count, off64_t offset);

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    static long number;
    write_at *real = (write_at *)dlsym(RTLD_NEXT, "pwrite64");
    const char *last = getenv("VMSTATE_KILL_AT_WRITE");
    if (last && number++ == atol(last)) {
        if (offset)
            real(file, bytes, count / 2, offset);
        kill(getpid(), SIGKILL);
    }
    return real(file, bytes, count, offset);
}
