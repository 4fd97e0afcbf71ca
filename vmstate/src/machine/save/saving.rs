//! A save that has begun: its sections, one after the other.

use std::borrow::Cow;
use std::ops::Deref;

use vmstate_types::{SaveError, Writer};

use super::super::progress::{Phase, Progress};
use super::super::trace;
use super::{SaveOptions, SaveStats, unavailable};
use crate::machine::Machine;
use crate::registry::{Device, Entry, Handle, SectionHandler, Threading};
use crate::schema::{Release, SectionText};
use crate::section::{LiveSection, Output, Pending, RawSection};
use crate::stream::{Command, SectionHeader, SectionKind, StreamWriter};

/// A save that has begun. Dropping it before it is [`complete`](Self::complete) gives it up.
#[derive(Debug)]
pub struct Saving<'r, 'd, 'o, T: Threading> {
    machine: &'r mut Machine<'d, T>,
    out: Output<'o>,
    options: SaveOptions<'o>,
    /// Whose form of the description is written, if one is.
    release: Option<Release>,
    sections: u64,
    /// The offset in the writer of the stream's first byte.
    started: u64,
}

impl<'r, 'd, 'o, T: Threading> Saving<'r, 'd, 'o, T> {
    /// Begins: writes what comes before the first part.
    pub(super) fn begin(
        machine: &'r mut Machine<'d, T>,
        mut out: Output<'o>,
        options: SaveOptions<'o>,
    ) -> Result<Self, SaveError> {
        let started = out.writer().offset();
        let mut saving = Self { machine, out, options, release: None, sections: 0, started };
        saving.preamble()?;
        Ok(saving)
    }
}

impl<'d, T: Threading> Saving<'_, 'd, '_, T> {
    /// Sends another section of about `budget` bytes of each live device that has something to send. `true` when all
    /// have sent everything they had.
    ///
    /// As in QEMU, one that has not sent everything keeps those after it waiting.
    ///
    /// # Errors
    /// When a device cannot be saved, or the destination fails.
    pub fn iterate(&mut self, budget: u64) -> Result<bool, SaveError> {
        for index in 0..self.machine.registry.entries.len() {
            let iterates = self.live(index).is_some_and(|live| live.is_active_iterate());
            if iterates && !self.live_section(index, SectionKind::Part, budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How much all live devices have left to send, as far as is known without looking closely.
    pub fn pending_estimate(&mut self) -> Pending {
        self.pending_by(|live| live.pending_estimate())
    }

    /// How much all live devices have left to send.
    pub fn pending_exact(&mut self) -> Pending {
        self.pending_by(|live| live.pending_exact())
    }

    fn pending_by(&mut self, ask: impl Fn(&mut <T::Live<'d> as Deref>::Target) -> Pending) -> Pending {
        let mut sum = Pending::default();
        for index in 0..self.machine.registry.entries.len() {
            if let Some(live) = self.live(index) {
                sum += ask(live);
            }
        }
        sum
    }

    /// Sends a command to the destination.
    ///
    /// # Errors
    /// When its data are longer than the format can say, or the destination fails.
    pub fn command(&mut self, command: &Command) -> Result<(), SaveError> {
        self.frame().command(command)?;
        self.out.flush_if_full()
    }

    /// Has every live device get ready to go on after the connection was lost (QEMU's `resume_prepare`).
    ///
    /// # Errors
    /// When one cannot.
    pub fn resume_prepare(&mut self) -> Result<(), SaveError> {
        for index in 0..self.machine.registry.entries.len() {
            if let Some(Err(error)) = self.live(index).map(LiveSection::resume_prepare) {
                return Err(error.in_field(self.machine.registry.entries[index].header.name.clone()));
            }
        }
        Ok(())
    }

    /// Sends everything else: what is left of the live devices, all others, and the end. The machine must stand still.
    ///
    /// # Errors
    /// When a device cannot be saved, or the destination fails.
    pub fn complete(mut self) -> Result<SaveStats, SaveError> {
        for index in 0..self.machine.registry.entries.len() {
            if self.live(index).is_some() {
                self.live_section(index, SectionKind::End, u64::MAX)?;
            }
        }
        for index in 0..self.machine.registry.entries.len() {
            let entry = &self.machine.registry.entries[index];
            if !entry.is_early() && !matches!(entry.handler, SectionHandler::Live(_)) {
                self.full_section(index)?;
            }
        }
        self.kept_sections();
        self.frame().eof();
        self.describe()?;
        self.out.flush()?;
        let bytes = self.out.writer().offset() - self.started;
        self.options.progress.tell(&Progress::new(Phase::Done, bytes, self.sections, None));
        Ok(SaveStats { bytes, sections: self.sections })
    }

    fn preamble(&mut self) -> Result<(), SaveError> {
        self.frame().header();
        let whole = !self.options.device_state_only;
        let configuration = self.machine.configuration.as_ref().filter(|_| self.options.configuration && whole);
        if let Some(configuration) = configuration {
            StreamWriter::new(self.out.writer()).configuration(configuration);
        }
        let page_size = self.machine.page_size.bytes();
        self.release = self.options.description.filter(|_| whole);
        if let Some(release) = self.release {
            self.machine.descriptions.begin(release, page_size, configuration);
        }
        for index in 0..self.machine.registry.entries.len() {
            if self.live(index).is_some() {
                self.live_section(index, SectionKind::Start, 0)?;
            } else if self.machine.registry.entries[index].is_early() {
                self.full_section(index)?;
            }
        }
        Ok(())
    }

    /// The entry's handler, if its sections come in parts now.
    fn live(&mut self, index: usize) -> Option<&mut <T::Live<'d> as Deref>::Target> {
        match &mut self.machine.registry.entries[index].handler {
            SectionHandler::Live(live) if !self.options.device_state_only && live.is_active() => Some(&mut **live),
            _ => None,
        }
    }

    fn frame(&mut self) -> StreamWriter<'_> {
        StreamWriter::new(self.out.writer()).footers(self.options.footers)
    }

    /// Writes one section of a live device. `true` if it has sent everything it had.
    fn live_section(&mut self, index: usize, kind: SectionKind, budget: u64) -> Result<bool, SaveError> {
        let Entry { header, handler, .. } = &mut self.machine.registry.entries[index];
        let SectionHandler::Live(live) = handler else { return Ok(true) };
        header.kind = kind;
        let span = trace::section("save", header, self.out.writer().offset());
        StreamWriter::new(self.out.writer()).begin_section(header);
        let saved = match kind {
            SectionKind::Start => live.save_setup(&mut self.out).map(|()| false),
            SectionKind::End => live.save_complete(&mut self.out).map(|()| true),
            SectionKind::Part | SectionKind::Full => live.save_iterate(&mut self.out, budget),
        };
        let done = saved.map_err(|error| error.in_location(|| header.place()))?;
        self.end_section(index, &span)?;
        Ok(done)
    }

    /// Writes the section of a device that is sent whole, if it is needed.
    fn full_section(&mut self, index: usize) -> Result<(), SaveError> {
        let Entry { header, handler, text, .. } = &mut self.machine.registry.entries[index];
        let version = self.options.version_of(header);
        let header = match version == header.version {
            true => Cow::Borrowed(&*header),
            false => Cow::Owned(SectionHeader { version, ..header.clone() }),
        };
        let in_place = |error: SaveError| error.in_location(|| header.place());
        let span = trace::section("save", &header, self.out.writer().offset());
        let (mut frame, release) = (StreamWriter::new(self.out.writer()), self.release);
        match handler {
            SectionHandler::Device(handle) => {
                let saved = handle.with(|device| {
                    let needed = device.is_needed();
                    if needed {
                        frame.begin_section(&header);
                        save_device(device, &header, frame.payload(), release, text)?;
                    }
                    Ok(needed)
                });
                if !saved.map_err(|why| in_place(unavailable(why)))?.map_err(in_place)? {
                    return Ok(());
                }
            }
            SectionHandler::Raw(raw) => {
                frame.begin_section(&header);
                let start = frame.payload().offset();
                raw.save(frame.payload()).map_err(in_place)?;
                if let Some(release) = release {
                    let size = frame.payload().offset() - start;
                    text.describe_opaque(release, &header.name, header.instance_id, size);
                }
            }
            SectionHandler::Live(_) => return Ok(()),
        }
        if release.is_some() {
            self.machine.descriptions.add(index);
        }
        self.end_section(index, &span)
    }

    fn end_section(&mut self, index: usize, span: &trace::Section) -> Result<(), SaveError> {
        let (header, out) = (&self.machine.registry.entries[index].header, self.out.writer());
        StreamWriter::resume(out, header.section_id).footers(self.options.footers).end_section();
        span.done(out.offset());
        let bytes = out.offset() - self.started;
        self.sections += 1;
        let phase = if header.kind == SectionKind::Full { Phase::Devices } else { Phase::Live };
        self.options.progress.tell(&Progress::new(phase, bytes, self.sections, Some(&header.name)));
        self.out.flush_if_full()
    }

    /// Writes what was kept of the stream that was loaded, because nobody here knows it.
    fn kept_sections(&mut self) {
        let first = self.machine.registry.next_section_id();
        for (index, section) in self.machine.passed_through.iter().enumerate() {
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            let mut frame = StreamWriter::new(self.out.writer()).footers(self.options.footers);
            section.write(first.wrapping_add(number), &mut frame);
            self.sections += 1;
        }
    }

    /// Writes the description behind the end, if one is wanted.
    fn describe(&mut self) -> Result<(), SaveError> {
        let Some(release) = self.release else { return Ok(()) };
        let kept: Vec<_> = self.machine.passed_through.iter().map(|section| section.describe(release)).collect();
        let pieces = || self.machine.descriptions.pieces(&self.machine.registry.entries, &kept);
        let length = pieces().map(str::len).sum();
        if StreamWriter::new(self.out.writer()).begin_description(length) {
            for piece in pieces() {
                self.out.writer().bytes(piece.as_bytes());
                self.out.flush_if_full()?;
            }
        }
        Ok(())
    }
}

impl<T: Threading> Drop for Saving<'_, '_, '_, T> {
    fn drop(&mut self) {
        for entry in &mut self.machine.registry.entries {
            if let SectionHandler::Live(live) = &mut entry.handler {
                live.save_cleanup();
            }
        }
    }
}

fn save_device(
    device: &mut dyn Device,
    header: &SectionHeader,
    out: &mut Writer,
    release: Option<Release>,
    text: &mut SectionText,
) -> Result<(), SaveError> {
    let SectionHeader { name, instance_id, version, .. } = header;
    match release {
        Some(release) => {
            text.describe(release, name, *instance_id, out, |sink| device.describe_section(sink, *version))
        }
        None => device.save_section(out, *version),
    }
}
