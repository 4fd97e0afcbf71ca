//! Errors as a table, for people at a terminal.

use core::fmt;

use super::context::Context;
use super::{LoadError, Location, SaveError};
use crate::text::{OneLine, printable, shortened};

/// All that is known about an error, one fact per line.
///
/// [`LoadError::report`] and [`SaveError::report`] return it; `{:#}` of an error writes the same.
///
/// ```
/// use vmstate_types::LoadError;
///
/// let error = LoadError::malformed("at most 16", 4096)
///     .or_advice("the source has a larger FIFO")
///     .at_offset(0x58241)
///     .in_field("recv_fifo.count")
///     .in_field("serial");
/// assert_eq!(
///     error.report().to_string(),
///     "cannot load
///   field     serial.recv_fifo.count
///   at        byte 0x58241 of the input
///   expected  at most 16
///   found     4096
///   advice    the source has a larger FIFO"
/// );
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Report<'a>(Reported<'a>);

#[derive(Debug, Clone, Copy)]
enum Reported<'a> {
    Load(&'a LoadError),
    Save(&'a SaveError),
}

impl LoadError {
    /// Returns the error as a table for people; `Display` is a single line.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        Report(Reported::Load(self))
    }
}

impl SaveError {
    /// Returns the error as a table for people; `Display` is a single line.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        Report(Reported::Save(self))
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reported::Load(error) => write_load(f, error),
            Reported::Save(error) => write_save(f, error),
        }
    }
}

fn write_load(f: &mut fmt::Formatter<'_>, error: &LoadError) -> fmt::Result {
    write_context(f, "cannot load", &error.0.context)?;
    if let Some(offset) = error.offset() {
        write!(f, "\n  at        byte {offset:#x} of the {}", error.input())?;
        match error.location() {
            Some(Location::Section { start, .. }) if *start <= offset => {
                write!(f, ", byte {} of the section", offset - start)?;
            }
            _ => {}
        }
    }
    write_line(f, "expected", Some(error.expected()))?;
    write_line(f, "found", Some(error.found()))?;
    write_line(f, "because", error.diagnosis())?;
    write_line(f, "changed", error.unrestored())?;
    write_line(f, "advice", error.advice())?;
    write_line(f, "in QEMU", error.qemu_message())
}

fn write_save(f: &mut fmt::Formatter<'_>, error: &SaveError) -> fmt::Result {
    write_context(f, "cannot save", &error.0.context)?;
    write_line(f, "reason", Some(error.reason()))
}

/// Writes the title with the location, and the path.
fn write_context(f: &mut fmt::Formatter<'_>, title: &str, context: &Context) -> fmt::Result {
    f.write_str(title)?;
    if let Some(location) = context.location() {
        write!(f, " {location}")?;
    }
    let path = context.path();
    if path.is_empty() {
        return Ok(());
    }
    write!(f, "\n  field     {}", OneLine(shortened(&path)))?;
    match context.subsection() {
        Some(subsection) => write!(f, " (subsection \"{}\")", OneLine(shortened(&subsection))),
        None => Ok(()),
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, key: &str, value: Option<&str>) -> fmt::Result {
    match value {
        Some(value) => write!(f, "\n  {key:<10}{}", printable(value)),
        None => Ok(()),
    }
}
