//! Sections that are not registered, and registered sections that are missing.

use vmstate_types::error::LoadErrorKind;
use vmstate_types::{LoadError, Reader};

use super::LoadSession;
use crate::machine::Machine;
use crate::machine::pass_through::{self, PassThrough};
use crate::machine::received::Received;
use crate::machine::rules::Unknown;
use crate::registry::{Entry, Handle, Missing, SectionHandler, Threading};
#[cfg(feature = "schema")]
use crate::schema::vmdesc::SentSection;
use crate::section::LiveSection;
use crate::stream::{SectionHeader, SectionKind};

/// Upper bound on the bytes of unknown sections that are kept.
const MAX_KEPT: u64 = 1 << 30;

impl LoadSession {
    /// Applies the rules for a section that is not registered.
    pub(super) fn unknown<T: Threading>(
        &mut self,
        machine: &Machine<'_, T>,
        header: &SectionHeader,
        payload: &mut Reader<'_>,
    ) -> Result<(), LoadError> {
        match self.options.rules_of(&header.name).unknown {
            Unknown::Reject => return Err(unregistered(machine, header)),
            Unknown::Skip => pass_through::skip(header, payload)?,
            Unknown::PassThrough if header.kind == SectionKind::Full => {
                let section = PassThrough::read(header, self.described_size(header), payload)?;
                self.kept = self.kept.saturating_add(section.size());
                if self.kept > MAX_KEPT {
                    let expected = format!("at most {MAX_KEPT} bytes in unknown sections");
                    return Err(LoadError::malformed(expected, "more").at_offset(header.offset));
                }
                self.passed_through.push(section);
            }
            Unknown::PassThrough => return Err(live(header)),
        }
        if header.kind.is_named() {
            self.report.unknown.push((header.name.clone(), header.instance_id));
        }
        Ok(())
    }

    /// Returns the size of a section in the description of the stream, if it was set.
    fn described_size(&self, header: &SectionHeader) -> Option<u64> {
        #[cfg(feature = "schema")]
        if let Some(description) = &self.options.description {
            let before =
                self.passed_through.iter().filter(|section| section.name() == (&header.name, header.instance_id));
            let devices = description.devices.iter();
            let mut devices =
                devices.filter(|device| (&*device.name, device.instance_id) == (&header.name, header.instance_id));
            return devices.nth(before.count()).and_then(SentSection::wire_size);
        }
        let _ = header;
        None
    }

    /// Checks that no registered section is missing. `end` is the offset of the stream's end.
    pub(super) fn check_complete<T: Threading>(
        &mut self,
        machine: &mut Machine<'_, T>,
        end: u64,
    ) -> Result<(), LoadError> {
        for (index, entry) in machine.registry.entries.iter_mut().enumerate() {
            if self.received[index] != Received::All {
                self.incomplete(index, entry).map_err(|error| error.at_offset(end))?;
            }
        }
        Ok(())
    }

    /// Applies the rules for an entry whose section is missing, or has no end.
    fn incomplete<T: Threading>(&mut self, index: usize, entry: &mut Entry<'_, T>) -> Result<(), LoadError> {
        let missing = self.options.own_rules(&entry.header.name).map(|rules| rules.missing);
        let missing = missing.or(entry.missing).unwrap_or(self.options.rules.missing);
        let received = self.received[index];
        if received == Received::Nothing && self.reset(index, entry)? {
            return Ok(());
        }
        let is_loaded = received == Received::Started && is_complete_without_end(entry);
        if missing == Missing::KeepState || !is_expected(entry) || is_loaded {
            return Ok(());
        }
        let found = if received == Received::Started { "only its first parts" } else { "the end of the stream" };
        let kind = LoadErrorKind::MissingSection;
        Err(LoadError::new(kind, format!("section {}", entry.title()), found)
            .or_advice("the source lacks the device or has another name for it; `Rules::missing` permits this"))
    }

    /// Reports a missing section, and resets its device. Returns `false` if the device has no reset function.
    fn reset<T: Threading>(&mut self, index: usize, entry: &mut Entry<'_, T>) -> Result<bool, LoadError> {
        self.report.missing.push((entry.header.name.clone(), entry.header.instance_id));
        if self.options.rollback {
            self.checkpoints.take(index, entry)?;
        }
        let SectionHandler::Device(handle) = &mut entry.handler else { return Ok(false) };
        handle.reset().map_err(|why| LoadError::misuse("an accessible device", why))
    }
}

fn is_complete_without_end<T: Threading>(entry: &Entry<'_, T>) -> bool {
    matches!(&entry.handler, SectionHandler::Live(live) if live.is_complete_without_end())
}

/// Returns whether the source always sends the section.
fn is_expected<T: Threading>(entry: &Entry<'_, T>) -> bool {
    match &entry.handler {
        SectionHandler::Live(live) => live.is_active(),
        SectionHandler::Device(_) => entry.description.is_some_and(|description| !description.conditional),
        SectionHandler::Raw(_) => true,
    }
}

/// The error for a section that is not registered.
fn unregistered<T: Threading>(machine: &Machine<'_, T>, header: &SectionHeader) -> LoadError {
    let SectionHeader { name, instance_id, .. } = header;
    let others = machine.registry.entries.iter().filter(|entry| entry.header.name == *name);
    let others: Vec<_> = others.map(|entry| entry.header.instance_id.to_string()).collect();
    let expected = if others.is_empty() {
        "a registered section".to_owned()
    } else {
        format!("instance {} of \"{}\"", others.join(" or "), name.escape_debug())
    };
    let found = format!("\"{}\", instance {instance_id}", name.escape_debug());
    LoadError::new(LoadErrorKind::UnknownSection, expected, found)
        .at_offset(header.offset)
        .or_advice("register the device, or skip or keep the section (`Rules::unknown`)")
        .with_qemu_message(format!(
            "Unknown savevm section or instance '{name}' {instance_id}. Make sure that your current VM setup \
             matches your saved VM setup, including any hotplugged devices"
        ))
}

/// The error for a live section that should be kept.
fn live(header: &SectionHeader) -> LoadError {
    LoadError::new(LoadErrorKind::UnknownSection, "a full section, which can be kept", "a live section")
        .at_offset(header.offset)
        .or_advice(
            "register the live section (guest memory with `Machine::register_ram`), or skip it (`Rules::unknown`, \
             `Unknown::Skip`)",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{LoadOptions, Rules};

    fn section(name: &str) -> SectionHeader {
        SectionHeader::full(7, name, 0, 1)
    }

    fn session(machine: &mut Machine<'_>, options: LoadOptions) -> LoadSession {
        LoadSession::new(machine, options.rules(Rules::default().unknown(Unknown::PassThrough)))
    }

    /// Passes a section of three bytes to the rules for unknown sections.
    fn keep(session: &mut LoadSession, machine: &Machine<'_>, name: &str) -> Result<(), LoadError> {
        session.unknown(machine, &section(name), &mut Reader::from_slice(&[1, 2, 3, 0x7e, 0, 0, 0, 7]))
    }

    #[test]
    fn kept_sections_have_a_gib_in_total() {
        let mut machine = Machine::new();
        let mut session = session(&mut machine, LoadOptions::new());
        keep(&mut session, &machine, "first").unwrap();
        assert_eq!(session.kept, 3);
        session.kept = (1 << 30) - 3;
        keep(&mut session, &machine, "fits").unwrap();
        let error = keep(&mut session, &machine, "exceeds").unwrap_err();
        assert_eq!(error.expected(), "at most 1073741824 bytes in unknown sections");
        assert_eq!(session.passed_through.len(), 2);
        assert_eq!(session.report.unknown, [("first".to_owned(), 0), ("fits".to_owned(), 0)]);
    }

    #[cfg(feature = "schema")]
    #[test]
    fn sections_of_one_name_have_their_described_sizes() {
        let mut source = Machine::new();
        for size in [3, 5] {
            source.register_raw("other", 1, Zeros(2)).unwrap();
            source.add(crate::registry::Registration::raw("same", 1, Zeros(size)).instance_id(size)).unwrap();
        }
        let mut stream = Vec::new();
        let text = {
            source.save(&mut stream).unwrap();
            let mut machine = Machine::new();
            let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::Skip));
            let report = machine.load_with(&mut Reader::from_slice(&stream), options).unwrap();
            report.description.unwrap().replace("\"instance_id\": 5", "\"instance_id\": 3")
        };
        let description = crate::schema::vmdesc::Document::parse(text.as_bytes(), 0).unwrap();
        let mut machine = Machine::new();
        let mut session = session(&mut machine, LoadOptions::new().description(description));
        let header = SectionHeader { instance_id: 3, ..section("same") };
        assert_eq!(session.described_size(&header), Some(3));
        keep(&mut session, &machine, "other").unwrap();
        assert_eq!(session.described_size(&header), Some(3), "another section came before");
        session.unknown(&machine, &header, &mut Reader::from_slice(&[0, 0, 0, 0x7e, 0, 0, 0, 7])).unwrap();
        assert_eq!(session.described_size(&header), Some(5), "the second section of the name");
        assert_eq!(session.described_size(&section("absent")), None);
    }

    #[cfg(feature = "schema")]
    struct Zeros(u32);

    #[cfg(feature = "schema")]
    impl crate::section::RawSection for Zeros {
        fn save(&mut self, out: &mut vmstate_types::Writer) -> Result<(), vmstate_types::SaveError> {
            out.zeros(usize::try_from(self.0).unwrap());
            Ok(())
        }

        fn load(&mut self, reader: &mut Reader<'_>, _version: u32) -> Result<(), LoadError> {
            reader.skip(u64::from(self.0))
        }
    }
}
