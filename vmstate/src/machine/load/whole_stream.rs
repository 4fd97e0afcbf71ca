//! A load in one call, and the end of every load: its commit, or the diagnosis of its error and the rollback.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use vmstate_types::error::Location;
use vmstate_types::{LoadError, Reader};

use super::session::report_unrestored;
use super::{LoadReport, LoadSession, Step};
use crate::machine::Machine;
#[cfg(feature = "schema")]
use crate::machine::diagnosis;
use crate::registry::Threading;
use crate::stream::Command;

impl LoadSession {
    /// Loads the whole stream in `reader`.
    pub(super) fn load<T: Threading>(
        mut self,
        machine: &mut Machine<'_, T>,
        reader: &mut Reader<'_>,
        answer: impl FnMut(&Command) -> Result<(), LoadError>,
    ) -> Result<LoadReport, LoadError> {
        // The closure borrows the devices and the session. A panic leaves devices half loaded, which is what the rollback
        // repairs: it uses only checkpoints, and those are complete before the first byte of a device's section is
        // loaded. The registry and its index do not change during a load.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.take_all(machine, reader, answer)));
        self.conclude(machine, Some(reader), outcome)
    }

    fn take_all<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        reader: &mut Reader<'_>,
        mut answer: impl FnMut(&Command) -> Result<(), LoadError>,
    ) -> Result<LoadReport, LoadError> {
        let mut stream = self.options.open(reader)?;
        self.set_up(machine, &mut stream)?;
        loop {
            match self.step(machine, &mut stream)? {
                Step::Section(_) | Step::PackageEnd => {}
                Step::Command(command) => answer(&command).map_err(|error| {
                    error.at_offset(stream.offset()).in_location(|| Location::Part("a command".into()))
                })?,
                Step::End => return self.try_commit(machine),
            }
        }
    }

    /// Ends the session, after a rollback unless it succeeded.
    pub(super) fn conclude<T: Threading>(
        mut self,
        machine: &mut Machine<'_, T>,
        reader: Option<&mut Reader<'_>>,
        outcome: thread::Result<Result<LoadReport, LoadError>>,
    ) -> Result<LoadReport, LoadError> {
        match outcome {
            Ok(Ok(report)) => {
                self.close(machine);
                Ok(report)
            }
            Ok(Err(error)) => {
                let error = self.diagnose(machine, error, reader);
                self.restore(machine);
                Err(report_unrestored(machine, error))
            }
            Err(panic) => {
                self.roll_back(machine);
                resume_unwind(panic)
            }
        }
    }

    /// Adds the first field in which the stream's description differs from the device, if it can be found.
    ///
    /// It describes the devices as they are now, so it runs before the rollback.
    #[cfg(feature = "schema")]
    pub(super) fn diagnose<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        error: LoadError,
        reader: Option<&mut Reader<'_>>,
    ) -> LoadError {
        let known = self.options.description.as_deref();
        let received = self.report.description.as_deref();
        let read_on = self.options.read_on;
        // Describing a device runs its hooks. Their panic must not replace the error; the rollback follows anyway.
        let found = catch_unwind(AssertUnwindSafe(|| {
            let entries = &mut machine.registry.entries;
            let document = diagnosis::document(&error, known, received, reader, read_on);
            diagnosis::find(&error, entries, &self.order, &*document?)
        }));
        match found {
            Ok(Some(diagnosis)) => error.with_diagnosis(diagnosis),
            _ => error,
        }
    }

    /// Returns the error as it is: parsing the description needs the feature `schema`.
    #[cfg(not(feature = "schema"))]
    pub(super) fn diagnose<T: Threading>(
        &mut self,
        _: &mut Machine<'_, T>,
        error: LoadError,
        _: Option<&mut Reader<'_>>,
    ) -> LoadError {
        error
    }
}
