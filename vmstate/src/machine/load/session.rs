//! A load that its caller drives step by step.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vmstate_types::LoadError;
use vmstate_types::error::Location;
use vmstate_types::walk::PostLoad;

use super::{LoadOptions, LoadReport, Trailer};
use crate::machine::checkpoints::{Checkpoints, attempt};
use crate::machine::pass_through::{self, PassThrough};
use crate::machine::received::{Received, Section};
use crate::machine::session::{Direction, Ticket};
use crate::machine::{Machine, configuration};
use crate::registry::{AfterLoadHook, Entry, Handle, SectionHandler, Threading};
use crate::section::LiveSection;
use crate::stream::{Command, NextItem, SectionHeader, StreamReader, tag};

/// A load that its caller drives: it begins, takes one item of the stream with each step, and is committed or rolled back.
///
/// A session is plain data: it borrows neither the machine nor the stream, and it is `Send`. The caller passes both to
/// each step, and answers the commands that a step returns. Registering or removing sections makes every further step
/// fail. A session must end with [`commit`](Self::commit) or [`roll_back`](Self::roll_back). If it is dropped instead, the
/// machine keeps what has been loaded, and the live sections are cleaned up when the next session begins on the machine.
///
/// [`Machine::load`] is a loop over a session that rejects commands.
///
/// # Rollback
///
/// Each step copies a device's state before it loads the device's section, unless the options are
/// [`without_rollback`](LoadOptions::without_rollback). `commit` rolls back by itself if it fails. After an error or a panic
/// in a step, call [`fail`](Self::fail) or `roll_back`.
///
/// A postcopy load has a point of no return: when the guest runs on the destination, the source no longer has its state,
/// so going back would lose the guest. Before that point call [`run_post_load`](Self::run_post_load) and
/// [`forgo_rollback`](Self::forgo_rollback).
///
/// ```
/// use vmstate::machine::{LoadOptions, LoadSession, Step};
/// use vmstate::prelude::*;
/// use vmstate::stream::Command;
///
/// #[derive(VmState, Default)]
/// #[vmstate(name = "serial", version = 3)]
/// struct Serial {
///     divider: u16,
/// }
///
/// fn load(machine: &mut Machine<'_>, reader: &mut Reader<'_>) -> Result<Vec<u32>, LoadError> {
///     let mut pings = Vec::new();
///     let options = LoadOptions::new();
///     let mut stream = options.open(reader)?;
///     let mut session = LoadSession::begin(machine, &mut stream, options)?;
///     loop {
///         let failed = match session.step(machine, &mut stream) {
///             Ok(Step::Section(header)) => {
///                 println!("loaded {}", header.name);
///                 continue;
///             }
///             Ok(Step::Command(Command::OpenReturnPath | Command::SwitchoverStart)) => continue,
///             Ok(Step::Command(Command::Ping(number))) => {
///                 pings.push(number); // answer with PONG
///                 continue;
///             }
///             Ok(Step::Command(other)) => other.reject(),
///             Ok(Step::End) => break,
///             Ok(_) => continue,
///             Err(error) => error,
///         };
///         return Err(session.fail(machine, &mut stream, failed));
///     }
///     session.commit(machine)?;
///     Ok(pings)
/// }
///
/// let mut machine = Machine::new();
/// machine.register("serial", Serial { divider: 12 })?;
/// let mut stream = Vec::new();
/// machine.save(&mut stream)?;
/// load(&mut machine, &mut Reader::from_slice(&stream))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LoadSession {
    /// `None` until the live sections are set up.
    ticket: Option<Ticket>,
    pub(super) options: LoadOptions,
    pub(super) checkpoints: Checkpoints,
    /// The progress of each entry.
    pub(super) received: Vec<Received>,
    /// The sections of devices, in the order of the stream.
    pub(super) order: Vec<Section>,
    /// The number of sections in `order` whose `post_load` has run.
    hooks_run: usize,
    pub(super) passed_through: Vec<PassThrough>,
    /// The bytes of the unknown sections that are kept.
    pub(super) kept: u64,
    /// The number of sections with a name.
    pub(super) named: u64,
    pub(super) report: LoadReport,
    /// The index after the entry of the previous section.
    pub(super) next: usize,
    /// The offset of the end of the stream, once it is reached.
    end: Option<u64>,
}

/// The item of the stream that a [`LoadSession`] has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step<'s> {
    /// A section, which has been loaded.
    Section(&'s SectionHeader),
    /// A command, which the caller has to execute, or [reject](Command::reject).
    Command(Command),
    /// The end of the innermost packaged stream.
    PackageEnd,
    /// The end of the stream. The session can be committed.
    End,
}

impl LoadSession {
    /// Checks the stream's configuration and sets up the live sections (`qemu_loadvm_state_setup`). `stream` must have
    /// been opened with the same options ([`LoadOptions::open`]).
    ///
    /// # Errors
    /// Returns an error if the stream is from another machine, or a live section cannot be loaded.
    pub fn begin<T: Threading>(
        machine: &mut Machine<'_, T>,
        stream: &mut StreamReader<'_, '_>,
        options: LoadOptions,
    ) -> Result<Self, LoadError> {
        let mut session = Self::new(machine, options);
        match session.set_up(machine, stream) {
            Ok(()) => Ok(session),
            Err(error) => Err(session.fail(machine, stream, error)),
        }
    }

    /// Creates the session without calling any section.
    pub(super) fn new<T: Threading>(machine: &mut Machine<'_, T>, options: LoadOptions) -> Self {
        let count = machine.registry.entries.len();
        machine.unrestored.clear();
        let mut checkpoints = std::mem::take(&mut machine.checkpoints);
        checkpoints.clear(count);
        Self {
            ticket: None,
            options,
            checkpoints,
            received: vec![Received::Nothing; count],
            order: Vec::with_capacity(count),
            hooks_run: 0,
            passed_through: Vec::new(),
            kept: 0,
            named: 0,
            report: LoadReport::default(),
            next: 0,
            end: None,
        }
    }

    pub(super) fn set_up<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        stream: &mut StreamReader<'_, '_>,
    ) -> Result<(), LoadError> {
        self.check_configuration(machine, stream)?;
        self.ticket = Some(machine.begin_session(Direction::Load));
        for entry in &mut machine.registry.entries {
            if let SectionHandler::Live(live) = &mut entry.handler {
                if let Some(configuration) = &self.report.configuration {
                    live.load_format(configuration);
                }
                live.load_setup(self.options.rollback).map_err(|error| error.in_field(entry.header.name.clone()))?;
            }
        }
        Ok(())
    }

    fn check_configuration<T: Threading>(
        &mut self,
        machine: &Machine<'_, T>,
        stream: &mut StreamReader<'_, '_>,
    ) -> Result<(), LoadError> {
        self.report.configuration = stream.configuration().cloned();
        let ours = match &machine.configuration {
            Some(ours) if self.options.header && !self.options.ignore_machine_type => ours,
            // Without a header the configuration was checked by the caller that read it, as for a packaged stream.
            _ => return Ok(()),
        };
        let checked = match &self.report.configuration {
            // A stream that ends after its header is truncated; a configuration could have followed.
            None if stream.payload().at_end()? => Err(LoadError::truncated(stream.offset(), 1, 0)),
            theirs => configuration::check(ours, theirs.as_ref(), self.options.mapped_ram),
        };
        checked.map_err(|error| error.in_location(|| Location::Part("the configuration".into())))
    }

    /// Takes the next item of the stream, and loads it if it is a section. At the end of the stream, also reads the
    /// description if the options require it.
    ///
    /// # Errors
    /// Returns an error if the stream is truncated or corrupt, the section is duplicate or unknown, its device rejects it,
    /// or the machine's sections have changed. Call [`fail`](Self::fail) then.
    pub fn step<'s, T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        stream: &'s mut StreamReader<'_, '_>,
    ) -> Result<Step<'s>, LoadError> {
        self.check(machine)?;
        match stream.advance()? {
            Some(NextItem::Section) => {
                self.section(machine, stream)?;
                Ok(Step::Section(stream.section().0))
            }
            Some(NextItem::Command(command)) => Ok(Step::Command(*command)),
            Some(NextItem::PackageEnd) => Ok(Step::PackageEnd),
            None => {
                self.reach_end(stream);
                Ok(Step::End)
            }
        }
    }

    /// Makes the end of a package the end of the stream: the machine is complete, and only memory follows.
    #[cfg(feature = "migration")]
    pub(crate) fn end_package(&mut self, stream: &StreamReader<'_, '_>) {
        self.end.get_or_insert(stream.offset());
    }

    /// Sets the description that the caller has read.
    #[cfg(feature = "migration")]
    pub(crate) fn describe(&mut self, text: String) {
        self.report.description = Some(text);
    }

    fn reach_end(&mut self, stream: &mut StreamReader<'_, '_>) {
        if self.end.replace(stream.offset()).is_some() {
            return;
        }
        self.report.bytes = stream.offset() - stream.start();
        let read = match self.options.trailer {
            Trailer::Ignore => false,
            Trailer::Required => true,
            Trailer::IfBuffered => stream.payload().buffered().first() == Some(&tag::DESCRIPTION),
        };
        if read {
            // The sections are complete without the description, so QEMU ignores a truncated one, too
            // (`qemu_loadvm_state` in `migration/savevm.c`).
            self.report.description = stream.description().ok().flatten();
        }
    }

    /// Runs the `post_load` hooks of the sections received so far, in the order of the stream. [`commit`](Self::commit) runs
    /// the remaining ones.
    ///
    /// Postcopy needs this: the devices arrive as a package, and the guest runs before the stream ends.
    ///
    /// # Errors
    /// Returns an error if a hook fails, or the machine's sections have changed.
    pub fn run_post_load<T: Threading>(&mut self, machine: &mut Machine<'_, T>) -> Result<(), LoadError> {
        self.check(machine)?;
        while let Some(section) = self.order.get(self.hooks_run) {
            // Counted before it runs: a hook that failed must not run again in a later call.
            self.hooks_run += 1;
            let entry = &mut machine.registry.entries[section.entry];
            let finished = match &mut entry.handler {
                SectionHandler::Device(handle) if section.post_load != PostLoad::None => {
                    handle.with(|device| device.finish_section(section.version))
                }
                _ => continue,
            };
            let finished = finished.unwrap_or_else(|why| Err(LoadError::misuse("an accessible device", why)));
            finished.map_err(|error| error.in_location(|| section.header(entry).place()))?;
        }
        Ok(())
    }

    /// Gives up the rollback and releases the copies that it needs: the point of no return of a postcopy load
    /// (`POSTCOPY_RUN`).
    ///
    /// From here on, [`roll_back`](Self::roll_back) only cleans up, and a failed [`commit`](Self::commit) leaves the machine
    /// as far as it was loaded.
    ///
    /// # Errors
    /// Returns an error if a live section cannot apply its deferred part, or the machine's sections have changed.
    pub fn forgo_rollback<T: Threading>(&mut self, machine: &mut Machine<'_, T>) -> Result<(), LoadError> {
        self.check(machine)?;
        for entry in &mut machine.registry.entries {
            if let SectionHandler::Live(live) = &mut entry.handler {
                live.load_forgo_undo().map_err(|error| error.in_field(entry.header.name.clone()))?;
            }
        }
        self.options.rollback = false;
        self.checkpoints = Checkpoints::default();
        Ok(())
    }

    /// Completes the load: checks that no section is missing, has the live sections finish, runs the remaining `post_load`
    /// hooks and then the [`after_load`](Machine::after_load) hooks.
    ///
    /// # Errors
    /// Returns an error if the end of the stream has not been reached, a section is missing, or a hook fails. The machine
    /// is then rolled back.
    ///
    /// # Panics
    /// Panics if a hook does. The machine is rolled back first.
    pub fn commit<T: Threading>(mut self, machine: &mut Machine<'_, T>) -> Result<LoadReport, LoadError> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.try_commit(machine)));
        self.conclude(machine, None, outcome)
    }

    pub(super) fn try_commit<T: Threading>(&mut self, machine: &mut Machine<'_, T>) -> Result<LoadReport, LoadError> {
        self.check(machine)?;
        let Some(end) = self.end else {
            return Err(LoadError::misuse("a commit at the end of the stream", "a commit before it"));
        };
        // Missing sections are found before any `post_load` runs, because hooks may have effects that a rollback cannot
        // revert.
        self.check_complete(machine, end)?;
        for entry in &mut machine.registry.entries {
            if let SectionHandler::Live(live) = &mut entry.handler {
                live.load_finish().map_err(|error| error.in_field(entry.header.name.clone()))?;
            }
        }
        self.run_post_load(machine)?;
        // These hooks involve several devices, so they follow the devices' own hooks.
        for hook in &mut machine.after_load.0 {
            hook.run().map_err(|reason| {
                LoadError::rejected("`after_load` to accept the machine", reason)
                    .in_location(|| Location::Part("the loaded machine".into()))
            })?;
        }
        if let Some(text) = &self.report.description {
            pass_through::describe(&mut self.passed_through, text);
        }
        machine.passed_through = std::mem::take(&mut self.passed_through);
        Ok(std::mem::take(&mut self.report))
    }

    /// Ends the session after `error`: adds the first field in which the stream's description differs from the failed
    /// device, if the description can be found, and [rolls back](Self::roll_back).
    #[must_use]
    pub fn fail<T: Threading>(
        mut self,
        machine: &mut Machine<'_, T>,
        stream: &mut StreamReader<'_, '_>,
        error: LoadError,
    ) -> LoadError {
        let error = self.diagnose(machine, error, Some(stream.payload()));
        self.restore(machine);
        report_unrestored(machine, error)
    }

    /// Restores every device's state from before the load, unless the options are
    /// [`without_rollback`](LoadOptions::without_rollback), and ends the session.
    ///
    /// All fields of all devices are restored before the first hook runs. Hooks run as in any load, but their results are
    /// ignored, and a panic is confined to its hook. Devices that cannot be restored are in [`Machine::unrestored`]. Does
    /// nothing if another session has begun on the machine.
    pub fn roll_back<T: Threading>(mut self, machine: &mut Machine<'_, T>) {
        self.restore(machine);
    }

    pub(super) fn restore<T: Threading>(&mut self, machine: &mut Machine<'_, T>) {
        let active = self.ticket.is_some_and(|ticket| machine.is_active(ticket));
        if active && self.options.rollback {
            machine.unrestored = self.checkpoints.roll_back(&mut machine.registry.entries);
            for entry in machine.registry.entries.iter_mut().rev() {
                let undo = |entry: &mut Entry<'_, T>| match &mut entry.handler {
                    SectionHandler::Live(live) => live.load_undo(),
                    _ => Ok(()),
                };
                machine.unrestored.extend(attempt(entry, undo));
            }
        }
        self.close(machine);
    }

    pub(super) fn close<T: Threading>(&mut self, machine: &mut Machine<'_, T>) {
        // The next load uses the memory again.
        machine.checkpoints = std::mem::take(&mut self.checkpoints);
        if let Some(ticket) = self.ticket {
            machine.end_session(ticket);
        }
    }

    fn check<T: Threading>(&self, machine: &Machine<'_, T>) -> Result<(), LoadError> {
        let checked = self.ticket.map_or(Ok(()), |ticket| machine.check_session(ticket));
        checked.map_err(|mismatch| LoadError::misuse("the machine as it was when the session began", mismatch))
    }
}

/// Adds the devices that the rollback could not restore.
pub(super) fn report_unrestored<T: Threading>(machine: &Machine<'_, T>, error: LoadError) -> LoadError {
    if machine.unrestored.is_empty() { error } else { error.with_unrestored(machine.unrestored.join("; ")) }
}
