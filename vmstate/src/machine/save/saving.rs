//! A save session together with its machine and its output.

use vmstate_types::SaveError;

use super::{Iteration, SaveOptions, SaveSession, SaveStats};
use crate::machine::Machine;
use crate::registry::Threading;
use crate::section::{Output, Pending};
use crate::stream::Command;

/// A [`SaveSession`] that holds its machine and its output, and aborts when it is dropped.
///
/// The destructor runs [`save_cleanup`](crate::section::LiveSection::save_cleanup) of the live sections. This is the
/// simple way to save a running machine ([`Machine::start_saving`]); an engine that must own its session uses
/// [`SaveSession`] directly.
#[derive(Debug)]
pub struct Saving<'r, 'd, 'o, T: Threading> {
    machine: &'r mut Machine<'d, T>,
    out: Output<'o>,
    session: SaveSession,
}

impl<'r, 'd, 'o, T: Threading> Saving<'r, 'd, 'o, T> {
    pub(super) fn begin(
        machine: &'r mut Machine<'d, T>,
        mut out: Output<'o>,
        options: SaveOptions,
    ) -> Result<Self, SaveError> {
        let session = SaveSession::new(machine, &mut out, options)?;
        // From here on the destructor cleans up, even if a live section panics.
        let mut saving = Self { machine, out, session };
        saving.session.write_beginning(saving.machine, &mut saving.out)?;
        Ok(saving)
    }
}

impl<T: Threading> Saving<'_, '_, '_, T> {
    /// Sends a part of each live section ([`SaveSession::iterate`]).
    ///
    /// # Errors
    /// Returns an error if a live section cannot be saved, or the output fails.
    pub fn iterate(&mut self, budget: u64) -> Result<Iteration, SaveError> {
        self.session.iterate(self.machine, &mut self.out, budget)
    }

    /// Estimates the number of bytes left to send, without synchronizing the dirty log.
    pub fn pending_estimate(&mut self) -> Pending {
        self.session.pending_estimate(self.machine)
    }

    /// Returns the number of bytes left to send, after synchronizing the dirty log.
    pub fn pending_exact(&mut self) -> Pending {
        self.session.pending_exact(self.machine)
    }

    /// Sends a command to the destination.
    ///
    /// # Errors
    /// Returns an error if the command's data is too long, or the output fails.
    pub fn command(&mut self, command: &Command) -> Result<(), SaveError> {
        self.session.command(&mut self.out, command)
    }

    /// Prepares every live section to continue after a lost connection ([`SaveSession::resume_prepare`]).
    ///
    /// # Errors
    /// Returns an error if a live section cannot continue.
    pub fn resume_prepare(&mut self) -> Result<(), SaveError> {
        self.session.resume_prepare(self.machine)
    }

    /// Sends the rest: the ends of the live sections, the devices, the end mark and the description. The machine must be
    /// stopped.
    ///
    /// # Errors
    /// Returns an error if a device cannot be saved, or the output fails.
    pub fn complete(mut self) -> Result<SaveStats, SaveError> {
        self.session.write_rest(self.machine, &mut self.out)
    }
}

impl<T: Threading> Drop for Saving<'_, '_, '_, T> {
    fn drop(&mut self) {
        self.session.close(self.machine);
    }
}
