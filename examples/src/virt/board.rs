//! The board: a hart and what it sees, and how they run.

use super::bus::{Bus, interrupt};
use super::cpu::{Hart, Unsupported};
use super::finisher::Finish;
use super::map;
use super::migration::Kept;

/// A board.
///
/// It knows nothing of clocks, terminals or files: time is an argument of [`run_until`](Self::run_until), and the serial
/// port's bytes are handed in and out. Between two calls it stands still, and everything about it can be looked at, saved
/// or changed.
#[derive(Debug, Clone)]
pub struct Board {
    /// The hart.
    pub hart: Hart,
    /// What it sees.
    pub bus: Bus,
    /// What came from a QEMU, and is of no use here.
    pub(super) kept: Kept,
}

/// Why a board stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is as late as it was to become.
    Time,
    /// The program has ended the run.
    Finished(Finish),
    /// The program wants something that there is not. It would want it again.
    Unsupported(Unsupported),
}

/// An image that is larger than the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// The bytes of the image.
    pub image: usize,
    /// The bytes of the memory.
    pub memory: usize,
}

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the program has {} bytes, and the board's memory {}", self.image, self.memory)
    }
}

impl std::error::Error for TooLarge {}

impl Board {
    /// A board with `ram_size` bytes of memory, after its reset.
    #[must_use]
    pub fn new(ram_size: usize) -> Self {
        Self { hart: Hart::new(map::MROM), bus: Bus::new(ram_size), kept: Kept::default() }
    }

    /// Puts a program to the beginning of the memory, where the hart will find it.
    ///
    /// # Errors
    /// When it is too large.
    pub fn load_image(&mut self, image: &[u8]) -> Result<(), TooLarge> {
        let ram = self.bus.memory.ram_mut();
        let memory = ram.len();
        let room = ram.get_mut(..image.len()).ok_or(TooLarge { image: image.len(), memory })?;
        room.copy_from_slice(image);
        Ok(())
    }

    /// How long the board has run, in nanoseconds of its own time.
    #[must_use]
    pub fn nanoseconds(&self) -> u64 {
        self.bus.clock.nanoseconds()
    }

    /// Runs until the board's clock says `nanoseconds`, or the program ends or wants something that there is not.
    ///
    /// Each instruction takes [its time](super::clock); while the hart waits for an interrupt, the time passes at once.
    pub fn run_until(&mut self, nanoseconds: u64) -> Stop {
        loop {
            self.look_around();
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

    /// Runs until an interrupt of the timer is pending, but no longer than `limit` nanoseconds; not at all if there will
    /// be none.
    ///
    /// QEMU 7.2 and 10.0 do not set their timer when they load a machine: it stays silent until the guest sets it anew.
    /// A guest that is handed over when an interrupt is pending does that, one that waits for it never will.
    pub fn run_to_tick(&mut self, limit: u64) -> Stop {
        let end = self.nanoseconds().saturating_add(limit);
        loop {
            self.look_around();
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

    /// Executes one instruction, or takes an interrupt first. Does nothing when the hart waits for one.
    pub fn step(&mut self) -> Option<Stop> {
        self.look_around();
        match self.hart.halted {
            true => None,
            false => self.run_instructions(self.bus.clock.instructions + 1),
        }
    }

    /// Runs until the clock has counted `end` instructions, or something calls for attention.
    fn run_instructions(&mut self, end: u64) -> Option<Stop> {
        if let Err(unsupported) = self.hart.run(&mut self.bus, end) {
            return Some(Stop::Unsupported(unsupported));
        }
        self.bus.finisher.take().map(Stop::Finished)
    }

    /// Lets the devices do what is due, and the hart take what they have to say.
    fn look_around(&mut self) {
        self.update_lines();
        self.hart.check_interrupts();
    }

    /// Lets the devices do what is due, and sets the interrupts that they have.
    pub(super) fn update_lines(&mut self) {
        self.bus.update();
        let mip = self.hart.regs.mip & !interrupt::OF_DEVICES;
        self.hart.regs.mip = mip | self.bus.interrupts();
    }

    /// Takes what the serial port has sent since the last time.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.bus.uart.take_sent()
    }

    /// Types `bytes`: as many as the serial port has room for. Returns how many that were.
    pub fn type_in(&mut self, bytes: &[u8]) -> usize {
        let Bus { uart, clock, .. } = &mut self.bus;
        let received = uart.receive(bytes, clock);
        self.bus.update_uart_line();
        received
    }
}
