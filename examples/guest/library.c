// What the compiler and start.S expect to be there.
#include "board.h"

void *memcpy(void *to, const void *from, u64 length) {
    u8 *out = to;
    for (const u8 *in = from; length--;) *out++ = *in++;
    return to;
}

void *memset(void *to, int value, u64 length) {
    for (u8 *out = to; length--;) *out++ = (u8)value;
    return to;
}

_Noreturn void finish(int code) { end(code); }
