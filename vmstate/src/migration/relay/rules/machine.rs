//! Rewrites the devices of a machine, which are followed by their description.

use vmstate_types::{LoadError, Reader, Writer};

use super::{RelayRules, RulesError, SectionRule};
use crate::dynamic::{DecodedBody, DecodedSection, StreamDecoder, StreamEvent};
use crate::schema::vmdesc::{Document, SentSection};
use crate::schema::{describe_configuration, device_name};
use crate::stream::{Configuration, SectionHeader, StreamWriter};

/// The devices of a machine for the destination, and the end of the stream.
pub(in crate::migration::relay) struct RewrittenEnd {
    /// The sections and commands.
    pub(in crate::migration::relay) devices: Vec<u8>,
    /// The end mark and the description.
    pub(in crate::migration::relay) end: Vec<u8>,
}

/// The reason for which the end of a stream cannot be rewritten.
#[derive(Debug)]
pub(in crate::migration::relay) enum RewriteError {
    Stream(LoadError),
    Rules(RulesError),
}

/// Rewrites the end of a stream, from its first device on, by its own description. `header` are the stream's first bytes.
pub(in crate::migration::relay) fn rewrite_end(
    rules: &RelayRules,
    header: &[u8],
    end: &[u8],
    configuration: Option<&Configuration>,
) -> Result<RewrittenEnd, RewriteError> {
    let stream = [header, end].concat();
    let document = Document::from_stream(&stream).map_err(RewriteError::Stream)?;
    let document = document.ok_or_else(|| RewriteError::Rules(missing_description()))?;
    let mut devices: Vec<Option<SentSection>> = document.devices.iter().cloned().map(Some).collect();
    let (mut reader, mut out) = (Reader::from_slice(&stream), Writer::new());
    let mut walk = StreamDecoder::new(&mut reader, Some(document.clone())).map_err(RewriteError::Stream)?;
    while let Some(event) = walk.next_event().map_err(RewriteError::Stream)? {
        match event {
            StreamEvent::Section { header, section, device } => {
                let rewritten = rewrite_section(rules, header, section).map_err(RewriteError::Rules)?;
                let described = rewritten.as_ref().and_then(|(_, section)| section.describe());
                if let Some(place) = device.and_then(|index| devices.get_mut(index)) {
                    *place = described;
                }
                if let Some((header, section)) = rewritten {
                    write(&header, &section, &mut out);
                }
            }
            // Cannot fail: the command was read from a stream with the same limits.
            StreamEvent::Command(command) => drop(StreamWriter::new(&mut out).command(&command)),
            _ => {
                return Err(RewriteError::Stream(LoadError::malformed(
                    "devices before the end mark",
                    "other sections",
                )));
            }
        }
    }
    let described = configuration.map(describe_configuration).or_else(|| document.configuration.clone());
    let document = Document { devices: devices.into_iter().flatten().collect(), configuration: described, ..document };
    let mut end = Writer::new();
    let mut stream = StreamWriter::new(&mut end);
    stream.eof();
    stream.description(&document.to_text());
    Ok(RewrittenEnd { devices: out.take(), end: end.take() })
}

pub(in crate::migration::relay) fn missing_description() -> RulesError {
    RulesError::new("missing description at the end of the stream; switch `suppress-vmdesc` off at the source")
}

fn write(header: &SectionHeader, section: &DecodedSection, out: &mut Writer) {
    let mut stream = StreamWriter::new(out);
    stream.begin_section(header);
    section.encode(stream.payload());
    stream.end_section();
}

/// Changes a section; `None` if the rules drop it.
fn rewrite_section(
    rules: &RelayRules,
    mut header: SectionHeader,
    mut section: DecodedSection,
) -> Result<Option<(SectionHeader, DecodedSection)>, RulesError> {
    let Some(rule) = rules.find(&header.name) else {
        rules.check_unlisted(&header.name)?;
        return Ok(Some((header, section)));
    };
    let name = header.name.clone();
    rule.check_version(header.version).map_err(|error| error.within(&name))?;
    if rule.drop {
        return Ok(None);
    }
    rule.rewrite(&mut header, &mut section).map_err(|error| error.within(&name))?;
    Ok(Some((header, section)))
}

impl SectionRule {
    fn rewrite(&self, header: &mut SectionHeader, section: &mut DecodedSection) -> Result<(), RulesError> {
        if let Some(name) = &self.rename {
            self.rename(name, header, section)?;
        }
        let version = self.to.unwrap_or(header.version);
        header.version = version;
        match &mut section.body {
            DecodedBody::Described(state) | DecodedBody::Partly(state, _) => {
                state.version = version;
                self.change(state)
            }
            _ if self.changes.is_empty() => Ok(()),
            _ => Err(RulesError::new("the section has no description, so its fields cannot be changed")),
        }
    }

    fn rename(&self, name: &str, header: &mut SectionHeader, section: &mut DecodedSection) -> Result<(), RulesError> {
        // The path of the device on its bus stays.
        let path = header.name.strip_suffix(&self.name).unwrap_or_default();
        let renamed = format!("{path}{name}");
        if renamed.len() > usize::from(u8::MAX) {
            return Err(RulesError::new("expected a new name of at most 255 bytes with the path of the device"));
        }
        if let DecodedBody::Described(state) | DecodedBody::Partly(state, _) = &mut section.body
            && *state.vmsd_name == *device_name(&self.name)
        {
            state.vmsd_name = device_name(name).into();
        }
        section.name = renamed.as_str().into();
        header.name = renamed;
        Ok(())
    }
}
