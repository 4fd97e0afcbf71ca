//! Saving: from devices to a stream.

mod options;
mod saving;
mod section;
mod session;

use std::fs::File;
use std::io::Write;

use vmstate_types::{SaveError, Writer};

pub use self::options::SaveOptions;
pub use self::saving::Saving;
pub use self::session::{Iteration, SaveSession};
use super::Machine;
use crate::registry::Threading;
use crate::section::Output;

/// The size of a saved stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SaveStats {
    /// The length of the stream in bytes.
    pub bytes: u64,
    /// The number of sections; each part of a live section counts.
    pub sections: u64,
}

impl<'d, T: Threading> Machine<'d, T> {
    /// Saves the machine as a whole stream: header, configuration, sections, end, description.
    ///
    /// The machine must be stopped. To send most of its memory while it runs, use [`start_saving`](Self::start_saving) or
    /// a [`SaveSession`].
    ///
    /// # Errors
    /// Returns an error if a device rejects the save, a [blocker](Self::add_blocker) is registered, or `out` fails. The
    /// machine can continue; the bytes written so far are useless.
    pub fn save(&mut self, out: impl Write + Send) -> Result<SaveStats, SaveError> {
        self.save_with(out, SaveOptions::new())
    }

    /// Saves the machine as [`save`](Self::save) does, with options.
    ///
    /// # Errors
    /// See [`save`](Self::save).
    pub fn save_with(&mut self, mut out: impl Write + Send, options: SaveOptions) -> Result<SaveStats, SaveError> {
        let mut writer = Writer::new();
        self.start_saving(Output::new(&mut writer, Some(&mut out)), options)?.complete()
    }

    /// Saves the machine to a file in which each page of guest memory has a fixed place, as QEMU does with the capability
    /// `mapped-ram`. The stream begins at byte `start`; the bytes before it are kept.
    ///
    /// Zero pages are holes in the file, so it takes no more space than other streams, unless `file` has other content:
    /// truncate it before. Pages can be read without the rest of the stream. QEMU since 9.0 loads the file with the
    /// capability, as `file:PATH` or `file:PATH,offset=START`.
    ///
    /// ```
    /// use vmstate::machine::{LoadOptions, SaveOptions};
    /// use vmstate::memory::{PageSize, VecBlock};
    /// use vmstate::prelude::*;
    ///
    /// let mut machine = Machine::with_type("board");
    /// machine.register_ram(PageSize::DEFAULT, [VecBlock::new("ram", vec![7; 1 << 20])])?;
    /// # let folder = std::env::temp_dir().join(format!("vmstate-mapped-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let file = std::fs::File::options()
    ///     .read(true)
    ///     .write(true)
    ///     .create(true)
    ///     .truncate(true)
    ///     .open(folder.join("board.state"))?;
    /// let saved = machine.save_mapped(&file, 0, SaveOptions::new())?;
    /// assert_eq!(saved.bytes, file.metadata()?.len());
    /// machine.load_file(&file, 0, LoadOptions::new())?;
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the machine has no [configuration](Machine::set_configuration), which would contain the
    /// capability, and in the cases of [`save`](Self::save).
    pub fn save_mapped(&mut self, file: &File, start: u64, options: SaveOptions) -> Result<SaveStats, SaveError> {
        let mut writer = Writer::new();
        self.start_saving(Output::to_mapped_file(&mut writer, file, start), options)?.complete()
    }

    /// Saves the machine as [`save`](Self::save) does, into `writer`: the whole stream stays in memory.
    ///
    /// # Errors
    /// See [`save`](Self::save).
    pub fn save_into(&mut self, writer: &mut Writer, options: SaveOptions) -> Result<SaveStats, SaveError> {
        self.start_saving(Output::new(writer, None), options)?.complete()
    }

    /// Begins to save while the machine runs: a [`SaveSession`] that holds the machine and the output, and aborts when it
    /// is dropped.
    ///
    /// ```
    /// use vmstate::machine::SaveOptions;
    /// use vmstate::prelude::*;
    /// use vmstate::memory::{PageSize, VecBlock};
    /// use vmstate::section::Output;
    ///
    /// let mut ram = [VecBlock::new("ram", vec![7; 1 << 20])];
    /// let mut machine = Machine::with_type("board");
    /// machine.register_ram(PageSize::DEFAULT, &mut ram[..])?;
    ///
    /// let mut writer = Writer::new();
    /// let mut stream = Vec::new();
    /// let output = Output::new(&mut writer, Some(&mut stream));
    /// let mut saving = machine.start_saving(output, SaveOptions::new())?;
    /// while saving.pending_exact().total() > 100_000 {
    ///     saving.iterate(64 * 1024)?;
    /// }
    /// // Stop the machine here.
    /// let saved = saving.complete()?;
    /// assert_eq!(saved.bytes, stream.len() as u64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`save`](Self::save).
    pub fn start_saving<'r, 'o>(
        &'r mut self,
        out: Output<'o>,
        options: SaveOptions,
    ) -> Result<Saving<'r, 'd, 'o, T>, SaveError> {
        Saving::begin(self, out, options)
    }
}
