//! The test finisher: a program's way to end the run.

/// How a program has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It says that all is well.
    Pass,
    /// It says that something is wrong, and what, in a number of its own.
    Fail(u16),
    /// It wants the machine to start again.
    Reset,
}

/// The device, which remembers that it was used until somebody asks.
#[derive(Debug, Clone, Default)]
pub struct Finisher {
    finish: Option<Finish>,
}

impl Finisher {
    /// How the program has ended, if it has since this was last asked.
    pub fn take(&mut self) -> Option<Finish> {
        self.finish.take()
    }

    pub(super) fn write(&mut self, offset: u64, value: u32) {
        let [a, b, code @ ..] = value.to_le_bytes();
        self.finish = match (offset, u16::from_le_bytes([a, b])) {
            (0, 0x5555) => Some(Finish::Pass),
            (0, 0x3333) => Some(Finish::Fail(u16::from_le_bytes(code))),
            (0, 0x7777) => Some(Finish::Reset),
            _ => None,
        };
    }
}
