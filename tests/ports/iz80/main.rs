//! The Z80 of `iz80` runs a program that changes its registers, its memory and its ports.

#[path = "../compare.rs"]
mod compare;

use compare::{Emulator, compare, load, save};
use iz80::{Cpu, Machine, PlainMachine, Reg16};

/// Fills memory with values of all registers, exchanges the register sets, and waits for an interrupt.
const PROGRAM: &[u8] = &[
    0x31, 0x00, 0xf0, // LD SP, f000
    0x21, 0x00, 0x80, // LD HL, 8000
    0xdd, 0x21, 0x00, 0x90, // LD IX, 9000
    0xed, 0x56, // IM 1
    0xfb, // EI
    // loop:
    0x34, // INC (HL)
    0x7e, // LD A, (HL)
    0xdd, 0x77, 0x05, // LD (IX+5), A
    0xdd, 0x86, 0x04, // ADD A, (IX+4)
    0x23, // INC HL
    0xdd, 0x23, // INC IX
    0xf5, // PUSH AF
    0xd9, // EXX
    0x23, // INC HL
    0x08, // EX AF, AF'
    0x3c, // INC A
    0x08, // EX AF, AF'
    0xd9, // EXX
    0xf1, // POP AF
    0xd3, 0x10, // OUT (10), A
    0xcb, 0xbc, // RES 7, H
    0xcb, 0xfc, // SET 7, H
    0x18, 0xe5, // JR loop
];
/// Counts interrupts.
const HANDLER: &[u8] = &[
    0xf5, // PUSH AF
    0x3a, 0x00, 0xa0, // LD A, (a000)
    0xc6, 0x03, // ADD A, 3
    0x32, 0x00, 0xa0, // LD (a000), A
    0xf1, // POP AF
    0xfb, // EI
    0xc9, // RET
];
const INSTRUCTIONS: u32 = 997;

struct Z80 {
    cpu: Cpu,
    machine: PlainMachine,
}

impl Emulator for Z80 {
    fn start() -> Self {
        let (mut cpu, mut machine) = (Cpu::new(), PlainMachine::new());
        for (at, program) in [(0, PROGRAM), (0x38, HANDLER)] {
            (at..).zip(program).for_each(|(address, byte)| machine.poke(address, *byte));
        }
        cpu.registers().set_pc(0);
        Self { cpu, machine }
    }

    fn frame(&mut self, number: u32) -> Vec<u8> {
        let mut output = Vec::new();
        for instruction in 0..INSTRUCTIONS {
            self.cpu.signal_interrupt((instruction + number) % 311 == 0);
            self.cpu.execute_instruction(&mut self.machine);
            output.extend(self.cpu.registers().pc().to_be_bytes());
        }
        for register in [Reg16::AF, Reg16::BC, Reg16::DE, Reg16::HL, Reg16::IX, Reg16::IY, Reg16::SP] {
            output.extend(self.cpu.registers().get16(register).to_be_bytes());
        }
        output.extend(self.cpu.cycle_count().to_be_bytes());
        output.extend((0x8000..0xa001).map(|address| self.machine.peek(address)));
        output
    }

    fn save(&mut self) -> Vec<u8> {
        [save(&mut self.cpu), save(&mut self.machine)].concat()
    }

    fn load(&mut self, mut state: &[u8]) {
        load(&mut self.cpu, &mut state);
        load(&mut self.machine, &mut state);
        assert!(state.is_empty());
    }
}

fn main() {
    compare::<Z80>("iz80");
}
