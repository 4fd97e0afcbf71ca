// A guest that notices when anything about its machine is not as it was: registers, memory, time, interrupts.
//
// Every millisecond the timer interrupts. Then a hash is computed a little further: it goes through a table in memory
// and through 28 words, which stand in the registers and nowhere else while the hart waits for the next interrupt. Every
// step depends on all before, so that one wrong bit anywhere, once, makes all that follows wrong.
//
// Keys: `v` computes everything once more from the beginning and says whether it is the same; `p` prints how far it
// is; `q` ends the run. What else is typed is sent back.
#include "board.h"

#define TICKS_PER_SECOND 1000UL
#define PERIOD (10000000UL / TICKS_PER_SECOND)
#define STEPS_PER_TICK 4
#define WORDS 28
#define ENTRIES 512
#define UART_IRQ 10
#define SEED 0x0123456789abcdefUL

struct hash {
    u64 words[WORDS];
    u64 table[ENTRIES];
};

static struct hash running, again;
static u64 steps;

// Written by the interrupts' handler.
static volatile u64 ticks, deadline, newest, backwards, typed;
volatile u64 events;
static volatile u8 keys[64];
static volatile u64 keys_in;
static u64 keys_out;

static u64 began, code_sum;

static u64 rotated(u64 value, int by) { return value << by | value >> (64 - by); }

static void begin(struct hash *hash) {
    u64 value = SEED;
    for (u64 i = 0; i < WORDS; i++) hash->words[i] = value = value * 0x5851f42d4c957f2d + 0x14057b7ef767814f;
    for (u64 i = 0; i < ENTRIES; i++) hash->table[i] = value = value * 0x5851f42d4c957f2d + 0x14057b7ef767814f;
}

static void advance(struct hash *hash) {
    u64 *words = hash->words, *entry = &hash->table[(words[0] >> 7) % ENTRIES];
    u64 before = words[WORDS - 1];
    for (u64 i = 0; i < WORDS; i++) words[i] = before = rotated(words[i] ^ before, 13) + *entry + i;
    *entry = rotated(*entry, 29) * 0x9e3779b97f4a7c15 + words[WORDS - 1];
}

// Waits for an event with `words` in the registers ra, t0 to t6, s0 to s11 and a0 to a7, and zeros where they were.
void park(u64 *words);
asm(".macro each, what\n"
    "\\what ra, 0\n \\what t0, 1\n \\what t1, 2\n \\what t2, 3\n \\what s0, 4\n \\what s1, 5\n \\what a0, 6\n \\what a1, 7\n"
    "\\what a2, 8\n \\what a3, 9\n \\what a4, 10\n \\what a5, 11\n \\what a6, 12\n \\what a7, 13\n \\what s2, 14\n"
    "\\what s3, 15\n \\what s4, 16\n \\what s5, 17\n \\what s6, 18\n \\what s7, 19\n \\what s8, 20\n \\what s9, 21\n"
    "\\what s10, 22\n \\what s11, 23\n \\what t3, 24\n \\what t4, 25\n \\what t5, 26\n \\what t6, 27\n"
    ".endm\n"
    ".macro push, register, index\n sd \\register, 8*\\index(sp)\n .endm\n"
    ".macro pop, register, index\n ld \\register, 8*\\index(sp)\n .endm\n"
    ".macro take, register, index\n ld \\register, 8*\\index(tp)\n sd zero, 8*\\index(tp)\n .endm\n"
    ".macro put, register, index\n sd \\register, 8*\\index(tp)\n .endm\n"
    "park:\n"
    "addi sp, sp, -256\n each push\n sd a0, 224(sp)\n mv tp, a0\n each take\n li tp, 0\n"
    "1: csrci mstatus, 8\n ld gp, events\n bnez gp, 2f\n wfi\n csrsi mstatus, 8\n j 1b\n"
    "2: csrsi mstatus, 8\n ld tp, 224(sp)\n each put\n each pop\n addi sp, sp, 256\n ret\n"
    ".align 2\n"
    "entry:\n"
    "addi sp, sp, -256\n each push\n sd gp, 224(sp)\n sd tp, 232(sp)\n call interrupt\n"
    "each pop\n ld gp, 224(sp)\n ld tp, 232(sp)\n addi sp, sp, 256\n mret\n");
extern char entry[], _start[], bss_begin[];

static void tick(void) {
    u64 now = REG64(MTIME);
    if (now < newest) backwards++;
    newest = now;
    // An interrupt that comes too early is none; but it lets the timer be set once more.
    if (now >= deadline) {
        deadline += PERIOD;
        ticks++;
        events = 1;
    }
    REG64(MTIMECMP) = deadline;
}

static void receive(void) {
    u32 source = REG32(PLIC + 0x200004);
    while (REG8(UART + 5) & 1) {
        keys[keys_in++ % sizeof keys] = REG8(UART);
        typed++;
        events = 1;
    }
    REG32(PLIC + 0x200004) = source;
}

void interrupt(void) {
    u64 cause = csr_read(mcause);
    if (cause == (1UL << 63 | 7)) return tick();
    if (cause == (1UL << 63 | 11)) return receive();
    put_line("unexpected trap", cause);
    put_line("at", csr_read(mepc));
    end(1);
}

static u64 sum_of_code(void) {
    u64 sum = 0;
    for (const u32 *word = (const u32 *)_start; word < (const u32 *)entry; word++) sum = rotated(sum, 5) + *word;
    return sum;
}

static void put_number(u64 value, int digits) {
    char text[20];
    int count = 0;
    do text[count++] = (char)('0' + value % 10);
    while ((value /= 10) || count < digits);
    while (count--) put_char(text[count]);
}

static void put_progress(void) {
    u64 computed = steps / STEPS_PER_TICK;
    put_number(computed / TICKS_PER_SECOND, 1);
    put_char('.');
    put_number(computed % TICKS_PER_SECOND, 3);
    put_text(" s, ");
    put_number(steps, 1);
    put_text(" steps, hash ");
    put_hex(running.words[0], 16);
}

static int is_on_time(void) {
    csr_clear(mstatus, 8);
    u64 due = (REG64(MTIME) - began) / PERIOD, counted = ticks;
    csr_set(mstatus, 8);
    return due <= counted + 1;
}

static const char *fault(void) {
    u64 at = steps;
    begin(&again);
    while (at--) advance(&again);
    for (u64 i = 0; i < WORDS; i++)
        if (again.words[i] != running.words[i]) return "the registers";
    for (u64 i = 0; i < ENTRIES; i++)
        if (again.table[i] != running.table[i]) return "the memory";
    if (sum_of_code() != code_sum) return "the program";
    if (backwards) return "the time, which went backwards";
    // A host that is busy may be late with them, but they must keep coming until all are there.
    for (u64 patience = REG64(MTIME) + TICKS_PER_SECOND / 2 * PERIOD; !is_on_time();)
        if (REG64(MTIME) > patience) return "the number of interrupts";
    return 0;
}

static void verify(void) {
    const char *wrong = fault();
    put_text(wrong ? "WRONG: " : "right: ");
    if (wrong) put_text(wrong), put_text(", ");
    put_progress();
    put_text(", ");
    put_number(typed, 1);
    put_text(" keys\n");
}

static void command(char key) {
    switch (key) {
    case 'v': return verify();
    case 'p': return put_progress(), put_char('\n');
    case 'q': end(0);
    case '\r': return put_char('\n');
    default: return put_char(key);
    }
}

int main(void) {
    begin(&running);
    code_sum = sum_of_code();
    csr_write(mtvec, entry);
    // Bytes are received through a FIFO, and each interrupts.
    REG8(UART + 2) = 7;
    REG8(UART + 1) = 1;
    REG32(PLIC + 4 * UART_IRQ) = 1;
    REG32(PLIC + 0x2000) = 1 << UART_IRQ;
    REG32(PLIC + 0x200000) = 0;
    newest = began = REG64(MTIME);
    deadline = began + PERIOD;
    REG64(MTIMECMP) = deadline;
    csr_write(mie, 0x880);
    put_text("hasher: a thousand interrupts a second; v verifies, p prints progress, q quits\n");
    for (u64 done = 0;;) {
        park(running.words);
        events = 0;
        for (; done < ticks; done++) {
            for (int i = 0; i < STEPS_PER_TICK; i++, steps++) advance(&running);
            if ((done + 1) % TICKS_PER_SECOND == 0) put_progress(), put_char('\n');
        }
        while (keys_out != keys_in) command((char)keys[keys_out++ % sizeof keys]);
    }
}
