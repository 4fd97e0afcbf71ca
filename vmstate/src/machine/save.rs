//! From devices to a stream.

mod options;
mod saving;

use std::io::Write;

use vmstate_types::{SaveError, Writer};

pub use self::options::SaveOptions;
pub use self::saving::Saving;
use super::Machine;
use crate::registry::{Threading, Unavailable};
use crate::section::Output;

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SaveStats {
    /// The length of the stream in bytes.
    pub bytes: u64,
    /// How many sections it has.
    pub sections: u64,
}

impl<'d, T: Threading> Machine<'d, T> {
    /// Saves the machine as a whole stream: header, configuration, sections, end, description.
    ///
    /// The machine must stand still. To send most of its memory while it runs, see [`start_saving`](Self::start_saving).
    ///
    /// # Errors
    /// When a device or a [blocker](Self::add_blocker) refuses, or `out` fails. What was written is then of no use, and the
    /// machine can run on.
    pub fn save(&mut self, mut out: impl Write) -> Result<SaveStats, SaveError> {
        self.save_with(&mut out, SaveOptions::new())
    }

    /// Saves the machine as [`save`](Self::save) does, with options.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_with(&mut self, out: &mut dyn Write, options: SaveOptions<'_>) -> Result<SaveStats, SaveError> {
        let mut writer = Writer::new();
        self.start_saving(Output::new(&mut writer, Some(out)), options)?.complete()
    }

    /// Saves the machine as [`save`](Self::save) does, into `writer`: the whole stream stays in memory.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_into(&mut self, writer: &mut Writer, options: SaveOptions<'_>) -> Result<SaveStats, SaveError> {
        self.start_saving(Output::new(writer, None), options)?.complete()
    }

    /// Begins to save while the machine runs: writes what comes first, and the first sections of what is live.
    ///
    /// ```
    /// use vmstate::machine::SaveOptions;
    /// use vmstate::prelude::*;
    /// use vmstate::ram::{PageSize, VecBlock};
    /// use vmstate::section::Output;
    ///
    /// let mut ram = [VecBlock::new("ram", vec![7; 1 << 20])];
    /// let mut machine = Machine::with_type("board");
    /// machine.register_ram(PageSize::DEFAULT, &mut ram[..])?;
    ///
    /// let (mut writer, mut stream) = (Writer::new(), Vec::new());
    /// let output = Output::new(&mut writer, Some(&mut stream));
    /// let mut saving = machine.start_saving(output, SaveOptions::new())?;
    /// while saving.pending_exact().total() > 100_000 {
    ///     saving.iterate(64 * 1024)?;
    /// }
    /// // Here the machine stops.
    /// let saved = saving.complete()?;
    /// assert_eq!(saved.bytes, stream.len() as u64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn start_saving<'r, 'o>(
        &'r mut self,
        out: Output<'o>,
        options: SaveOptions<'o>,
    ) -> Result<Saving<'r, 'd, 'o, T>, SaveError> {
        self.registry.check_blockers()?;
        self.check_versions(&options)?;
        Saving::begin(self, out, options)
    }

    fn check_versions(&self, options: &SaveOptions<'_>) -> Result<(), SaveError> {
        if options.versions.is_empty() {
            return Ok(());
        }
        for entry in &self.registry.entries {
            let (newest, version) = (entry.header.version, options.version_of(&entry.header));
            let oldest = entry.description.map_or(newest, |description| description.minimum_version);
            if !(oldest..=newest).contains(&version) {
                return Err(SaveError::misuse(format!(
                    "section {} can be saved at versions {oldest} to {newest}, not {version}",
                    entry.title()
                )));
            }
        }
        Ok(())
    }
}

pub(super) fn unavailable(why: Unavailable) -> SaveError {
    SaveError::misuse(why)
}
