//! Loading: from a stream to devices.

mod command;
mod complete;
mod options;
mod section;
mod session;
mod whole_stream;

use std::fs::File;

use vmstate_types::{LoadError, Reader};

pub use self::options::{LoadOptions, Trailer};
pub use self::session::{LoadSession, Step};
use super::Machine;
use crate::registry::Threading;
use crate::section::read_file;
use crate::stream::{Command, Configuration};

/// The result of a load.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LoadReport {
    /// The stream's configuration, if it has one.
    pub configuration: Option<Configuration>,
    /// The length of the stream in bytes, without the description.
    pub bytes: u64,
    /// The number of sections; each part of a live section counts.
    pub sections: u64,
    /// The missing sections, as name and instance id: they are conditional, or a rule allows it.
    pub missing: Vec<(String, u32)>,
    /// The unknown sections, as name and instance id, that were skipped or kept.
    pub unknown: Vec<(String, u32)>,
    /// The JSON description, if it was read.
    pub description: Option<String>,
}

impl<T: Threading> Machine<'_, T> {
    /// Loads a machine: the whole stream, or nothing.
    ///
    /// The machine must be stopped. If the load fails, every device has its previous state, and its hooks derive again
    /// everything that depends on that state.
    ///
    /// The rollback needs a copy of each device's state, which takes the memory and time of saving it. Guest memory is
    /// copied only where it is not zero ([`Ram`](crate::ram::Ram)).
    ///
    /// `input` is a slice, a file, a socket, `&mut` to anything that is `std::io::Read`, or a [`Reader`]. If the load fails,
    /// the end of a slice or a file is searched for the stream's description, so that the error can name the field that
    /// differs. Other sources could block, so only their buffered bytes are searched; see
    /// [`read_on_after_error`](LoadOptions::read_on_after_error).
    ///
    /// Bytes that follow the stream in `input` may be lost: to read on, use [`load_with`](Self::load_with) and
    /// [`Reader::buffered`]. Commands other than `SWITCHOVER_START` are rejected, because `input` has no return path; see
    /// [`load_with_commands`](Self::load_with_commands).
    ///
    /// # Errors
    /// Returns an error if the stream is from another machine, truncated or corrupt, if a section is missing, duplicate
    /// or unknown, if a device rejects its state, or if `input` fails.
    ///
    /// # Panics
    /// Panics if a device's hook does. The machine is rolled back first.
    pub fn load<'a>(&mut self, input: impl Into<Reader<'a>>) -> Result<LoadReport, LoadError> {
        self.load_with(&mut input.into(), LoadOptions::new())
    }

    /// Loads a machine from a file from byte `start` on, as [`load`](Self::load) does. In the file, guest memory may have
    /// fixed places ([`save_mapped`](Self::save_mapped)).
    ///
    /// # Errors
    /// See [`load`](Self::load).
    ///
    /// # Panics
    /// See [`load`](Self::load).
    pub fn load_file(&mut self, file: &File, start: u64, options: LoadOptions) -> Result<LoadReport, LoadError> {
        let mut reader = read_file(file, start).map_err(LoadError::io)?;
        self.load_with(&mut reader, options.mapped_ram())
    }

    /// Loads a machine as [`load`](Self::load) does, with options.
    ///
    /// # Errors
    /// See [`load`](Self::load).
    ///
    /// # Panics
    /// See [`load`](Self::load).
    pub fn load_with(&mut self, reader: &mut Reader<'_>, options: LoadOptions) -> Result<LoadReport, LoadError> {
        self.load_with_commands(reader, options, |command| match command {
            // It announces the end of precopy, and needs no answer.
            Command::SwitchoverStart => Ok(()),
            other => Err(other.reject()),
        })
    }

    /// Loads a machine as [`load`](Self::load) does, and calls `answer` with each command of the stream.
    ///
    /// ```
    /// use vmstate::machine::LoadOptions;
    /// use vmstate::prelude::*;
    /// use vmstate::stream::Command;
    ///
    /// fn load(machine: &mut Machine<'_>, reader: &mut Reader<'_>) -> Result<Vec<u32>, LoadError> {
    ///     let mut pings = Vec::new();
    ///     machine.load_with_commands(reader, LoadOptions::new(), |command| match command {
    ///         Command::OpenReturnPath | Command::SwitchoverStart => Ok(()),
    ///         Command::Ping(number) => Ok(pings.push(*number)), // answer with PONG
    ///         other => Err(other.reject()),
    ///     })?;
    ///     Ok(pings)
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`load`](Self::load), and of `answer`.
    ///
    /// # Panics
    /// See [`load`](Self::load).
    pub fn load_with_commands(
        &mut self,
        reader: &mut Reader<'_>,
        options: LoadOptions,
        answer: impl FnMut(&Command) -> Result<(), LoadError>,
    ) -> Result<LoadReport, LoadError> {
        LoadSession::new(self, options).load(self, reader, answer)
    }
}
