//! The board: runs a hart with its memory and devices.

use super::bus::{Bus, interrupt};
use super::cpu::{Hart, Unsupported};
use super::finisher::Finish;
use super::map;
use super::memory::Memory;
use super::migration::QemuOnly;

/// A RISC-V board.
///
/// A board has no clock, terminal or files: time is an argument of [`run_until`](Self::run_until), and the bytes of the
/// serial port are passed in and out. Between calls it is stopped, and can be inspected, saved or changed.
#[derive(Debug, Clone)]
pub struct Board {
    /// The hart.
    pub hart: Hart,
    /// The memory and devices.
    pub bus: Bus,
    /// State from QEMU that this board does not use.
    pub(super) qemu_only: QemuOnly,
}

/// The reason why a board stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The time limit is reached.
    Time,
    /// The program ended the run.
    Finished(Finish),
    /// The program needs an unsupported feature. Continuing stops again.
    Unsupported(Unsupported),
}

/// An image that is larger than the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// The size of the image in bytes.
    pub image: usize,
    /// The size of the memory in bytes.
    pub memory: usize,
}

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a program of {} bytes exceeds the board's memory of {} bytes", self.image, self.memory)
    }
}

impl std::error::Error for TooLarge {}

impl Board {
    /// Creates a board with `ram_size` bytes of memory, after reset.
    #[must_use]
    pub fn new(ram_size: usize) -> Self {
        Self::with_memory(Memory::new(ram_size))
    }

    /// Creates a board with this memory, after reset.
    #[must_use]
    pub fn with_memory(memory: Memory) -> Self {
        Self { hart: Hart::new(map::MROM), bus: Bus::new(memory), qemu_only: QemuOnly::default() }
    }

    /// Copies a program to the start of RAM, where the hart jumps to.
    ///
    /// # Errors
    /// Returns an error if the program is larger than RAM.
    pub fn load_image(&mut self, image: &[u8]) -> Result<(), TooLarge> {
        self.bus.memory.end_history();
        let ram = self.bus.memory.ram();
        ram.write(0, image).ok_or(TooLarge { image: image.len(), memory: ram.len() })
    }

    /// Returns the board's time in nanoseconds.
    #[must_use]
    pub fn nanoseconds(&self) -> u64 {
        self.bus.clock.nanoseconds()
    }

    /// Runs until the board's time is `nanoseconds`, the program ends, or it needs an unsupported feature.
    ///
    /// Each instruction takes [a fixed time](super::clock). While the hart waits for an interrupt, time advances at
    /// once.
    pub fn run_until(&mut self, nanoseconds: u64) -> Stop {
        loop {
            self.update();
            if self.nanoseconds() >= nanoseconds {
                return Stop::Time;
            }
            let next = self.bus.deadline().map_or(nanoseconds, |deadline| deadline.min(nanoseconds));
            if self.hart.halted {
                self.bus.clock.set(next);
            } else if let Some(stop) = self.run_instructions(self.bus.clock.instructions_at(next)) {
                return stop;
            }
        }
    }

    /// Runs until a timer interrupt is pending, at most for `limit` nanoseconds. Returns at once if no interrupt is
    /// due.
    ///
    /// QEMU 7.2 and 10.0, unlike 11.1, do not start their timer when they load a machine (`riscv_aclint_mtimer` has no `post_load`),
    /// so it stays silent until the guest sets it. A guest that is migrated with a pending interrupt sets it in its
    /// handler; a guest that waits for the interrupt never would.
    pub fn run_to_tick(&mut self, limit: u64) -> Stop {
        let end = self.nanoseconds().saturating_add(limit);
        loop {
            self.update();
            let pending = self.hart.regs.mip & interrupt::TIMER != 0;
            let enabled = self.hart.regs.mie & interrupt::TIMER != 0;
            let due = self.bus.clint.deadline(&self.bus.clock).filter(|due| *due <= end);
            match due {
                Some(due) if enabled && !pending => match self.run_until(due) {
                    Stop::Time => {}
                    stop => return stop,
                },
                _ => return Stop::Time,
            }
        }
    }

    /// Executes one instruction, or first takes an interrupt. Does nothing while the hart waits for an interrupt.
    pub fn step(&mut self) -> Option<Stop> {
        self.update();
        if self.hart.halted {
            return None;
        }
        self.run_instructions(self.bus.clock.instructions + 1)
    }

    /// Runs until the clock has counted `end` instructions, or the hart needs attention.
    fn run_instructions(&mut self, end: u64) -> Option<Stop> {
        if let Err(unsupported) = self.hart.run(&mut self.bus, end) {
            return Some(Stop::Unsupported(unsupported));
        }
        self.bus.finisher.take().map(Stop::Finished)
    }

    /// Updates the devices, and lets the hart take interrupts.
    fn update(&mut self) {
        self.update_lines();
        self.hart.check_interrupts();
    }

    /// Updates the devices and the pending interrupts.
    pub(super) fn update_lines(&mut self) {
        self.bus.update();
        let mip = self.hart.regs.mip & !interrupt::OF_DEVICES;
        self.hart.regs.mip = mip | self.bus.interrupts();
    }

    /// Returns the bytes that the serial port has transmitted since the previous call.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.bus.uart.take_sent()
    }

    /// Types `bytes` as far as the serial port has room. Returns the number of accepted bytes.
    pub fn type_in(&mut self, bytes: &[u8]) -> usize {
        let Bus { uart, clock, .. } = &mut self.bus;
        let received = uart.receive(bytes, clock);
        self.bus.update_uart_line();
        received
    }
}
