// What the registers of the devices say: the serial port, connected to itself; the interrupt controller (but for the
// priorities of sources 0 and 96, which the two QEMUs see differently); the clock with the date; the firmware's configuration. The results are printed at the end, when the port can print again.
#include "board.h"

#define RTC 0x101000UL
#define FW_CFG 0x10100000UL

static const char *names[1024];
static u64 values[1024];
static int count;

static void note(const char *name, u64 value) {
    names[count] = name;
    values[count++] = value;
}

static void wait(u64 microseconds) {
    for (u64 end = REG64(MTIME) + 10 * microseconds; REG64(MTIME) < end;) {}
}

static u8 uart(int offset) { return REG8(UART + offset); }
static void set_uart(int offset, u8 value) { REG8(UART + offset) = value; }

// Sets how long a byte takes on the line: a quarter of the time after which bytes that nobody reads cause an interrupt.
static void set_divider(u16 divider) {
    set_uart(3, 0x83);
    set_uart(0, (u8)divider), set_uart(1, divider >> 8);
    set_uart(3, 3);
}

static void registers_of_uart(void) {
    for (int i = 1; i < 8; i++) note("uart", uart(i));
    for (int i = 0; i < 256; i += 51) set_uart(7, i), note("scratch", uart(7));
    for (int i = 0; i < 256; i += 15) {
        set_uart(1, i), note("ier", uart(1));
        note("iir", uart(2)), note("iir again", uart(2));
    }
    set_uart(1, 0);
    set_uart(3, 0x80);
    note("divider", uart(0)), note("divider", uart(1));
    set_uart(0, 0x34), set_uart(1, 0x12);
    note("divider", uart(0)), note("divider", uart(1));
    set_uart(0, 1), set_uart(1, 0);
    set_uart(3, 0x1b);
    note("lcr", uart(3)), note("ier", uart(1));
    set_uart(3, 3);
    for (int i = 0; i < 32; i++) set_uart(4, 0x10 | i), note("mcr", uart(4)), note("msr", uart(6));
}

// One byte after the other, and two too many.
static void without_fifos(void) {
    set_uart(4, 0x10);
    set_uart(1, 5);
    note("lsr", uart(5)), note("iir", uart(2));
    set_uart(0, 'a');
    note("lsr", uart(5)), note("iir", uart(2)), note("data", uart(0)), note("lsr", uart(5)), note("iir", uart(2));
    set_uart(0, 'b'), set_uart(0, 'c');
    note("iir", uart(2)), note("lsr", uart(5)), note("iir", uart(2)), note("lsr", uart(5));
    note("data", uart(0)), note("data", uart(0)), note("lsr", uart(5));
    set_uart(1, 0);
}

static void with_fifos(u8 trigger) {
    set_divider(0xffff);
    set_uart(2, trigger | 7);
    note("iir", uart(2));
    set_uart(1, 5);
    for (int i = 0; i < 18; i++) set_uart(0, 'A' + i), note("iir", uart(2)), note("lsr", uart(5));
    for (int i = 0; i < 17; i++) note("data", uart(0)), note("iir", uart(2)), note("lsr", uart(5));
    // A byte that nobody reads for a while.
    set_uart(0, 'x');
    note("early", uart(2)), note("data", uart(0));
    set_divider(1);
    set_uart(0, 'x');
    wait(100000);
    note("late", uart(2)), note("data", uart(0)), note("iir", uart(2));
    set_divider(0xffff);
    set_uart(0, 'y'), set_uart(0, 'z');
    set_uart(2, trigger | 3);
    note("cleared", uart(5)), note("data", uart(0)), note("iir", uart(2));
    set_uart(0, 'y');
    set_uart(2, 0);
    note("switched off", uart(5)), note("iir", uart(2));
    set_uart(1, 2);
    note("transmitter", uart(2)), note("iir", uart(2));
    set_uart(2, trigger | 5);
    note("transmitter", uart(2)), note("iir", uart(2));
    set_uart(1, 0), set_uart(2, 0);
    set_divider(1);
}

static void plic(void) {
    static const u32 offsets[] = {4, 40, 44, 4 * 95, 0x1000, 0x1004, 0x1008, 0x100c, 0x2000, 0x2004, 0x2008, 0x200c,
                                  0x2080, 0x2088, 0x208c, 0x2100, 0x200000, 0x201000, 0x202000, 0x200008, 0x201004};
    for (u64 i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        volatile u32 *plic_register = (volatile u32 *)(PLIC + offsets[i]);
        u32 before = *plic_register;
        *plic_register = 5;
        note("plic 5", *plic_register);
        *plic_register = 0xfffffffd;
        note("plic fffffffd", *plic_register);
        *plic_register = before;
        note("plic before", before);
    }
}

static void rtc(void) {
    REG32(RTC + 0x00) = 0x89abcdef;
    REG32(RTC + 0x04) = 0x01234567;
    u32 low = REG32(RTC + 0x00);
    note("rtc high", REG32(RTC + 0x04));
    note("rtc low", low - 0x89abcdef < 1000000000);
    REG32(RTC + 0x0c) = 0x01234568;
    REG32(RTC + 0x08) = 0;
    note("alarm", REG32(RTC + 0x18)), note("alarm high", REG32(RTC + 0x0c)), note("alarm low", REG32(RTC + 0x08));
    REG32(RTC + 0x14) = 1;
    note("alarm cleared", REG32(RTC + 0x18));
    REG32(RTC + 0x10) = 0xff;
    note("interrupts", REG32(RTC + 0x10));
    low = REG32(RTC + 0x00);
    u64 soon = ((u64)REG32(RTC + 0x04) << 32 | low) + 20000000;
    REG32(RTC + 0x0c) = soon >> 32;
    REG32(RTC + 0x08) = (u32)soon;
    note("alarm set", REG32(RTC + 0x18)), note("pending", REG32(PLIC + 0x1000) & 1 << 11);
    wait(100000);
    note("alarm sounded", REG32(RTC + 0x18)), note("pending", REG32(PLIC + 0x1000) & 1 << 11);
    REG32(RTC + 0x1c) = 1;
    note("nothing there", REG32(RTC + 0x20));
}

static void fw_cfg(void) {
    for (u32 key = 0; key < 2; key++) {
        *(volatile u16 *)(FW_CFG + 8) = (u16)(key << 8);
        for (int i = 0; i < 6; i++) note("fw_cfg byte", REG8(FW_CFG) & (key ? 1 : 0xff));
    }
    *(volatile u16 *)(FW_CFG + 8) = 0;
    note("fw_cfg half", *(volatile u16 *)FW_CFG);
    note("fw_cfg word", REG32(FW_CFG));
    *(volatile u16 *)(FW_CFG + 8) = 0;
    note("fw_cfg double", REG64(FW_CFG));
    *(volatile u16 *)(FW_CFG + 8) = 0x3412;
    note("fw_cfg nothing", REG64(FW_CFG));
}

int main(void) {
    registers_of_uart();
    without_fifos();
    for (int trigger = 0; trigger < 4; trigger++) with_fifos((u8)(trigger << 6));
    set_uart(4, 8);
    plic();
    rtc();
    fw_cfg();
    for (int i = 0; i < count; i++) put_text(names[i]), put_char(' '), put_hex(values[i], values[i] >> 32 ? 16 : 8), put_char('\n');
    return 0;
}
