//! A save that its caller drives step by step.

use vmstate_types::SaveError;
use vmstate_types::error::SaveErrorKind;

use super::{SaveOptions, SaveStats};
use crate::machine::Machine;
use crate::machine::configuration;
use crate::machine::session::{Direction, Mismatch, Ticket};
use crate::registry::{Registry, SectionHandler, Threading};
use crate::schema::Release;
use crate::section::{LiveSection, Output, Pending, SentPages};
use crate::stream::{Command, Configuration, SectionHeader, SectionKind, StreamWriter};

/// A save that its caller drives: it begins, iterates over the live sections while the machine runs, and sends the devices
/// when the machine is stopped.
///
/// A session is plain data: it borrows neither the machine nor the output, and it is `Send`. The caller passes both to
/// each step, and can use them in between, except that registering or removing sections makes every further step fail.
/// A session must end with [`finish`](Self::finish) or [`abort`](Self::abort). If it is dropped instead, the live sections
/// are cleaned up when the next session begins on the machine. After an error, abort the session.
///
/// [`Machine::save`] is a short loop over a session, and [`Machine::start_saving`] adds a destructor that aborts.
///
/// ```
/// use vmstate::machine::{SaveOptions, SaveSession};
/// use vmstate::prelude::*;
/// use vmstate::memory::{PageSize, VecBlock};
/// use vmstate::section::Output;
///
/// let mut machine = Machine::with_type("board");
/// machine.register_ram(PageSize::DEFAULT, [VecBlock::new("ram", vec![7; 1 << 20])])?;
///
/// let mut writer = Writer::new();
/// let mut out = Output::new(&mut writer, None);
/// let mut session = SaveSession::begin(&mut machine, &mut out, SaveOptions::new())?;
/// // The guest runs: send what fits into each time slice.
/// while session.pending_exact(&mut machine).total() > 100_000 {
///     let iteration = session.iterate(&mut machine, &mut out, 64 * 1024)?;
///     assert!(iteration.bytes > 0);
/// }
/// // Stop the guest here, and send the rest.
/// let saved = session.finish(&mut machine, &mut out)?;
/// assert_eq!(saved.bytes, writer.pending().len() as u64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SaveSession {
    ticket: Ticket,
    pub(super) options: SaveOptions,
    /// The release whose form the description has, if there is one.
    pub(super) release: Option<Release>,
    pub(super) sections: u64,
    /// The offset in the writer of the stream's first byte.
    started: u64,
    live_completed: bool,
    devices_sent: bool,
}

/// The progress of one [`SaveSession::iterate`] call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Iteration {
    /// Set if every live section has sent everything that it had.
    pub complete: bool,
    /// The number of bytes that this call has written.
    pub bytes: u64,
}

impl SaveSession {
    /// Writes the header, the configuration, and the start of each live section (QEMU's `qemu_savevm_state_header` and
    /// `qemu_savevm_state_setup`).
    ///
    /// # Errors
    /// Returns an error if a [blocker](Machine::add_blocker) is registered, a section does not support the version in the
    /// options, a live section cannot start, or the output fails.
    pub fn begin<T: Threading>(
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
        options: SaveOptions,
    ) -> Result<Self, SaveError> {
        let mut session = Self::new(machine, out, options)?;
        let written = session.write_beginning(machine, out);
        if written.is_err() {
            session.close(machine);
        }
        written.map(|()| session)
    }

    /// Creates the session and makes it the one in progress, without calling any section.
    pub(super) fn new<T: Threading>(
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
        options: SaveOptions,
    ) -> Result<Self, SaveError> {
        machine.registry.check_blockers()?;
        check_versions(&machine.registry, &options)?;
        Ok(Self {
            ticket: machine.begin_session(Direction::Save),
            release: options.description.filter(|_| !options.device_state_only),
            options,
            sections: 0,
            started: out.writer().offset(),
            live_completed: false,
            devices_sent: false,
        })
    }

    pub(super) fn write_beginning<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
    ) -> Result<(), SaveError> {
        let configuration = machine.configuration.as_ref();
        let configuration = configuration.filter(|_| self.options.configuration && !self.options.device_state_only);
        let mapped = if out.is_mapped() { Some(mapped(configuration)?) } else { None };
        let configuration = mapped.as_ref().or(configuration);
        if self.options.header {
            self.write_header(out, configuration)?;
        }
        if let Some(release) = self.release {
            machine.descriptions.begin(release, machine.page_size.bytes(), configuration);
        }
        // `qemu_savevm_state_setup` walks all entries once: devices with early setup precede the live sections that are
        // registered after them, and not all live sections.
        for index in 0..machine.registry.entries.len() {
            if self.is_live(machine, index) {
                self.live_section(machine, out, index, SectionKind::Start, 0)?;
            } else if machine.registry.entries[index].is_early() {
                self.full_section(machine, out, index)?;
            }
        }
        Ok(())
    }

    fn write_header(&self, out: &mut Output<'_>, configuration: Option<&Configuration>) -> Result<(), SaveError> {
        let mut frame = self.frame(out);
        frame.header();
        if let Some(configuration) = configuration {
            frame.configuration(configuration);
        }
        for command in &self.options.commands {
            frame.command(command)?;
        }
        Ok(())
    }

    /// Sends a part of about `budget` bytes of each live section that has something to send
    /// (`qemu_savevm_state_iterate`).
    ///
    /// As in QEMU, a section that has not sent everything keeps the sections after it waiting.
    ///
    /// # Errors
    /// Returns an error if a live section cannot be saved, the output fails, or the machine's sections have changed.
    pub fn iterate<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
        budget: u64,
    ) -> Result<Iteration, SaveError> {
        self.check(machine)?;
        let start = out.writer().offset();
        let complete = self.iterate_all(machine, out, budget)?;
        Ok(Iteration { complete, bytes: out.writer().offset() - start })
    }

    fn iterate_all<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
        budget: u64,
    ) -> Result<bool, SaveError> {
        for index in 0..machine.registry.entries.len() {
            let SectionHandler::Live(live) = &machine.registry.entries[index].handler else { continue };
            let iterates = live.is_active_iterate() && self.is_live(machine, index);
            if iterates && !self.live_section(machine, out, index, SectionKind::Part, budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Estimates the number of bytes left to send, without synchronizing the dirty log.
    pub fn pending_estimate<T: Threading>(&self, machine: &mut Machine<'_, T>) -> Pending {
        self.live_sections(machine).map(|(_, live)| live.pending_estimate()).sum()
    }

    /// Returns the number of bytes left to send, after synchronizing the dirty log.
    pub fn pending_exact<T: Threading>(&self, machine: &mut Machine<'_, T>) -> Pending {
        self.live_sections(machine).map(|(_, live)| live.pending_exact()).sum()
    }

    /// Returns the number of pages of guest memory that were sent.
    pub fn sent_pages<T: Threading>(&self, machine: &mut Machine<'_, T>) -> SentPages {
        self.live_sections(machine).map(|(_, live)| live.sent_pages()).sum()
    }

    /// Sends a command to the destination.
    ///
    /// # Errors
    /// Returns an error if the command's data is too long, or the output fails.
    pub fn command(&mut self, out: &mut Output<'_>, command: &Command) -> Result<(), SaveError> {
        self.frame(out).command(command)?;
        out.flush_if_full()
    }

    /// Prepares every live section to continue after a lost connection (`qemu_savevm_state_resume_prepare`).
    ///
    /// # Errors
    /// Returns an error if a live section cannot continue, or the machine's sections have changed.
    pub fn resume_prepare<T: Threading>(&mut self, machine: &mut Machine<'_, T>) -> Result<(), SaveError> {
        self.check(machine)?;
        for (header, live) in self.live_sections(machine) {
            live.resume_prepare().map_err(|error| error.in_field(header.name.clone()))?;
        }
        Ok(())
    }

    /// Sends the end of each live section: everything that is left (`qemu_savevm_state_complete_precopy_iterable`). The
    /// machine must be stopped.
    ///
    /// # Errors
    /// Returns an error if a live section cannot be saved, the output fails, or the machine's sections have changed.
    pub fn complete_live<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
    ) -> Result<(), SaveError> {
        self.check(machine)?;
        if std::mem::replace(&mut self.live_completed, true) {
            return Ok(());
        }
        for index in 0..machine.registry.entries.len() {
            if self.is_live(machine, index) {
                self.live_section(machine, out, index, SectionKind::End, u64::MAX)?;
            }
        }
        Ok(())
    }

    /// Sends all devices and raw sections (`qemu_savevm_state_complete_precopy_non_iterable`). The machine must be stopped.
    ///
    /// Precopy sends the devices after the ends of the live sections. Postcopy sends them before, as a package: `out` can
    /// be another output than the stream's for this call.
    ///
    /// # Errors
    /// Returns an error if a device cannot be saved, the output fails, or the machine's sections have changed.
    pub fn devices<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
    ) -> Result<(), SaveError> {
        self.check(machine)?;
        if std::mem::replace(&mut self.devices_sent, true) {
            return Ok(());
        }
        for index in 0..machine.registry.entries.len() {
            let entry = &machine.registry.entries[index];
            if !entry.is_early() && !matches!(entry.handler, SectionHandler::Live(_)) {
                self.full_section(machine, out, index)?;
            }
        }
        self.passed_through(machine, out);
        Ok(())
    }

    /// Sends the rest: the ends of the live sections and the devices, unless they have been sent, and the end mark
    /// with the description. The machine must be stopped.
    ///
    /// # Errors
    /// Returns an error if a device cannot be saved, the output fails, or the machine's sections have changed. The session
    /// is then aborted.
    pub fn finish<T: Threading>(
        mut self,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
    ) -> Result<SaveStats, SaveError> {
        let finished = self.write_rest(machine, out);
        self.close(machine);
        finished
    }

    pub(super) fn write_rest<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
    ) -> Result<SaveStats, SaveError> {
        self.complete_live(machine, out)?;
        self.devices(machine, out)?;
        self.frame(out).eof();
        self.describe(machine, out)?;
        out.flush()?;
        Ok(self.stats(out))
    }

    /// Returns the number of bytes and sections that have been written so far, as long as all steps have the same output.
    #[must_use]
    pub fn stats(&self, out: &mut Output<'_>) -> SaveStats {
        SaveStats { bytes: out.writer().offset().saturating_sub(self.started), sections: self.sections }
    }

    /// Ends the save early. The live sections are cleaned up, and the machine can continue.
    pub fn abort<T: Threading>(self, machine: &mut Machine<'_, T>) {
        self.close(machine);
    }

    pub(super) fn close<T: Threading>(&self, machine: &mut Machine<'_, T>) {
        machine.end_session(self.ticket);
    }

    fn check<T: Threading>(&self, machine: &Machine<'_, T>) -> Result<(), SaveError> {
        machine.check_session(self.ticket).map_err(|mismatch: Mismatch| SaveError::misuse(mismatch))
    }

    /// Returns whether the entry's section is sent in parts by this save.
    fn is_live<T: Threading>(&self, machine: &Machine<'_, T>, index: usize) -> bool {
        match &machine.registry.entries[index].handler {
            SectionHandler::Live(live) => !self.options.device_state_only && live.is_active(),
            SectionHandler::Device(_) | SectionHandler::Raw(_) => false,
        }
    }

    /// Iterates over the live sections that this save sends.
    fn live_sections<'m, 'd, T: Threading>(
        &self,
        machine: &'m mut Machine<'d, T>,
    ) -> impl Iterator<Item = (&'m SectionHeader, &'m mut T::Live<'d>)> {
        let live_sections = !self.options.device_state_only;
        machine.registry.entries.iter_mut().filter_map(move |entry| match &mut entry.handler {
            SectionHandler::Live(live) if live_sections && live.is_active() => Some((&entry.header, live)),
            _ => None,
        })
    }

    pub(super) fn frame<'w>(&self, out: &'w mut Output<'_>) -> StreamWriter<'w> {
        StreamWriter::new(out.writer()).footers(self.options.footers)
    }
}

/// Returns the configuration of a file in which guest memory has fixed places.
fn mapped(configuration: Option<&Configuration>) -> Result<Configuration, SaveError> {
    match configuration.cloned() {
        Some(configuration) => Ok(configuration::with_mapped_ram(configuration)),
        None => {
            Err(SaveError::misuse("a file with memory at fixed places needs a configuration: set the machine type"))
        }
    }
}

fn check_versions<T: Threading>(registry: &Registry<'_, T>, options: &SaveOptions) -> Result<(), SaveError> {
    if !options.has_versions() {
        return Ok(());
    }
    for entry in &registry.entries {
        let newest = entry.header.version;
        let requested = options.version_of(&entry.header);
        let oldest = entry.description.map_or(newest, |description| description.minimum_version);
        if !(oldest..=newest).contains(&requested) {
            let kind = SaveErrorKind::UnsupportedVersion { requested, oldest, newest };
            let reason =
                format!("section {} can be saved at versions {oldest} to {newest}, not {requested}", entry.title());
            return Err(SaveError::new(kind, reason));
        }
    }
    Ok(())
}
