// Which control and status registers there are, which of their bits can be written, and how the counters behave; for a
// hart with machine mode only. Bits in which QEMU 7.2 and 10.0 differ are masked.
#include "board.h"

static volatile u64 cause, value;

// Skips the instruction, which is one of four bytes.
__attribute__((interrupt, aligned(4))) static void skip(void) {
    cause = csr_read(mcause);
    value = csr_read(mtval);
    csr_write(mepc, csr_read(mepc) + 4);
}

// Prints what can be read from a register, or what happens.
#define READ(csr)                                                                                                      \
    do {                                                                                                               \
        cause = 0;                                                                                                     \
        u64 got = csr_read(csr);                                                                                       \
        put_text(cause ? #csr " trap" : #csr);                                                                         \
        put_line("", cause ? value : got);                                                                             \
    } while (0)

// Writes patterns to the bits `mask` of a register, and prints what can be read of them then.
#define PROBE(csr, mask)                                                                                               \
    do {                                                                                                               \
        static const u64 patterns[] = {0, ~0UL, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x0123456789abcdef};           \
        put_text(#csr);                                                                                                \
        u64 old = csr_read(csr);                                                                                       \
        for (u64 i = 0; i < 5; i++) {                                                                                  \
            u64 got;                                                                                                   \
            cause = 0;                                                                                                 \
            asm volatile("csrw " #csr ", %1; csrr %0, " #csr "; csrw " #csr ", %2"                                     \
                         : "=&r"(got) : "r"(patterns[i] & (mask)), "r"(old) : "memory");                               \
            put_char(' ');                                                                                             \
            put_hex(cause ? cause : got & (mask), 16);                                                                 \
        }                                                                                                              \
        put_char('\n');                                                                                                \
    } while (0)

static void present(void) {
    READ(misa); READ(mhartid); READ(mvendorid); READ(0xf15); READ(mie); READ(mip); READ(medeleg); READ(mideleg);
    READ(mcounteren); READ(mcountinhibit); READ(mscratch); READ(0x747); READ(0x310); READ(0x350); READ(0x30a); READ(0x30c);
    READ(0x34a); READ(0x34b); READ(0x380); READ(0x7c0); READ(0xb01); READ(0xb03); READ(0xb12); READ(0xb13); READ(0xb1f);
    READ(0xb80); READ(0xc03); READ(0xc12); READ(0xc13); READ(0xc1f); READ(0xc80); READ(0xda0); READ(0xfb0); READ(0x321);
    READ(0x322); READ(0x323); READ(0x33f); READ(0x3a0); READ(0x3a1); READ(0x3a2); READ(0x3a3); READ(0x3a4); READ(0x3b0);
    READ(0x3bf); READ(0x3c0); READ(sstatus); READ(sie); READ(stvec); READ(sscratch); READ(sip); READ(satp); READ(0x5a8);
    READ(0x600); READ(0x200); READ(0x001); READ(0x002); READ(0x003); READ(0x000); READ(0x015); READ(0xfff);
}

static void writable(void) {
    PROBE(mscratch, ~0UL); PROBE(mepc, ~0UL); PROBE(mcause, ~0UL); PROBE(mtval, ~0UL); PROBE(misa, ~0UL);
    PROBE(mie, 0xaaaUL); PROBE(mip, 0x2aaaUL); PROBE(medeleg, 0xffffffffff0bffffUL); PROBE(mideleg, ~0x444UL);
    PROBE(mcountinhibit, 0x7fffdUL); PROBE(mcounteren, ~0UL); PROBE(0x3b0, ~0UL); PROBE(0x3bf, ~0UL);
    PROBE(0x3a0, 0x7f7f7f7f7f7f7f7fUL); PROBE(0x3a2, 0x7f7f7f7f7f7f7f7fUL); PROBE(0x323, 0x3ffffffffffffffUL);
    PROBE(0xb03, ~0UL); PROBE(0xb12, ~0UL); PROBE(0xb13, ~0UL); PROBE(mcycle, 0UL); PROBE(minstret, 0UL);
    // Without FS, VS, MPP, MPRV and the hypervisor's bits; MIE must not be set here.
    PROBE(mstatus, 0xffffff3ffffd81f7UL);
}

static void vectors(void) {
    u64 old = csr_read(mtvec);
    for (u64 low = 0; low < 8; low++) {
        csr_write(mtvec, 0x80001230 + low);
        u64 got = csr_read(mtvec);
        csr_write(mtvec, old);
        put_line("mtvec", got == old ? 0 : got);
    }
}

static void counters(void) {
    u64 first = csr_read(mcycle), second = csr_read(cycle);
    put_line("mcycle counts", second - first - 1 < 1000000000);
    first = csr_read(minstret), second = csr_read(instret);
    put_line("minstret counts", second - first - 1 < 1000000000);
    csr_write(mcycle, 0x1234567887654321);
    put_line("mcycle written", csr_read(mcycle) - 0x1234567887654321 < 1000000000);
    csr_write(minstret, -5UL);
    put_line("minstret written", csr_read(instret) + 5 < 1000000000);
    csr_write(0xb03, 0x1234567887654321);
    put_line("mhpmcounter3", csr_read(0xc03));
    csr_write(0xb03, 0);
    first = csr_read(time), second = csr_read(time);
    put_line("time counts", second - first < 1000000000);
}

int main(void) {
    csr_write(mtvec, skip);
    present();
    writable();
    vectors();
    counters();
    return 0;
}
