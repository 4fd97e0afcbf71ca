//! From a stream to devices.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use vmstate_types::error::Location;
use vmstate_types::walk::PostLoad;
use vmstate_types::{LoadError, Reader};

use super::Machine;
use super::pass_through::{self, PassThrough};
use super::policy::{LoadOptions, Repeated, Trailer, Unread, refuse};
use super::progress::{Phase, Progress};
use super::rollback::Checkpoints;
use super::{configuration, save::unavailable, trace};
use crate::registry::{Entry, Handle, SectionHandler, Threading};
use crate::section::{LiveSection, RawSection};
use crate::stream::{Configuration, NextItem, SectionHeader, SectionKind, StreamReader, tag};

/// So many sections with a name can come. The largest machines have some hundred devices.
const MAX_SECTIONS: u64 = 1 << 14;

/// What was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LoadReport {
    /// The stream's configuration, if it has one.
    pub configuration: Option<Configuration>,
    /// The bytes up to the stream's end, the description not included.
    pub bytes: u64,
    /// How many sections received.
    pub sections: u64,
    /// The sections that did not come: name and instance id. They are not needed, or a rule allows it.
    pub missing: Vec<(String, u32)>,
    /// The sections that nobody has registered, and that were passed over or kept.
    pub unknown: Vec<(String, u32)>,
    /// The JSON description, if it was read.
    pub description: Option<String>,
}

impl<T: Threading> Machine<'_, T> {
    /// Loads a machine: all of the stream, or nothing.
    ///
    /// The machine must stand still. If this fails, every device is what it was before, in everything that it saves;
    /// what it derives from that is derived again by its hooks.
    ///
    /// To be able to go back, a copy of each device's state is made before its section is loaded: the memory and time of
    /// saving it. Guest memory is copied only where it is not zero ([`Ram`](crate::ram::Ram)).
    ///
    /// What follows the stream in `input` may be lost: to go on reading there, use [`load_with`](Self::load_with) and
    /// [`Reader::buffered`].
    ///
    /// # Errors
    /// When the stream is not of this machine, or is cut or corrupt, a section is missing, repeated or not known, a
    /// device refuses, or `input` fails.
    pub fn load(&mut self, input: impl Read + Send) -> Result<LoadReport, LoadError> {
        self.load_with(&mut Reader::from_read(input), LoadOptions::new())
    }

    /// Loads a machine as [`load`](Self::load) does, with options.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    ///
    /// # Panics
    /// When a device's hook panics. The machine is then what it was before.
    pub fn load_with(&mut self, reader: &mut Reader<'_>, options: LoadOptions<'_>) -> Result<LoadReport, LoadError> {
        let mut load = Load::new(self, options);
        let outcome = catch_unwind(AssertUnwindSafe(|| load.run(reader)));
        let outcome = match outcome {
            Ok(Ok(loaded)) => Ok(Ok(loaded)),
            Ok(Err(error)) => {
                let error = load.diagnose(error, reader);
                load.roll_back();
                Ok(Err(error))
            }
            Err(panic) => {
                load.roll_back();
                Err(panic)
            }
        };
        load.clean_up();
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// A load under way.
pub(super) struct Load<'r, 'd, 'o, T: Threading> {
    pub(super) machine: &'r mut Machine<'d, T>,
    pub(super) options: LoadOptions<'o>,
    pub(super) checkpoints: Checkpoints,
    /// Whether what is live has been set up.
    live: bool,
    /// What has come, by entry.
    pub(super) received: Vec<Received>,
    /// The sections of devices, in the order in which they received.
    order: Vec<Section>,
    pub(super) kept: Vec<PassThrough>,
    /// How many sections with a name have come.
    named: u64,
    pub(super) loaded: LoadReport,
    /// The entry after that of the section before.
    next: usize,
}

/// What has come of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    Nothing,
    /// A live section has started.
    Started,
    All,
}

/// A device's section that has come.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) entry: usize,
    /// The name that it received under, if that is not the entry's own.
    old_name: Option<Box<str>>,
    instance_id: u32,
    section_id: u32,
    pub(super) version: u32,
    offset: u64,
    /// The offset of the first byte of the payload.
    pub(super) payload: u64,
    /// The bytes that the device has read; none if it failed.
    pub(super) read: Option<u64>,
    post_load: PostLoad,
}

impl Section {
    fn new<T: Threading>(index: usize, entry: &Entry<'_, T>, header: &SectionHeader) -> Self {
        let &SectionHeader { instance_id, section_id, version, offset, payload, .. } = header;
        let renamed = entry.has_old_name() && entry.header.name != header.name;
        let old_name = renamed.then(|| header.name.as_str().into());
        let (read, post_load) = (None, PostLoad::None);
        Self { entry: index, old_name, instance_id, section_id, version, offset, payload, read, post_load }
    }

    /// The section's header, which received for `entry`.
    pub(super) fn header<T: Threading>(&self, entry: &Entry<'_, T>) -> SectionHeader {
        let &Self { instance_id, section_id, version, offset, payload, .. } = self;
        let name = self.old_name.as_deref().unwrap_or(&entry.header.name);
        SectionHeader { offset, payload, ..SectionHeader::full(section_id, name, instance_id, version) }
    }
}

impl<'r, 'd, 'o, T: Threading> Load<'r, 'd, 'o, T> {
    fn new(machine: &'r mut Machine<'d, T>, options: LoadOptions<'o>) -> Self {
        let count = machine.registry.entries.len();
        let (received, order) = (vec![Received::Nothing; count], Vec::with_capacity(count));
        let mut checkpoints = std::mem::take(&mut machine.checkpoints);
        checkpoints.clear(count);
        let loaded = LoadReport::default();
        Self {
            machine,
            options,
            checkpoints,
            live: false,
            received,
            order,
            kept: Vec::new(),
            named: 0,
            loaded,
            next: 0,
        }
    }

    fn run(&mut self, reader: &mut Reader<'_>) -> Result<LoadReport, LoadError> {
        let start = reader.offset();
        let mut stream = match self.options.header {
            true => StreamReader::new(reader)?,
            false => StreamReader::without_header(reader),
        };
        if let Some(footers) = self.options.footers {
            stream = stream.footers(footers);
        }
        self.check_configuration(&mut stream)?;
        self.set_up()?;
        while let Some(next) = stream.advance()? {
            match next {
                NextItem::Section => self.section(&mut stream, start)?,
                NextItem::Command(command) => match &mut self.options.commands {
                    Some(handler) => handler.command(&command),
                    None => refuse(&command),
                }
                .map_err(|error| error.at_offset(stream.offset()).in_location(|| Location::Part("a command".into())))?,
                NextItem::PackageEnd => {}
            }
        }
        self.loaded.bytes = stream.offset() - start;
        self.check_complete(stream.offset())?;
        self.finish()?;
        self.keep(&mut stream);
        self.options.progress.tell(&Progress::new(Phase::Done, self.loaded.bytes, self.loaded.sections, None));
        Ok(std::mem::take(&mut self.loaded))
    }

    fn check_configuration(&mut self, stream: &mut StreamReader<'_, '_>) -> Result<(), LoadError> {
        self.loaded.configuration = stream.configuration().cloned();
        let ours = match &self.machine.configuration {
            Some(ours) if self.options.header && !self.options.ignore_machine_type => ours,
            _ => return Ok(()),
        };
        let checked = match &self.loaded.configuration {
            None if stream.payload().at_end()? => Err(LoadError::truncated(stream.offset(), 1, 0)),
            theirs => configuration::check(ours, theirs.as_ref()),
        };
        checked.map_err(|error| error.in_location(|| Location::Part("the configuration".into())))
    }

    fn set_up(&mut self) -> Result<(), LoadError> {
        self.live = true;
        for entry in &mut self.machine.registry.entries {
            if let SectionHandler::Live(live) = &mut entry.handler {
                live.load_setup(self.options.undo).map_err(|error| error.in_field(entry.header.name.clone()))?;
            }
        }
        Ok(())
    }

    fn section(&mut self, stream: &mut StreamReader<'_, '_>, start: u64) -> Result<(), LoadError> {
        let footers = stream.has_footers() != Some(false);
        let (header, payload) = stream.section();
        self.loaded.sections += 1;
        self.count(header)?;
        let span = trace::section("load", header, header.offset);
        match self.find(header) {
            Some(index) => self.known(header, payload, index),
            None => self.unknown(header, payload),
        }
        .and_then(|()| self.skip_unread(header, payload, footers))
        .map_err(|error| error.in_location(|| header.place()))?;
        stream.end_section()?;
        span.done(stream.offset());
        let (bytes, (header, _)) = (stream.offset() - start, stream.section());
        let phase = if header.kind == SectionKind::Full { Phase::Devices } else { Phase::Live };
        self.options.progress.tell(&Progress::new(phase, bytes, self.loaded.sections, Some(&header.name)));
        Ok(())
    }

    /// Passes over what was not read of a section, if its rules say so.
    fn skip_unread(&self, header: &SectionHeader, payload: &mut Reader<'_>, footers: bool) -> Result<(), LoadError> {
        let skip = footers && self.options.rules_of(&header.name).unread == Unread::Skip;
        if skip && payload.peek(1)? != [tag::FOOTER] { pass_through::skip(header, payload) } else { Ok(()) }
    }

    /// Counts a section of which something is held.
    fn count(&mut self, header: &SectionHeader) -> Result<(), LoadError> {
        self.named += u64::from(header.kind.is_named());
        match self.named <= MAX_SECTIONS {
            true => Ok(()),
            false => Err(LoadError::malformed(format!("at most {MAX_SECTIONS} sections with a name"), "more of them")
                .at_offset(header.offset)),
        }
    }

    /// The entry that a section is for.
    fn find(&mut self, header: &SectionHeader) -> Option<usize> {
        let found = self.machine.registry.find(&header.name, header.instance_id, self.next)?;
        self.next = found + 1;
        Some(found)
    }

    /// Loads a section that somebody has registered.
    fn known(&mut self, header: &SectionHeader, payload: &mut Reader<'_>, index: usize) -> Result<(), LoadError> {
        self.check_kind(header, index)?;
        check_version(header, self.machine.registry.entries[index].header.version)?;
        if self.options.undo {
            self.checkpoints.copy(index, &mut self.machine.registry.entries[index])?;
        }
        let entry = &mut self.machine.registry.entries[index];
        if let SectionHandler::Live(live) = &mut entry.handler {
            self.received[index] = if header.kind == SectionKind::End { Received::All } else { Received::Started };
            return live.load(payload, header.kind, header.version);
        }
        self.received[index] = Received::All;
        self.order.push(Section::new(index, entry, header));
        let post_load = match &mut entry.handler {
            SectionHandler::Device(handle) => {
                let decoded = handle.with(|device| device.decode_section(payload, header.version));
                decoded.map_err(|why| LoadError::misuse("a device that can be used", why))??
            }
            SectionHandler::Raw(raw) => {
                raw.load(payload, header.version)?;
                PostLoad::None
            }
            SectionHandler::Live(_) => PostLoad::None,
        };
        if let Some(section) = self.order.last_mut() {
            (section.read, section.post_load) = (Some(payload.offset() - header.payload), post_load);
        }
        if self.options.immediate_post_load {
            self.post_load(self.order.len() - 1)?;
        }
        Ok(())
    }

    fn check_kind(&self, header: &SectionHeader, index: usize) -> Result<(), LoadError> {
        let live = matches!(self.machine.registry.entries[index].handler, SectionHandler::Live(_));
        if live == (header.kind == SectionKind::Full) {
            let expected = if live { "a section that comes in parts" } else { "a section that comes whole" };
            return Err(
                LoadError::incompatible(expected, format!("one of kind `{}`", header.kind)).at_offset(header.offset)
            );
        }
        let again = header.kind.is_named() && self.received[index] != Received::Nothing;
        if again && self.options.rules_of(&header.name).repeated == Repeated::Reject {
            return Err(LoadError::malformed("each section once", "the section again")
                .at_offset(header.offset)
                .or_advice(
                    "the stream is corrupt or forged; QEMU would let the last one count (`Repeated::Replace`)",
                ));
        }
        Ok(())
    }

    /// Does what waits until everything has come.
    fn finish(&mut self) -> Result<(), LoadError> {
        for entry in &mut self.machine.registry.entries {
            if let SectionHandler::Live(live) = &mut entry.handler {
                live.load_finish().map_err(|error| error.in_field(entry.header.name.clone()))?;
            }
        }
        if !self.options.immediate_post_load {
            for index in 0..self.order.len() {
                let Err(error) = self.post_load(index) else { continue };
                let section = &self.order[index];
                return Err(error.in_location(|| section.header(&self.machine.registry.entries[section.entry]).place()));
            }
        }
        self.machine.after_load.run().map_err(|reason| {
            LoadError::rejected("`after_load` to accept the machine", reason)
                .in_location(|| Location::Part("the machine, all of whose sections have come".into()))
        })
    }

    /// Runs the hook `post_load` of the device whose section received as number `index`.
    fn post_load(&mut self, index: usize) -> Result<(), LoadError> {
        let Section { entry, version, post_load, .. } = &self.order[index];
        let SectionHandler::Device(handle) = &mut self.machine.registry.entries[*entry].handler else { return Ok(()) };
        if *post_load == PostLoad::None {
            return Ok(());
        }
        let finished = handle.with(|device| device.finish_section(*version));
        finished.map_err(|why| LoadError::misuse("a device that can be used", unavailable(why)))?
    }

    /// Keeps what nobody knows, with its description if the stream has one.
    fn keep(&mut self, stream: &mut StreamReader<'_, '_>) {
        let read = match self.options.trailer {
            Trailer::Ignore => false,
            Trailer::Required => true,
            Trailer::IfBuffered => stream.payload().buffered().first() == Some(&tag::DESCRIPTION),
        };
        if read {
            // The machine is loaded: a description that is cut is as good as none, as in QEMU.
            self.loaded.description = stream.description().ok().flatten();
        }
        if let Some(text) = &self.loaded.description {
            pass_through::describe(&mut self.kept, text);
        }
        self.machine.passed_through = std::mem::take(&mut self.kept);
    }

    #[cfg(feature = "schema")]
    fn diagnose(&mut self, error: LoadError, reader: &mut Reader<'_>) -> LoadError {
        let found = catch_unwind(AssertUnwindSafe(|| {
            super::diagnosis::find(
                &error,
                &mut self.machine.registry.entries,
                &self.order,
                self.options.description,
                reader,
            )
        }));
        match found {
            Ok(Some(diagnosis)) => error.with_diagnosis(diagnosis),
            _ => error,
        }
    }

    /// Parsing the description needs the feature `schema`.
    #[cfg(not(feature = "schema"))]
    fn diagnose(&mut self, error: LoadError, _reader: &mut Reader<'_>) -> LoadError {
        error
    }

    /// Makes the machine what it was before.
    fn roll_back(&mut self) {
        if !self.options.undo {
            return;
        }
        self.checkpoints.roll_back(&mut self.machine.registry.entries);
        if !self.live {
            return;
        }
        for entry in &mut self.machine.registry.entries {
            if let SectionHandler::Live(live) = &mut entry.handler {
                let _ = catch_unwind(AssertUnwindSafe(|| live.load_undo()));
            }
        }
    }

    fn clean_up(&mut self) {
        // The memory is used again.
        self.machine.checkpoints = std::mem::take(&mut self.checkpoints);
        if !self.live {
            return;
        }
        for entry in &mut self.machine.registry.entries {
            if let SectionHandler::Live(live) = &mut entry.handler {
                live.load_cleanup();
            }
        }
    }
}

/// Checks the version of a section before its device does, as QEMU does for all (`qemu_loadvm_section_start_full` in
/// `migration/savevm.c`).
fn check_version(header: &SectionHeader, local: u32) -> Result<(), LoadError> {
    let SectionHeader { name, version, .. } = header;
    match *version <= local {
        true => Ok(()),
        false => Err(LoadError::incompatible(format!("at most version {local}"), format!("version {version}"))
            .at_offset(header.payload)
            .or_advice("save on the other side at an older version, or load with a newer release")
            .with_qemu_message(format!("savevm: unsupported version {version} for '{name}' v{local}"))),
    }
}
