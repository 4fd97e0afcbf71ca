//! The sections of a save, one at a time.

use std::borrow::Cow;

use vmstate_types::{Description, SaveError, Writer};

use super::SaveSession;
use crate::machine::{Machine, trace};
use crate::registry::{Device, Entry, Handle, SectionHandler, Threading};
use crate::schema::{KeptText, Release};
use crate::section::{LiveSection, Output, RawSection};
use crate::stream::{SectionHeader, SectionKind, StreamWriter};

impl SaveSession {
    /// Writes one part of a live section. Returns `true` if it has sent everything that it had.
    pub(super) fn live_section<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
        index: usize,
        kind: SectionKind,
        budget: u64,
    ) -> Result<bool, SaveError> {
        let Entry { header, handler, .. } = &mut machine.registry.entries[index];
        let SectionHandler::Live(live) = handler else { return Ok(true) };
        header.kind = kind;
        let header = self.header_in_stream(header);
        let span = trace::section("save", &header, out.writer().offset());
        self.frame(out).begin_section(&header);
        let saved = match kind {
            SectionKind::Start => live.save_setup(out).map(|()| false),
            SectionKind::End => live.save_complete(out).map(|()| true),
            SectionKind::Part | SectionKind::Full => live.save_iterate(out, budget),
        };
        let done = saved.map_err(|error| error.in_location(|| header.place()))?;
        self.end_section(out, &header, &span)?;
        Ok(done)
    }

    /// Writes the section of a device or a raw section, if it is needed.
    pub(super) fn full_section<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
        index: usize,
    ) -> Result<(), SaveError> {
        let Entry { header, handler, text, description, .. } = &mut machine.registry.entries[index];
        let header = self.header_in_stream(header);
        let in_place = |error: SaveError| error.in_location(|| header.place());
        let span = trace::section("save", &header, out.writer().offset());
        let mut frame = self.frame(out);
        let needed = match handler {
            SectionHandler::Live(_) => false,
            SectionHandler::Raw(raw) => {
                frame.begin_section(&header);
                save_raw(&mut **raw, &header, frame.payload(), self.release, text).map_err(in_place)?;
                true
            }
            SectionHandler::Device(handle) => handle
                .with(|device| {
                    let needed = device.is_needed();
                    if needed {
                        frame.begin_section(&header);
                        save_device(device, &header, frame.payload(), self.release, text, *description)?;
                    }
                    Ok(needed)
                })
                .map_err(|unavailable| in_place(SaveError::misuse(unavailable)))?
                .map_err(in_place)?,
        };
        if !needed {
            return Ok(());
        }
        if self.release.is_some() {
            machine.descriptions.add(index);
        }
        self.end_section(out, &header, &span)
    }

    /// Returns the header with the version and the id with which the section is saved. Only other ones cost a copy.
    #[inline]
    fn header_in_stream<'h>(&self, header: &'h SectionHeader) -> Cow<'h, SectionHeader> {
        let version = match header.kind {
            SectionKind::Full => self.options.version_of(header),
            _ => header.version,
        };
        let section_id = self.options.section_id(header.section_id);
        if (version, section_id) == (header.version, header.section_id) {
            Cow::Borrowed(header)
        } else {
            Cow::Owned(SectionHeader { version, section_id, ..header.clone() })
        }
    }

    #[inline]
    fn end_section(
        &mut self,
        out: &mut Output<'_>,
        header: &SectionHeader,
        span: &trace::Section,
    ) -> Result<(), SaveError> {
        StreamWriter::resume(out.writer(), header.section_id).footers(self.options.footers).end_section();
        span.done(out.writer().offset());
        self.sections += 1;
        out.flush_if_full()
    }

    /// Writes the unknown sections of the last load, which were kept for this.
    pub(super) fn passed_through<T: Threading>(&mut self, machine: &Machine<'_, T>, out: &mut Output<'_>) {
        // The ids of their stream may be in use here, and a receiver tells sections apart only by the new ones.
        let mut section_id = self.options.section_id(machine.registry.next_section_id());
        for section in &machine.passed_through {
            section.write(section_id, &mut self.frame(out));
            section_id = section_id.wrapping_add(1);
            self.sections += 1;
        }
    }

    /// Writes the description after the end mark, if there is one.
    pub(super) fn describe<T: Threading>(
        &self,
        machine: &Machine<'_, T>,
        out: &mut Output<'_>,
    ) -> Result<(), SaveError> {
        let Some(release) = self.release else { return Ok(()) };
        let passed_through: Vec<_> = machine.passed_through.iter().map(|section| section.describe(release)).collect();
        let pieces = || machine.descriptions.pieces(&machine.registry.entries, &passed_through);
        let length = pieces().map(str::len).sum();
        // A description longer than its 32-bit length can express is left out: loads do not need it.
        if StreamWriter::new(out.writer()).begin_description(length) {
            for piece in pieces() {
                out.writer().bytes(piece.as_bytes());
                out.flush_if_full()?;
            }
        }
        Ok(())
    }
}

#[inline]
fn save_device(
    device: &mut dyn Device,
    header: &SectionHeader,
    out: &mut Writer,
    release: Option<Release>,
    text: &mut KeptText,
    description: Option<&'static Description>,
) -> Result<(), SaveError> {
    let SectionHeader { name, instance_id, version, .. } = header;
    match release {
        Some(release) => {
            let text = text.recall(description, name, *instance_id);
            text.describe(release, name, *instance_id, out, |sink| device.describe_section(sink, *version))
        }
        None => device.save_section(out, *version),
    }
}

fn save_raw(
    raw: &mut (impl RawSection + ?Sized),
    header: &SectionHeader,
    out: &mut Writer,
    release: Option<Release>,
    text: &mut KeptText,
) -> Result<(), SaveError> {
    let start = out.offset();
    raw.save(out)?;
    if let Some(release) = release {
        let text = text.recall(None, &header.name, header.instance_id);
        text.describe_opaque(release, &header.name, header.instance_id, out.offset() - start);
    }
    Ok(())
}
