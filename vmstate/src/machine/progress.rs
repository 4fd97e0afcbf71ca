//! How far a save or a load is.

use std::fmt;

/// What a save or a load is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Sections of live devices, such as RAM.
    Live,
    /// Sections of all others.
    Devices,
    /// All is done.
    Done,
}

/// How far a save or a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'p> {
    /// What is being done.
    pub phase: Phase,
    /// The bytes of the stream until now.
    pub bytes: u64,
    /// The sections until now.
    pub sections: u64,
    /// The section that was just done.
    pub section: Option<&'p str>,
}

impl<'p> Progress<'p> {
    pub(super) fn new(phase: Phase, bytes: u64, sections: u64, section: Option<&'p str>) -> Self {
        Self { phase, bytes, sections, section }
    }
}

/// Somebody who wants to know.
type Listener<'o> = Box<dyn FnMut(&Progress<'_>) + 'o>;

/// Who wants to know, if anybody does.
#[derive(Default)]
pub(super) struct Report<'o>(Option<Listener<'o>>);

impl<'o> Report<'o> {
    pub(super) fn new(report: impl FnMut(&Progress<'_>) + 'o) -> Self {
        Self(Some(Box::new(report)))
    }

    pub(super) fn tell(&mut self, progress: &Progress<'_>) {
        if let Some(report) = &mut self.0 {
            report(progress);
        }
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Report" } else { "None" })
    }
}
