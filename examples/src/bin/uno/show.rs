//! An Arduino Uno as text.

use std::fmt::Write;

use vmstate::memory::{RamBlock, VecBlock};
use vmstate::schema::Release;
use vmstate_examples::devices::avr::{Cpu, Flags};
use vmstate_examples::uno::{MACHINE, Uno};

/// Renders the machine, the registers of its processor, and its memory.
pub(crate) fn machine(uno: &Uno, release: Release) -> String {
    let milliseconds = uno.clock.nanoseconds / 1_000_000;
    let mut text = format!(
        "{MACHINE}, {} after {milliseconds} ms, saved by QEMU {release}\n\n{}\n",
        uno.global_state.run_state(),
        processor(&uno.cpu),
    );
    for block in &uno.ram {
        text.push_str(&memory(block));
    }
    text
}

fn processor(cpu: &Cpu) -> String {
    let mut text = format!(
        "  PC   {:#06x}   SP {:#06x}   SREG {}\n  X    {:#06x}   Y  {:#06x}   Z    {:#06x}\n",
        cpu.pc_in_bytes(),
        cpu.sp,
        letters(cpu.flags),
        cpu.x(),
        cpu.y(),
        cpu.z(),
    );
    for (row, registers) in cpu.r.chunks(8).enumerate() {
        let values: Vec<_> = registers.iter().map(|value| format!("{value:02x}")).collect();
        let name = format!("r{}", row * 8);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<4} {}", values.join(" "));
    }
    text
}

/// Returns a letter for each flag that is set, such as `I----NZ-`.
fn letters(flags: Flags) -> String {
    let Flags { c, z, n, v, s, h, t, i } = flags;
    let flags = [(i, 'I'), (t, 'T'), (h, 'H'), (s, 'S'), (v, 'V'), (n, 'N'), (z, 'Z'), (c, 'C')];
    flags.into_iter().map(|(set, letter)| if set { letter } else { '-' }).collect()
}

fn memory(block: &VecBlock) -> String {
    let contents = match block.to_vec().iter().filter(|byte| **byte != 0).count() {
        0 => "all zero".to_owned(),
        count => format!("{count} nonzero"),
    };
    format!("  {:<6} {:>6} bytes, {contents}\n", block.idstr(), block.size())
}
