//! The 6502 of `mos6502` runs a program that changes its registers, its flags and its memory.

#[path = "../compare.rs"]
mod compare;

use compare::{Emulator, compare, load, save};
use mos6502::cpu::CPU;
use mos6502::instruction::Nmos6502;
use mos6502::memory::{Bus, Memory};

const START: u16 = 0x0400;
/// Adds decimal and binary numbers, shifts, and uses the stack.
const PROGRAM: &[u8] = &[
    0xa2, 0xff, // LDX #ff
    0x9a, // TXS
    // loop:
    0xf8, // SED
    0x18, // CLC
    0xa5, 0x10, // LDA 10
    0x69, 0x19, // ADC #19
    0x85, 0x10, // STA 10
    0xd8, // CLD
    0xa5, 0x11, // LDA 11
    0x65, 0x10, // ADC 10
    0x85, 0x11, // STA 11
    0x48, // PHA
    0x2a, // ROL A
    0xe8, // INX
    0x9d, 0x00, 0x20, // STA 2000, X
    0x68, // PLA
    0xa8, // TAY
    0x59, 0x00, 0x20, // EOR 2000, Y
    0x99, 0x00, 0x21, // STA 2100, Y
    0x08, // PHP
    0x28, // PLP
    0x4c, 0x03, 0x04, // JMP loop
];
const INSTRUCTIONS: u32 = 499;

struct Mos6502(Box<CPU<Memory, Nmos6502>>);

impl Emulator for Mos6502 {
    fn start() -> Self {
        let mut cpu = CPU::new(Memory::new(), Nmos6502);
        cpu.memory.set_bytes(START, PROGRAM);
        cpu.registers.program_counter = START;
        Self(Box::new(cpu))
    }

    fn frame(&mut self, number: u32) -> Vec<u8> {
        let Self(cpu) = self;
        cpu.memory.set_byte(0x10, (number % 100) as u8);
        let mut output = Vec::new();
        for _ in 0..INSTRUCTIONS {
            cpu.single_step();
            let registers = &cpu.registers;
            output.extend(registers.program_counter.to_be_bytes());
            output.extend([registers.accumulator, registers.index_x, registers.index_y, registers.status.bits()]);
        }
        output.extend(cpu.cycles.to_be_bytes());
        output.extend((0x2000..0x2200).map(|address| cpu.memory.get_byte(address)));
        output
    }

    fn save(&mut self) -> Vec<u8> {
        save(&mut *self.0)
    }

    fn load(&mut self, mut state: &[u8]) {
        load(&mut *self.0, &mut state);
        assert!(state.is_empty());
    }
}

fn main() {
    compare::<Mos6502>("mos6502");
}
