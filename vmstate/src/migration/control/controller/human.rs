//! The commands of the human monitor (HMP) about snapshots (QEMU: `migration/migration-hmp-cmds.c`, `monitor/hmp.c`).

use vmstate_types::text::printable;

use super::super::super::drive::Host;
use super::super::super::{Capabilities, QemuRelease};
use super::super::job::SnapshotAction;
use super::super::operations::unknown_line;
use super::super::settings::Settings;
use super::Controller;
use super::jobs::JOB_RUNS;
use super::snapshots::Snapshots;
use crate::snapshot::{Details, SnapshotInfo};

/// QEMU's message about an empty store.
pub(super) const EMPTY: &str = concat!("There is", " no snapshot available.");
const NO_STORE: &str = "no block device can store vmstate for snapshot";

impl<H: Host + Send + 'static> Controller<H> {
    /// Executes a line, and returns the output.
    pub(super) fn execute_line(&mut self, line: &str, settings: &Settings) -> String {
        let (command, rest) = next_word(line);
        match command {
            "savevm" => self.with_argument(command, rest, Self::save_vm),
            "loadvm" => self.with_argument(command, rest, |this, name| {
                this.load_vm(&name.unwrap_or_default(), settings.capabilities)
            }),
            "delvm" => self.with_argument(command, rest, |this, name| this.delete_vm(&name.unwrap_or_default())),
            "info" => match next_word(rest) {
                ("snapshots", "") => self.info_snapshots(settings.release),
                ("snapshots", _) => malformed("snapshots", "info snapshots", EXTRANEOUS),
                _ => unknown_line(line),
            },
            _ => unknown_line(line),
        }
    }

    /// Executes a command with one argument, which only `savevm` can omit.
    fn with_argument(
        &mut self,
        command: &str,
        rest: &str,
        execute: impl FnOnce(&mut Self, Option<String>) -> Result<(), String>,
    ) -> String {
        let argument = match parse_argument(rest) {
            Ok(None) if command != "savevm" => return malformed(command, command, MISSING),
            Ok(argument) => argument,
            Err(problem) => return malformed(command, command, problem),
        };
        match execute(self, argument) {
            Ok(()) => String::new(),
            Err(error) => format!("Error: {error}\r\n"),
        }
    }

    fn idle_snapshots(&self, action: SnapshotAction) -> Result<&Snapshots, String> {
        self.check_idle(action)?;
        if self.jobs.are_running() {
            return Err(JOB_RUNS.to_owned());
        }
        self.snapshots.as_ref().ok_or_else(|| NO_STORE.to_owned())
    }

    /// Saves a snapshot, in place of another one of its name. The default name contains the time in UTC; QEMU uses the local
    /// time, and replaces a snapshot of the same second.
    fn save_vm(&mut self, name: Option<String>) -> Result<(), String> {
        let snapshots = self.idle_snapshots(SnapshotAction::Save)?;
        let details = match name {
            Some(name) => Details::new(name).replace(),
            None => Details::named_by_time(),
        };
        snapshots.save(&self.guest, details)
    }

    fn load_vm(&mut self, name: &str, capabilities: Capabilities) -> Result<(), String> {
        self.idle_snapshots(SnapshotAction::Load)?.load(&self.guest, name, capabilities)
    }

    fn delete_vm(&mut self, name: &str) -> Result<(), String> {
        self.idle_snapshots(SnapshotAction::Delete)?.delete(name)
    }

    fn info_snapshots(&self, release: QemuRelease) -> String {
        match self.snapshots.as_ref().map_or_else(|| Err(NO_STORE.to_owned()), Snapshots::list) {
            Ok(list) if list.is_empty() => format!("{EMPTY}\r\n"),
            Ok(list) => table(&list, release),
            Err(error) => format!("{error}\r\n"),
        }
    }
}

/// Returns the first word and the text after the spaces that follow it.
fn next_word(line: &str) -> (&str, &str) {
    let line = line.trim_start();
    let (word, rest) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
    (word, rest.trim())
}

const MISSING: &str = "string expected";
const EXTRANEOUS: &str = "extraneous characters at the end of line";

fn malformed(command: &str, topic: &str, problem: &str) -> String {
    format!("{command}: {problem}\r\nTry \"help {topic}\" for more information\r\n")
}

/// Parses at most one argument, which may be in quotes (`get_str` in QEMU).
fn parse_argument(text: &str) -> Result<Option<String>, &'static str> {
    let (argument, rest) = match text.strip_prefix('"') {
        _ if text.is_empty() => return Ok(None),
        Some(quoted) => unquote(quoted).ok_or(MISSING)?,
        None => {
            let (word, rest) = next_word(text);
            (word.to_owned(), rest)
        }
    };
    if rest.trim().is_empty() { Ok(Some(argument)) } else { Err(EXTRANEOUS) }
}

/// Returns the text up to the closing quote, and the text after it.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let (mut text, mut chars) = (String::new(), quoted.char_indices());
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((text, &quoted[at + 1..])),
            '\\' => text.push(match chars.next()?.1 {
                'n' => '\n',
                'r' => '\r',
                escaped @ ('\\' | '\'' | '"') => escaped,
                _ => return None,
            }),
            other => text.push(other),
        }
    }
    None
}

/// Returns the table of snapshots, in the columns of a release (`bdrv_snapshot_dump` in QEMU).
fn table(list: &[SnapshotInfo], release: QemuRelease) -> String {
    let row = |tag: &str, size: &str, date: &str, clock: &str, id: &str, icount: &str| match release {
        QemuRelease::V7_2 => format!("{id:<10}{tag:<17}{size:>8}{date:>20}{clock:>13}{icount:>11}\r\n"),
        _ => format!("{id:<7} {tag:<16} {size:>8} {date:>19} {clock:>15} {icount:>10}\r\n"),
    };
    let (size, clock, icount) = match release {
        QemuRelease::V7_2 => ("VM SIZE", "VM CLOCK", ""),
        _ => ("VM_SIZE", "VM_CLOCK", "--"),
    };
    let mut text = "List of snapshots present on all disks:\r\n".to_owned();
    text += &row("TAG", size, "DATE", clock, "ID", "ICOUNT");
    for snapshot in list {
        let date = snapshot.utc_date().replace('T', " ").replace('Z', "");
        let (size, clock) = (size_text(snapshot.size), clock_text(snapshot, release));
        text += &row(&printable(&snapshot.name).to_string(), &size, &date, &clock, "--", icount);
    }
    text
}

/// Formats the time of the guest.
fn clock_text(snapshot: &SnapshotInfo, release: QemuRelease) -> String {
    let (seconds, milliseconds) = (snapshot.guest_clock.as_secs(), snapshot.guest_clock.subsec_millis());
    let (hours, rest) = (seconds / 3600, format!("{:02}:{:02}.{milliseconds:03}", seconds / 60 % 60, seconds % 60));
    match release {
        QemuRelease::V7_2 => format!("{hours:02}:{rest}"),
        _ => format!("{hours:04}:{rest}"),
    }
}

/// Formats a size with three digits (`size_to_str` in QEMU's `util/cutils.c`).
fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    let number = format!("{value:.decimals$}");
    let number = if decimals > 0 { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    format!("{number} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_may_be_quoted() {
        for (text, expected) in [
            ("", Ok(None)),
            ("a", Ok(Some("a"))),
            ("-x", Ok(Some("-x"))),
            ("\"a b\"", Ok(Some("a b"))),
            ("\"a\\\"\\\\b\" ", Ok(Some("a\"\\b"))),
            ("\"\"", Ok(Some(""))),
            ("a b", Err(EXTRANEOUS)),
            ("\"a\"x", Err(EXTRANEOUS)),
            ("\"a", Err(MISSING)),
            ("\"a\\", Err(MISSING)),
            ("\"a\\qb\"", Err(MISSING)),
        ] {
            assert_eq!(parse_argument(text), expected.map(|found: Option<&str>| found.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn sizes_have_three_digits() {
        for (bytes, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "0.98 KiB"),
            (296_960, "290 KiB"),
            (1_097_283, "1.05 MiB"),
            (10 << 20, "10 MiB"),
            (1000 << 20, "0.98 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(size_text(bytes), expected, "{bytes}");
        }
    }
}
