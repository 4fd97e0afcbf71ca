// What the programs know of the board: QEMU's `virt` machine, or ours.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define UART 0x10000000UL
#define FINISHER 0x100000UL
#define MSIP 0x2000000UL
#define MTIMECMP 0x2004000UL
#define MTIME 0x200bff8UL
#define PLIC 0xc000000UL

// Registers of devices.
#define REG8(address) (*(volatile u8 *)(address))
#define REG32(address) (*(volatile u32 *)(address))
#define REG64(address) (*(volatile u64 *)(address))

#define csr_read(csr) ({ u64 value_; asm volatile("csrr %0, " #csr : "=r"(value_) :: "memory"); value_; })
#define csr_write(csr, value) asm volatile("csrw " #csr ", %0" :: "r"((u64)(value)) : "memory")
#define csr_set(csr, value) asm volatile("csrs " #csr ", %0" :: "r"((u64)(value)) : "memory")
#define csr_clear(csr, value) asm volatile("csrc " #csr ", %0" :: "r"((u64)(value)) : "memory")

// Ends the machine; QEMU's exit code is 0 if `code` is, or `code`.
static inline _Noreturn void end(int code) {
    REG32(FINISHER) = code == 0 ? 0x5555 : ((u32)code << 16 | 0x3333);
    for (;;) {}
}

static inline void put_char(char c) {
    while (!(REG8(UART + 5) & 0x20)) {}
    REG8(UART) = (u8)c;
}

static inline void put_text(const char *text) {
    while (*text) put_char(*text++);
}

static inline void put_hex(u64 value, int digits) {
    while (digits-- > 0) put_char("0123456789abcdef"[value >> (4 * digits) & 15]);
}

// "name 0123456789abcdef"
static inline void put_line(const char *name, u64 value) {
    put_text(name);
    put_char(' ');
    put_hex(value, 16);
    put_char('\n');
}
