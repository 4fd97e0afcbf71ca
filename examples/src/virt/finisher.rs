//! The test finisher, which lets a program end the run.

/// The way in which a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Success.
    Pass,
    /// Failure with a code.
    Fail(u16),
    /// A request for a reset.
    Reset,
}

/// The device. It stores the request until it is taken.
#[derive(Debug, Clone, Default)]
pub struct Finisher {
    finish: Option<Finish>,
}

impl Finisher {
    /// Takes the request to end the run.
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
