//! The sections of a load, one at a time.

use vmstate_types::error::LoadErrorKind;
use vmstate_types::walk::PostLoad;
use vmstate_types::{LoadError, Reader};

use super::LoadSession;
use crate::machine::received::{Received, Section};
use crate::machine::rules::{Repeated, Unread};
use crate::machine::{Machine, pass_through, trace};
use crate::registry::{Handle, SectionHandler, Threading};
use crate::section::{LiveSection, RawSection};
use crate::stream::{SectionHeader, SectionKind, StreamReader, tag};

/// Upper bound on named sections per stream. The largest known machines have a few hundred.
const MAX_SECTIONS: u64 = 1 << 14;

impl LoadSession {
    /// Loads the section whose header `stream` has read.
    pub(super) fn section<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        stream: &mut StreamReader<'_, '_>,
    ) -> Result<(), LoadError> {
        let footers = stream.has_footers() != Some(false);
        let (header, payload) = stream.section();
        self.report.sections += 1;
        self.count(header)?;
        let span = trace::section("load", header, header.offset);
        match self.find(machine, header) {
            Some(index) => self.known(machine, header, payload, index),
            None => self.unknown(machine, header, payload),
        }
        .and_then(|()| self.skip_unread(header, payload, footers))
        .map_err(|error| error.in_location(|| header.place()))?;
        stream.end_section()?;
        span.done(stream.offset());
        Ok(())
    }

    /// Skips the bytes that the device has not read, if the rules allow it.
    #[inline]
    fn skip_unread(&self, header: &SectionHeader, payload: &mut Reader<'_>, footers: bool) -> Result<(), LoadError> {
        let skip = footers && self.options.rules_of(&header.name).unread == Unread::Skip;
        if skip && payload.peek(1)? != [tag::FOOTER] { pass_through::skip(header, payload) } else { Ok(()) }
    }

    /// Counts a section that makes the session hold something.
    #[inline]
    fn count(&mut self, header: &SectionHeader) -> Result<(), LoadError> {
        self.named += u64::from(header.kind.is_named());
        if self.named > MAX_SECTIONS {
            let expected = format!("at most {MAX_SECTIONS} named sections");
            return Err(LoadError::malformed(expected, "more").at_offset(header.offset));
        }
        Ok(())
    }

    /// Finds the entry of a section.
    fn find<T: Threading>(&mut self, machine: &Machine<'_, T>, header: &SectionHeader) -> Option<usize> {
        let found = machine.registry.find(&header.name, header.instance_id, self.next)?;
        self.next = found + 1;
        Some(found)
    }

    /// Loads a section that is registered.
    fn known<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        header: &SectionHeader,
        payload: &mut Reader<'_>,
        index: usize,
    ) -> Result<(), LoadError> {
        let entry = &mut machine.registry.entries[index];
        self.check_kind(header, index, matches!(entry.handler, SectionHandler::Live(_)))?;
        check_version(header, entry.header.version)?;
        if self.options.rollback {
            self.checkpoints.take(index, entry)?;
        }
        if let SectionHandler::Live(live) = &mut entry.handler {
            self.received[index] = if header.kind == SectionKind::End { Received::All } else { Received::Started };
            return live.load(payload, header.kind, header.version);
        }
        self.received[index] = Received::All;
        // Before the device reads: the diagnosis needs the section that failed.
        self.order.push(Section::new(index, entry, header));
        let post_load = match &mut entry.handler {
            SectionHandler::Device(handle) => handle
                .with(|device| device.decode_section(payload, header.version))
                .map_err(|why| LoadError::misuse("an accessible device", why))??,
            SectionHandler::Raw(raw) => raw.load(payload, header.version).map(|()| PostLoad::None)?,
            SectionHandler::Live(_) => PostLoad::None,
        };
        if let Some(section) = self.order.last_mut() {
            section.read = Some(payload.offset() - header.payload);
            section.post_load = post_load;
        }
        // QEMU runs the hook here, before the following sections arrive; by default it waits until the load can no
        // longer fail because of the stream.
        if self.options.immediate_post_load {
            self.run_post_load(machine)?;
        }
        Ok(())
    }

    #[inline]
    fn check_kind(&self, header: &SectionHeader, index: usize, live: bool) -> Result<(), LoadError> {
        if live == (header.kind == SectionKind::Full) {
            let expected = if live { "a live section" } else { "a full section" };
            let found = format!("a section of kind `{}`", header.kind);
            return Err(LoadError::incompatible(expected, found).at_offset(header.offset));
        }
        let again = header.kind.is_named() && self.received[index] != Received::Nothing;
        if again && self.options.rules_of(&header.name).repeated == Repeated::Reject {
            let kind = LoadErrorKind::DuplicateSection;
            return Err(LoadError::new(kind, "one section of this name and instance id", "a duplicate")
                .at_offset(header.offset)
                .or_advice("the stream is corrupt or forged; QEMU uses the last of them (`Repeated::Replace`)"));
        }
        Ok(())
    }
}

/// Checks the version of a section before its device does, as QEMU does for all (`qemu_loadvm_section_start_full` in
/// `migration/savevm.c`).
#[inline]
fn check_version(header: &SectionHeader, local: u32) -> Result<(), LoadError> {
    let SectionHeader { name, version, .. } = header;
    if *version <= local {
        return Ok(());
    }
    let kind = LoadErrorKind::UnsupportedVersion { found: *version, oldest: 0, newest: local };
    Err(LoadError::new(kind, format!("at most version {local}"), format!("version {version}"))
        .at_offset(header.payload)
        .or_advice("save at an older version on the source, or update the destination")
        .with_qemu_message(format!("savevm: unsupported version {version} for '{name}' v{local}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::LoadOptions;

    #[test]
    fn stream_has_at_most_16384_named_sections() {
        let mut session = LoadSession::new(&mut Machine::new(), LoadOptions::new());
        let full = SectionHeader::full(1, "dev", 0, 1);
        session.named = (1 << 14) - 1;
        session.count(&full).unwrap();
        session.count(&full.of_kind(SectionKind::Part)).unwrap();
        let error = session.count(&full).unwrap_err();
        assert_eq!(error.expected(), "at most 16384 named sections");
    }
}
