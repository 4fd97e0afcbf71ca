// Causes every exception and interrupt, and prints what the trap's registers say about it.
#include "board.h"

static volatile u64 cause, epc, value, status, pending, count;

// What to do about an interrupt, so that it does not come again at once.
static void calm(u64 number) {
    if (number == 3) REG32(MSIP) = 0;
    if (number == 7) REG64(MTIMECMP) = -1UL;
    if (number == 11) {
        u32 source = REG32(PLIC + 0x200004);
        put_text("source ");
        put_hex(source, 2);
        put_text(" iir ");
        put_hex(REG8(UART + 2), 2);
        put_char('\n');
        REG8(UART + 1) = 0;
        REG32(PLIC + 0x200004) = source;
    }
}

// Notes what has happened. An exception skips its instruction, or, if that cannot be read, returns to its caller.
void trapped(u64 *registers) {
    cause = csr_read(mcause);
    epc = csr_read(mepc);
    value = csr_read(mtval);
    status = csr_read(mstatus);
    pending = csr_read(mip);
    count++;
    if (cause >> 63) return calm(cause & 63);
    if (cause == 1) csr_write(mepc, registers[1]);
    else csr_write(mepc, epc + ((*(volatile unsigned short *)epc & 3) == 3 ? 4 : 2));
}

asm(".align 2\n"
    "vectors:\n"
    ".option push; .option norvc\n"
    ".rept 16\n j entry\n .endr\n"
    ".option pop\n"
    ".align 2\n"
    "entry:\n"
    "addi sp, sp, -256\n"
    ".irp r,1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n sd x\\r, 8*\\r(sp)\n .endr\n"
    "mv a0, sp\n call trapped\n"
    ".irp r,1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n ld x\\r, 8*\\r(sp)\n .endr\n"
    "addi sp, sp, 256\n"
    "mret\n");
extern char vectors[], entry[];

// The bits of `mstatus` that are the same whatever else the hart can do.
#define STATUS 0x1888

static void report(const char *name, u64 at) {
    put_text(name);
    if (!count) return put_text(": nothing\n");
    put_text(": cause ");
    put_hex(cause >> 63, 1);
    put_char(' ');
    put_hex(cause & 0xff, 2);
    put_text(" value ");
    // QEMU 7.2 has no value for a breakpoint.
    put_hex(cause == 3 ? 0 : value, 16);
    put_text(" at ");
    put_hex(at ? epc - at : 0, 4);
    put_text(" status ");
    put_hex(status & STATUS, 4);
    put_text(" then ");
    put_hex(csr_read(mstatus) & 0x88, 2);
    put_text(" pending ");
    put_hex(pending & 0x888, 3);
    put_text(" count ");
    put_hex(count, 2);
    put_char('\n');
    count = 0;
}

// Executes `text`; `operand` is in a0, a valid address in a1, and the trap should be at `here`.
static u64 word[4];
#define TRY(name, text, operand)                                                                                       \
    {                                                                                                                  \
        register u64 a0 asm("a0") = (u64)(operand);                                                                    \
        register u64 *a1 asm("a1") = word;                                                                             \
        u64 here;                                                                                                      \
        asm volatile(".option push; .option norvc\n la t2, 1f\n mv %0, t2\n 1: " text "\n.option pop"                  \
                     : "=&r"(here), "+r"(a0), "+r"(a1) :: "memory", "ra", "t0", "t1", "t2");                           \
        report(name, here);                                                                                            \
        put_line("  a0", cause == 1 ? 0 : a0 - ((a0 >> 31) == 1 ? (u64)word : 0));                                     \
    }

static void illegal(void) {
    TRY("zeros", ".2byte 0", 1) TRY("ones", ".4byte 0xffffffff", 1) TRY("custom", ".4byte 0x0000000b", 1)
    TRY("addi4spn 0", ".2byte 0x0004", 1) TRY("quadrant 0", ".2byte 0x8000", 1) TRY("c.addiw x0", ".2byte 0x2001", 1)
    TRY("c.lui 0", ".2byte 0x6501", 1) TRY("c.addi16sp 0", ".2byte 0x6101", 1) TRY("c.lwsp x0", ".2byte 0x4002", 1)
    TRY("c.ldsp x0", ".2byte 0x6002", 1) TRY("c.jr x0", ".2byte 0x8002", 1) TRY("subw 2", ".2byte 0x9d4d", 1)
    TRY("load 7", ".4byte 0x0005f503", 1) TRY("store 4", ".4byte 0x00a5c023", 1) TRY("branch 2", ".4byte 0x00a52463", 1)
    TRY("jalr 1", ".4byte 0x00051567", 1) TRY("amo 2 05", ".4byte 0x28a5a52f", 1) TRY("amo 0", ".4byte 0x00a5852f", 1)
    TRY("lr rs2", ".4byte 0x1015a52f", 1) TRY("op 7f", ".4byte 0xfeb50533", 1) TRY("op32 2", ".4byte 0x00b5253b", 1)
    TRY("sllw 1", ".4byte 0x02b5153b", 1) TRY("slliw 32", ".4byte 0x0205151b", 1) TRY("mulh32", ".4byte 0x02b5153b", 1)
    TRY("system 4", ".4byte 0x34054573", 1) TRY("system 0", ".4byte 0x00200073", 1) TRY("uret", ".4byte 0x00200073", 1)
    TRY("csr 7c0", "csrr a0, 0x7c0", 1) TRY("csr 7c0 write", "csrw 0x7c0, a0", 1) TRY("read only", "csrw cycle, a0", 1)
    TRY("read only set", "csrs mhartid, a1", 1) TRY("read only set 0", "csrs mhartid, zero", 1)
    TRY("read only imm", "csrrsi a0, mhartid, 1", 1) TRY("read only imm 0", "csrrsi a0, mhartid, 0", 1)
}

// An atomic instruction where nothing is would be a fault of a load in QEMU 7.2, and of a store in 10.0.
static void exceptions(void) {
    TRY("ecall", "ecall", 1) TRY("ebreak", "ebreak", 1) TRY("c.ebreak", ".2byte 0x9002", 1)
    TRY("nowhere", "jalr a0", 0x40) TRY("nowhere else", "jalr a0", 0x0e00000000000000)
    TRY("lb", "lb a0, 1(a0)", 0) TRY("lh", "lh a0, 2(a0)", 0x0e000000) TRY("lw", "lw a0, 4(a0)", 0x0e000000)
    TRY("ld", "ld a0, 8(a0)", 0x0e00000000000000) TRY("sb", "sb a1, 1(a0)", 0) TRY("sh", "sh a1, 2(a0)", 0x0e000000)
    TRY("sw", "sw a1, 4(a0)", 0x0e000000) TRY("sd", "sd a1, 8(a0)", 0x0e00000000000000)
    TRY("lr", "lr.w a0, (a0)", 0x0e000000)
    TRY("sc alone", "sc.w a0, a1, (a0)", 0x0e000000)
    TRY("lr.w +1", "lr.w a0, (a0)", (u64)word + 1) TRY("lr.d +4", "lr.d a0, (a0)", (u64)word + 4)
    TRY("amo.w +2", "amoadd.w a0, a1, (a0)", (u64)word + 2) TRY("amo.d +4", "amoswap.d a0, a1, (a0)", (u64)word + 4)
    TRY("sc.w +1", "sc.w a0, a1, (a0)", (u64)word + 1)
    TRY("rom", "sw a0, 0(a0)", 0x1000) TRY("rom byte", "lb a0, 0(a0)", 0x1f00) TRY("flash", "lw a0, 0(a0)", 0x21000000)
    TRY("lr ecall sc", "lr.w t0, (a1)\n ecall\n sc.w a0, t0, (a1)", 7)
    TRY("load to itself", "ld a1, 0(a0)", 0x0e000000)
}

// Waits until the pending interrupt has been taken.
#define WAIT() for (u64 patience = 100000000; !count && patience--;) asm volatile("")
#define ENABLE() csr_set(mstatus, 8)
#define DISABLE() csr_clear(mstatus, 8)

static void interrupts(void) {
    csr_write(mie, 0x888);
    REG64(MTIMECMP) = -1UL;
    REG32(MSIP) = 1; ENABLE(); WAIT(); DISABLE(); report("software", 0);
    REG64(MTIMECMP) = REG64(MTIME) + 100; ENABLE(); WAIT(); DISABLE(); report("timer", 0);
    REG64(MTIMECMP) = 0; REG32(MSIP) = 1;
    put_line("both", csr_read(mip) & 0x88);
    ENABLE(); WAIT(); DISABLE(); report("both", 0);
    count = 0;

    // The transmitter has something to say as soon as it may.
    REG32(PLIC + 4 * 10) = 3;
    REG32(PLIC + 0x2000) = 1 << 10;
    REG32(PLIC + 0x200000) = 3;
    REG8(UART + 1) = 2;
    put_line("threshold", csr_read(mip) & 0x800);
    put_line("waiting", REG32(PLIC + 0x1000));
    REG32(PLIC + 0x200000) = 2;
    put_line("threshold", csr_read(mip) & 0x800);
    ENABLE(); WAIT(); DISABLE(); report("external", 0);
    put_line("waiting", REG32(PLIC + 0x1000));
    put_line("nothing to claim", REG32(PLIC + 0x200004));
    put_line("priority", (REG32(PLIC + 4 * 10) = 0xffffffff, REG32(PLIC + 4 * 10)));
    put_line("no priority", REG32(PLIC + 4 * 95));

    // An interrupt that is pending wakes the hart up even if it is not taken.
    REG64(MTIMECMP) = REG64(MTIME) + 100000;
    asm volatile("wfi" ::: "memory");
    put_line("woken", REG64(MTIME) >= REG64(MTIMECMP));
    put_line("not taken", count);
    csr_clear(mie, 0x80);
    ENABLE(); DISABLE();
    put_line("not enabled", count);
    REG64(MTIMECMP) = -1UL;
    csr_set(mie, 0x80);
    REG64(MTIMECMP) = REG64(MTIME) + 100000;
    ENABLE(); asm volatile("wfi" ::: "memory"); DISABLE(); report("wfi", 0);
}

static void timer(void) {
    u64 time = REG64(MTIME);
    u64 csr = csr_read(time);
    put_line("time", csr - time < 1000000);
    put_line("halves", REG32(MTIME) - (u32)csr < 1000000);
    REG64(MTIMECMP) = 0x0123456789abcdef;
    put_line("low", REG32(MTIMECMP));
    put_line("high", REG32(MTIMECMP + 4));
    REG32(MTIMECMP + 4) = 0x76543210;
    REG32(MTIMECMP) = 0xfedcba98;
    put_line("halves", REG64(MTIMECMP));
    put_line("pending", csr_read(mip) & 0x80);
    REG64(MTIMECMP) = 0;
    put_line("pending", csr_read(mip) & 0x80);
    REG64(MTIMECMP) = -1UL;
    REG64(MTIME) = 0x1000000000000;
    put_line("time set", REG64(MTIME) - 0x1000000000000 < 1000000 && csr_read(time) - 0x1000000000000 < 1000000);
}

int main(void) {
    csr_write(mtvec, entry);
    illegal();
    exceptions();
    interrupts();
    csr_write(mtvec, (u64)vectors | 1);
    TRY("vectored ecall", "j 1f\n.align 2\n1: nop", 1)
    interrupts();
    timer();
    return 0;
}
