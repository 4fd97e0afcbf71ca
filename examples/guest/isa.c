// Executes every instruction of RV64IMAC on many operands, and prints for each what became of them: a signature that is
// the same wherever it runs, or one of the instructions is wrong.
#include "board.h"

static const u64 operands[] = {
    0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
    0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff7fffffff, 0xffffffff80000000, 0xfffffffffffffffe,
    0xffffffffffffffff, 0x0123456789abcdef, 0xdeadbeefcafebabe,
};
#define OPERANDS (sizeof operands / sizeof *operands)

static u64 signature;

static void mix(u64 value) {
    signature ^= value;
    signature = (signature << 7 | signature >> 57) + 0x9e3779b97f4a7c15;
}

static void done(const char *name) {
    put_line(name, signature);
    signature = 0;
}

// Two registers.
#define RR(op)                                                                                                         \
    for (u64 i = 0; i < OPERANDS; i++)                                                                                 \
        for (u64 j = 0; j < OPERANDS; j++) {                                                                           \
            u64 result, same = operands[i];                                                                            \
            asm volatile(op " %0, %1, %2" : "=r"(result) : "r"(operands[i]), "r"(operands[j]));                        \
            asm volatile(op " %0, %0, %1" : "+r"(same) : "r"(operands[j]));                                            \
            mix(result);                                                                                               \
            mix(same);                                                                                                 \
        }                                                                                                              \
    done(op)

// A register and an immediate.
#define I1(op, imm)                                                                                                    \
    {                                                                                                                  \
        u64 result;                                                                                                    \
        asm volatile(op " %0, %1, " #imm : "=r"(result) : "r"(operands[i]));                                           \
        mix(result);                                                                                                   \
    }
#define RI(op) for (u64 i = 0; i < OPERANDS; i++) { I1(op, 0) I1(op, 1) I1(op, -1) I1(op, 2047) I1(op, -2048) I1(op, 0x555) I1(op, -0x2ab) } done(op)
#define SHIFT(op) for (u64 i = 0; i < OPERANDS; i++) { I1(op, 0) I1(op, 1) I1(op, 7) I1(op, 31) I1(op, 32) I1(op, 33) I1(op, 63) } done(op)
#define SHIFTW(op) for (u64 i = 0; i < OPERANDS; i++) { I1(op, 0) I1(op, 1) I1(op, 7) I1(op, 15) I1(op, 16) I1(op, 31) } done(op)

#define U1(op, imm) { u64 result; asm volatile(op " %0, " #imm : "=r"(result)); mix(result); }

// Loads from every address in a small buffer, aligned or not.
static u64 buffer[8];

static void fill(void) {
    for (u64 i = 0; i < 8; i++) buffer[i] = operands[OPERANDS - 1 - i % 2] * (2 * i + 1);
}

#define L1(op, offset)                                                                                                 \
    {                                                                                                                  \
        u64 result;                                                                                                    \
        asm volatile(op " %0, " #offset "(%1)" : "=r"(result) : "r"((u8 *)buffer + at - (offset)) : "memory");         \
        mix(result);                                                                                                   \
    }
#define LOAD(op) fill(); for (u64 at = 0; at < 40; at++) { L1(op, 0) L1(op, 1) L1(op, -1) L1(op, 2047) L1(op, -2048) L1(op, 88) } done(op)

#define S1(op, offset)                                                                                                 \
    asm volatile(op " %0, " #offset "(%1)" ::"r"(operands[i]), "r"((u8 *)buffer + at - (offset)) : "memory");          \
    for (u64 k = 0; k < 8; k++) mix(buffer[k]);
#define STORE(op) fill(); for (u64 at = 0; at < 40; at++) for (u64 i = 20; i < OPERANDS; i++) { S1(op, 0) S1(op, -1) S1(op, 2047) S1(op, -2048) } done(op)

#define BRANCH(op)                                                                                                     \
    for (u64 i = 0; i < OPERANDS; i++)                                                                                 \
        for (u64 j = 0; j < OPERANDS; j++) {                                                                           \
            u64 result = 1, count = 0;                                                                                 \
            asm volatile(".option push; .option norvc\n" op " %1, %2, 1f\n li %0, 2\n1: .option pop"                   \
                         : "+r"(result) : "r"(operands[i]), "r"(operands[j]));                                         \
            asm volatile("j 2f\n1: addi %0, %0, 1\n li %1, 0\n j 3f\n2: " op " %2, %3, 1b\n3:"                         \
                         : "+r"(count), "+r"(result) : "r"(operands[i]), "r"(operands[j]));                            \
            mix(result + 4 * count);                                                                                   \
        }                                                                                                              \
    done(op)

// Atomic: what is loaded, and what is stored.
#define AMO(op)                                                                                                        \
    for (u64 i = 0; i < OPERANDS; i++)                                                                                 \
        for (u64 j = 0; j < OPERANDS; j++) {                                                                           \
            u64 result;                                                                                                \
            buffer[0] = operands[i];                                                                                   \
            asm volatile(op " %0, %1, (%2)" : "=r"(result) : "r"(operands[j]), "r"(buffer) : "memory");                \
            mix(result);                                                                                               \
            mix(buffer[0]);                                                                                            \
        }                                                                                                              \
    done(op)

// One register of those that compressed instructions know, or two of them.
#define C1(text)                                                                                                       \
    {                                                                                                                  \
        register u64 a asm("a0") = operands[i];                                                                        \
        asm volatile(".option push; .option rvc\n" text "\n.option pop" : "+r"(a));                                    \
        mix(a);                                                                                                        \
    }
#define EACH(...) for (u64 i = 0; i < OPERANDS; i++) { __VA_ARGS__ }
#define C2(op)                                                                                                         \
    for (u64 i = 0; i < OPERANDS; i++)                                                                                 \
        for (u64 j = 0; j < OPERANDS; j++) {                                                                           \
            register u64 a asm("a0") = operands[i];                                                                    \
            register u64 b asm("s1") = operands[j];                                                                    \
            asm volatile(op " a0, s1" : "+r"(a) : "r"(b));                                                             \
            mix(a);                                                                                                    \
        }                                                                                                              \
    done(op)

#define CSR(op)                                                                                                        \
    for (u64 i = 0; i < OPERANDS; i++)                                                                                 \
        for (u64 j = 0; j < OPERANDS; j++) {                                                                           \
            u64 old;                                                                                                   \
            csr_write(mscratch, operands[i]);                                                                          \
            asm volatile(op " %0, mscratch, %1" : "=r"(old) : "r"(operands[j]));                                       \
            mix(old);                                                                                                  \
            mix(csr_read(mscratch));                                                                                   \
        }                                                                                                              \
    done(op)
#define CSRI1(op, imm)                                                                                                 \
    {                                                                                                                  \
        u64 old;                                                                                                       \
        csr_write(mscratch, operands[i]);                                                                              \
        asm volatile(op " %0, mscratch, " #imm : "=r"(old));                                                           \
        mix(old);                                                                                                      \
        mix(csr_read(mscratch));                                                                                       \
    }
#define CSRI(op) EACH(CSRI1(op, 0) CSRI1(op, 1) CSRI1(op, 16) CSRI1(op, 31)) done(op)

static void arithmetic(void) {
    RR("add"); RR("sub"); RR("sll"); RR("slt"); RR("sltu"); RR("xor"); RR("srl"); RR("sra"); RR("or"); RR("and");
    RR("addw"); RR("subw"); RR("sllw"); RR("srlw"); RR("sraw");
    RR("mul"); RR("mulh"); RR("mulhsu"); RR("mulhu"); RR("div"); RR("divu"); RR("rem"); RR("remu");
    RR("mulw"); RR("divw"); RR("divuw"); RR("remw"); RR("remuw");
}

static void immediates(void) {
    RI("addi"); RI("slti"); RI("sltiu"); RI("xori"); RI("ori"); RI("andi"); RI("addiw");
    SHIFT("slli"); SHIFT("srli"); SHIFT("srai"); SHIFTW("slliw"); SHIFTW("srliw"); SHIFTW("sraiw");
    U1("lui", 0) U1("lui", 1) U1("lui", 0x7ffff) U1("lui", 0x80000) U1("lui", 0xfffff) U1("lui", 0x12345) done("lui");
}

static void memory(void) {
    LOAD("lb"); LOAD("lh"); LOAD("lw"); LOAD("ld"); LOAD("lbu"); LOAD("lhu"); LOAD("lwu");
    STORE("sb"); STORE("sh"); STORE("sw"); STORE("sd");
}

static void branches(void) {
    BRANCH("beq"); BRANCH("bne"); BRANCH("blt"); BRANCH("bge"); BRANCH("bltu"); BRANCH("bgeu");
}

static void jumps(void) {
    u64 a, b, c;
    asm volatile(".option push; .option norvc\n"
                 "auipc %0, 0\n auipc %1, 0x12345\n auipc %2, 0xfffff\n sub %1, %1, %0\n sub %2, %2, %0\n.option pop"
                 : "=&r"(a), "=&r"(b), "=&r"(c));
    mix(b); mix(c); done("auipc");
    asm volatile(".option push; .option norvc\n1: jal %0, 2f\n li %0, 0\n2: la %1, 1b\n sub %0, %0, %1\n.option pop"
                 : "=&r"(a), "=&r"(b));
    mix(a); done("jal");
    // A target that is odd, one and the same register, and an offset.
    asm volatile(".option push; .option norvc\n la %0, 1f + 9\n1: jalr %0, -8(%0)\n2: la %1, 1b\n sub %0, %0, %1\n.option pop"
                 : "=&r"(a), "=&r"(b));
    mix(a);
    asm volatile(".option push; .option rvc\n la %0, 1f\n c.jalr %0\n2: c.li %0, 1\n1: la %1, 2b\n sub %0, ra, %1\n.option pop"
                 : "=&r"(a), "=&r"(b) :: "ra");
    mix(a); done("jalr");
}

static void atomics(void) {
    AMO("amoswap.w"); AMO("amoadd.w"); AMO("amoxor.w"); AMO("amoand.w"); AMO("amoor.w"); AMO("amomin.w"); AMO("amomax.w");
    AMO("amominu.w"); AMO("amomaxu.w"); AMO("amoadd.w.aq"); AMO("amoadd.w.rl"); AMO("amoadd.w.aqrl");
    AMO("amoswap.d"); AMO("amoadd.d"); AMO("amoxor.d"); AMO("amoand.d"); AMO("amoor.d"); AMO("amomin.d"); AMO("amomax.d");
    AMO("amominu.d"); AMO("amomaxu.d"); AMO("amoadd.d.aq"); AMO("amoadd.d.rl"); AMO("amoadd.d.aqrl");
}

// A store under a reservation; what is done in between is `between`.
#define RESERVED(width, between)                                                                                       \
    for (u64 i = 0; i < OPERANDS; i++) {                                                                               \
        u64 found, failed, again;                                                                                      \
        buffer[0] = operands[i];                                                                                       \
        buffer[1] = operands[i];                                                                                       \
        asm volatile("lr." width " %0, (%3)\n" between "\nsc." width " %1, %4, (%3)\nsc." width " %2, %4, (%3)"        \
                     : "=&r"(found), "=&r"(failed), "=&r"(again)                                                       \
                     : "r"(buffer), "r"(operands[OPERANDS - 1 - i]), "r"(buffer + 1) : "memory", "t0");                \
        mix(found); mix(failed); mix(again); mix(buffer[0]);                                                           \
    }

static void reservations(void) {
    RESERVED("w", "") done("lr.w sc.w");
    RESERVED("d", "") done("lr.d sc.d");
    RESERVED("w", "li t0, 0x77\nsw t0, (%3)") done("lr.w sw sc.w");
    RESERVED("d", "li t0, 0x77\nsd t0, (%3)") done("lr.d sd sc.d");
    RESERVED("d", "sc.d t0, %4, (%5)") done("lr.d sc.d elsewhere");
    RESERVED("d", "lr.d t0, (%5)") done("lr.d lr.d elsewhere");
    RESERVED("w", "lr.w.aq t0, (%3)\nsc.w.rl t0, %4, (%3)") done("lr.w.aq sc.w.rl");
}

static void compressed(void) {
    C2("c.add"); C2("c.mv"); C2("c.sub"); C2("c.xor"); C2("c.or"); C2("c.and"); C2("c.addw"); C2("c.subw");
    EACH(C1("c.addi a0, 1") C1("c.addi a0, -1") C1("c.addi a0, 31") C1("c.addi a0, -32")) done("c.addi");
    EACH(C1("c.addiw a0, 0") C1("c.addiw a0, -1") C1("c.addiw a0, 31") C1("c.addiw a0, -32")) done("c.addiw");
    EACH(C1("c.li a0, 0") C1("c.li a0, -1") C1("c.li a0, 31") C1("c.li a0, -32")) done("c.li");
    EACH(C1("c.lui a0, 1") C1("c.lui a0, 31") C1("c.lui a0, 0xfffe0") C1("c.lui a0, 0xfffff")) done("c.lui");
    EACH(C1("c.andi a0, 0") C1("c.andi a0, -1") C1("c.andi a0, 31") C1("c.andi a0, -32")) done("c.andi");
    EACH(C1("c.slli a0, 1") C1("c.slli a0, 31") C1("c.slli a0, 32") C1("c.slli a0, 63")) done("c.slli");
    EACH(C1("c.srli a0, 1") C1("c.srli a0, 31") C1("c.srli a0, 32") C1("c.srli a0, 63")) done("c.srli");
    EACH(C1("c.srai a0, 1") C1("c.srai a0, 31") C1("c.srai a0, 32") C1("c.srai a0, 63")) done("c.srai");
    EACH(C1("c.beqz a0, 1f\nli a0, 5\n1:")) done("c.beqz");
    EACH(C1("c.bnez a0, 1f\nli a0, 5\n1:")) done("c.bnez");
    EACH(C1("c.j 1f\n2: c.j 3f\nli a0, 1\n1: c.addi a0, 3\nc.j 2b\n3:")) done("c.j");
    EACH(C1("la t0, 1f\nc.jr t0\nli a0, 5\n1:")) done("c.jr");
    EACH(C1("c.nop\n.2byte 0x0005\n.2byte 0x4015\n.2byte 0x0006\n.2byte 0x8036\n.2byte 0x9036\n.2byte 0x6015")) done("hints");
}

static void compressed_memory(void) {
    // Loads and stores by a register, with the extremes of their offsets.
    for (u64 i = 0; i < OPERANDS; i++) {
        register u64 a asm("a0") = operands[i];
        register u64 *base asm("s1") = buffer;
        fill();
        asm volatile("c.sw a0, 0(s1)\nc.sw a0, 60(s1)\nc.sd a0, 8(s1)\nc.sd a0, 56(s1)" :: "r"(a), "r"(base) : "memory");
        for (u64 k = 0; k < 8; k++) mix(buffer[k]);
        asm volatile("c.lw a0, 4(s1)" : "=r"(a) : "r"(base) : "memory"); mix(a);
        asm volatile("c.lw a0, 60(s1)" : "=r"(a) : "r"(base) : "memory"); mix(a);
        asm volatile("c.ld a0, 56(s1)" : "=r"(a) : "r"(base) : "memory"); mix(a);
    }
    done("c.lw c.sw c.ld c.sd");
    for (u64 i = 0; i < OPERANDS; i++) {
        register u64 a asm("a0") = operands[i];
        register u64 b asm("a1") = 0;
        register u64 c asm("a2") = 0;
        asm volatile("addi sp, sp, -512\n mv t0, sp\n"
                     "c.swsp a0, 0(sp)\nc.swsp a0, 252(sp)\nc.sdsp a0, 8(sp)\nc.sdsp a0, 504(sp)\n"
                     "c.lwsp a1, 252(sp)\nc.ldsp a2, 504(sp)\n"
                     "c.addi4spn a0, sp, 1020\nsub a0, a0, t0\nadd a1, a1, a0\nc.addi4spn a0, sp, 4\nsub a0, a0, t0\nadd a2, a2, a0\n"
                     "lw a0, 0(sp)\nld t1, 8(sp)\nadd a0, a0, t1\n"
                     "c.addi16sp sp, 496\nsub t1, sp, t0\nadd a0, a0, t1\nc.addi16sp sp, -512\nsub t1, sp, t0\nadd a0, a0, t1\n"
                     "c.addi16sp sp, 16\naddi sp, t0, 512"
                     : "+r"(a), "+r"(b), "+r"(c) :: "memory", "t0", "t1");
        mix(a); mix(b); mix(c);
    }
    done("c.lwsp c.swsp c.ldsp c.sdsp c.addi16sp c.addi4spn");
}

// Every register takes part in a computation, as source and as destination.
static void registers(void) {
#define ALL "1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
    static u64 results[32];
    asm volatile(".option push; .option norvc\n"
                 "addi sp, sp, -512\n sd s0, 256(sp)\n sd gp, 264(sp)\n sd tp, 272(sp)\n"
                 ".irp r," ALL "\n li x\\r, 0x123456789 * \\r\n .endr\n"
                 ".irp r," ALL "\n sd x\\r, 8*\\r(sp)\n .endr\n"
                 ".irp r," ALL "\n ld x\\r, 8*(32-\\r)(sp)\n .endr\n"
                 ".irp r," ALL "\n addi x\\r, x\\r, \\r\n .endr\n"
                 ".irp r," ALL "\n slli x\\r, x\\r, 3\n .endr\n"
                 ".irp r," ALL "\n xor x\\r, x\\r, x31\n .endr\n"
                 ".irp r," ALL "\n add x\\r, x1, x\\r\n .endr\n"
                 ".irp r," ALL "\n add x0, x\\r, x\\r\n .endr\n"
                 ".irp r," ALL "\n add x\\r, x\\r, x0\n .endr\n"
                 ".irp r," ALL "\n sd x\\r, 8*\\r(sp)\n .endr\n"
                 "sd x0, 0(sp)\n sd x0, 16(sp)\n la t0, %0\n li t1, 32\n mv t2, sp\n"
                 "1: ld t3, 0(t2)\n sd t3, 0(t0)\n addi t0, t0, 8\n addi t2, t2, 8\n addi t1, t1, -1\n bnez t1, 1b\n"
                 "ld s0, 256(sp)\n ld gp, 264(sp)\n ld tp, 272(sp)\n addi sp, sp, 512\n.option pop"
                 :: "i"(results)
                 : "memory", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9",
                   "s10", "s11", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7");
    for (u64 i = 0; i < 32; i++) mix(results[i]);
    done("registers");
}

// A program that changes itself: li a0, n; ret, with another n each time.
static void changing(void) {
    static u32 code[2];
    for (u32 n = 0; n < 64; n++) {
        code[0] = 0x00000513 | n << 20;
        code[1] = 0x00008067;
        asm volatile("fence.i" ::: "memory");
        mix(((u64 (*)(void))code)());
    }
    asm volatile("fence; fence rw, w; fence.tso; nop");
    done("fence.i");
}

int main(void) {
    arithmetic();
    immediates();
    memory();
    branches();
    jumps();
    atomics();
    reservations();
    compressed();
    compressed_memory();
    CSR("csrrw"); CSR("csrrs"); CSR("csrrc"); CSRI("csrrwi"); CSRI("csrrsi"); CSRI("csrrci");
    registers();
    changing();
    return 0;
}
