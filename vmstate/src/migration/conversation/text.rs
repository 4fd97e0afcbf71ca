//! Explanations as text.

use std::fmt;

use super::Explanation;
use super::explanation::{Connection, Participant, SideReport};
use super::figures::MemoryPass;
use crate::text::printable;

/// The highest number of passes, and of connections, that the text contains.
const MAX_LINES: usize = 40;

/// The explanation as lines of text. Names of the peers are escaped.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let confirmed = if self.confirmed || self.cause.is_some() { "" } else { ", not confirmed" };
        writeln!(f, "outcome      {}{confirmed}, after {}", self.outcome.name(), Time(self.duration_us))?;
        if let Some(cause) = &self.cause {
            writeln!(f, "cause        {} ({}, at {})", printable(&cause.what), cause.side.name(), Time(cause.at_us))?;
        }
        if let Some(advice) = &self.advice {
            writeln!(f, "advice       {advice}")?;
        }
        write_side(f, "source", &self.source)?;
        write_side(f, "destination", &self.destination)?;
        self.write_figures(f)?;
        self.write_connections(f)?;
        self.write_passes(f)
    }
}

fn write_side(f: &mut fmt::Formatter<'_>, name: &str, side: &SideReport) -> fmt::Result {
    let states: Vec<_> =
        side.states.iter().map(|change| format!("{} ({})", change.status, Time(change.at_us))).collect();
    writeln!(f, "{name:<12} {}", if states.is_empty() { "no state".to_owned() } else { states.join(", ") })?;
    if side.knows.is_empty() { Ok(()) } else { writeln!(f, "  knows      {}", printable(&side.knows)) }
}

impl Explanation {
    fn write_figures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(machine) = &self.machine {
            writeln!(
                f,
                "machine      {}, {} of memory, {} devices",
                printable(machine),
                Size(self.memory),
                self.devices
            )?;
        }
        let pages = &self.pages;
        writeln!(
            f,
            "pages        {} in {} passes: {} with content, {} zero, {} as changes, {} compressed",
            pages.total(),
            self.passes.len(),
            pages.content,
            pages.zero,
            pages.delta,
            pages.compressed
        )?;
        writeln!(f, "transferred  {}", Size(self.transferred))?;
        if let Some(downtime) = &self.downtime {
            writeln!(
                f,
                "downtime     {} from {}: memory {}, devices {}, answer {}",
                Time(downtime.total_us),
                Time(downtime.begin_us),
                Time(downtime.memory_us),
                Time(downtime.devices_us),
                Time(downtime.answer_us)
            )?;
        }
        if let Some(postcopy) = &self.postcopy {
            writeln!(
                f,
                "postcopy     from {}: {} pages, {} requests answered in {} (mean) and {} (longest), {} recoveries",
                Time(postcopy.begin_us),
                postcopy.pages.total(),
                postcopy.requests,
                Time(postcopy.mean_us),
                Time(postcopy.longest_us),
                postcopy.recoveries
            )?;
        }
        if self.checkpoints > 0 {
            writeln!(f, "checkpoints  {}", self.checkpoints)?;
        }
        Ok(())
    }

    fn write_connections(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for connection in self.connections.iter().take(MAX_LINES) {
            writeln!(f, "connection   {connection}")?;
        }
        write_omitted(f, self.connections.len(), "connections")
    }

    fn write_passes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, pass) in (1..).zip(&self.passes).take(MAX_LINES) {
            writeln!(f, "pass {number:<7} {pass}")?;
        }
        write_omitted(f, self.passes.len(), "passes")
    }
}

fn write_omitted(f: &mut fmt::Formatter<'_>, count: usize, what: &str) -> fmt::Result {
    match count.saturating_sub(MAX_LINES) {
        0 => Ok(()),
        more => writeln!(f, "             {more} more {what}"),
    }
}

impl Connection {
    fn first_end(&self) -> Option<(u64, Participant)> {
        let source = self.source_end_us.map(|at| (at, Participant::Source));
        let destination = self.destination_end_us.map(|at| (at, Participant::Destination));
        source.into_iter().chain(destination).min_by_key(|(at, _)| *at)
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.number)?;
        match self.channel {
            Some(channel) => write!(f, "{} {channel}", self.purpose)?,
            None => f.write_str(self.purpose)?,
        }
        let (sent, received) = (Size(self.source_bytes), Size(self.destination_bytes));
        write!(f, ", from {}: {sent} to the destination, {received} to the source", Time(self.begin_us))?;
        if let Some((at, side)) = self.first_end() {
            write!(f, ", closed by the {} at {}", side.name(), Time(at))?;
        }
        match &self.lost {
            Some(message) => write!(f, ", lost: {}", printable(message)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for MemoryPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = self.end_us.saturating_sub(self.begin_us);
        write!(
            f,
            "from {} for {}: {} pages, {}",
            Time(self.begin_us),
            Time(took),
            self.pages.total(),
            Size(self.bytes)
        )?;
        match self.rate() {
            // Less precise than any rate.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Some(rate) => write!(f, ", {}/s", Size(rate as u64)),
            None => Ok(()),
        }
    }
}

/// A time in microseconds, with three digits or more.
pub(crate) struct Time(pub(crate) u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            micros @ 0..1000 => write!(f, "{micros} \u{b5}s"),
            micros @ 1000..100_000 => write!(f, "{}.{} ms", micros / 1000, micros % 1000 / 100),
            micros @ 100_000..10_000_000 => write!(f, "{} ms", micros / 1000),
            micros => write!(f, "{} s", micros / 1_000_000),
        }
    }
}

/// A number of bytes in a binary unit.
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            bytes @ 0..0x400 => return write!(f, "{bytes} B"),
            0x400..0x10_0000 => (1 << 10, "KiB"),
            0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
            _ => (1_u64 << 30, "GiB"),
        };
        write!(f, "{}.{} {name}", self.0 / unit, self.0 % unit * 10 / unit)
    }
}
