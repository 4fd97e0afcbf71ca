//! The framing of a machine's stream, read from a QEMU stream and applied to one of our machines.

use vmstate::dynamic::{StreamDecoder, StreamEvent};
use vmstate::machine::SaveOptions;
use vmstate::schema::Release;
use vmstate::schema::vmdesc::{Document, Located, locate};
use vmstate::section::Output;
use vmstate::stream::{Command, Configuration, SectionHeader, SectionKind};
use vmstate::{Reader, SaveError, Writer};
use vmstate_examples::machines::{Board, assemble};

/// Splits a stream into its sections and the trailing description.
///
/// # Panics
/// If the stream has no description.
#[must_use]
pub fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Located::At(text) = locate(bytes) else { panic!("no description") };
    bytes.split_at(text)
}

/// The configuration and section headers of a stream.
#[derive(Debug)]
pub struct Frame {
    release: Release,
    /// The machine type and capabilities.
    pub configuration: Configuration,
    /// One header for each device and one for the memory.
    pub headers: Vec<SectionHeader>,
    /// The number of sections; memory has several.
    pub sections: u64,
}

impl Frame {
    /// Reads the framing of `stream`.
    ///
    /// # Panics
    /// If the stream is malformed, or its commands differ from the commands of `release`.
    #[must_use]
    pub fn of(stream: &[u8], release: Release) -> Self {
        let (bytes, text) = split(stream);
        let document = Document::parse(text, bytes.len() as u64).unwrap();
        let mut reader = Reader::from_slice(stream);
        let mut walk = StreamDecoder::new(&mut reader, Some(document)).unwrap();
        let (mut headers, mut commands, mut sections) = (Vec::new(), Vec::new(), 0);
        while let Some(event) = walk.next_event().unwrap() {
            match event {
                StreamEvent::Section { header, .. } | StreamEvent::Ram(header) => {
                    sections += 1;
                    headers.extend(matches!(header.kind, SectionKind::Start | SectionKind::Full).then_some(header));
                }
                StreamEvent::Command(command) => commands.push(command),
                _ => {}
            }
        }
        let expected: &[Command] = if release == Release::Qemu7_2 { &[] } else { &[Command::SwitchoverStart] };
        assert_eq!(commands, expected, "a release is known by its commands");
        Self { release, configuration: walk.configuration().unwrap().clone(), headers, sections }
    }

    /// Saves `machine` as QEMU does, at the versions of its release.
    ///
    /// # Panics
    /// If the machine cannot be saved.
    pub fn save(&self, machine: &mut impl Board) -> Vec<u8> {
        self.try_save(machine).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Saves `machine` like [`save`](Self::save).
    ///
    /// # Errors
    /// Returns the error of a device that cannot be saved.
    pub fn try_save(&self, machine: &mut impl Board) -> Result<Vec<u8>, SaveError> {
        let mut registry = assemble(machine, &self.headers).unwrap();
        registry.set_configuration(self.configuration.clone());
        let versions = self.headers.iter().map(|header| (header.name.clone(), header.version));
        let options = SaveOptions::new().description(Some(self.release)).versions(versions);
        let mut writer = Writer::new();
        let mut saving = registry.start_saving(Output::new(&mut writer, None), options)?;
        saving.iterate(u64::MAX)?;
        if self.release != Release::Qemu7_2 {
            saving.command(&Command::SwitchoverStart)?;
        }
        saving.complete()?;
        Ok(writer.take())
    }
}
