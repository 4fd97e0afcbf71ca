//! A side of a comparison.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use vmstate_types::{LoadError, Reader, SaveError, Writer};

use super::VersionedSection;
use super::memory::MemoryDigest;
use crate::dynamic::{DecodedSection, StreamDecoder, StreamEvent};
use crate::machine::{Machine, SaveOptions};
use crate::registry::Threading;
use crate::schema::vmdesc::Document;
use crate::stream::{SectionHeader, SectionKind};

/// A machine's state for a comparison.
///
/// It contains all values of devices, and eight bytes for each page of memory that is not zero.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// The stream's configuration ([`DecodedSection::from_configuration`]).
    pub configuration: Option<DecodedSection>,
    /// Sections with device state, in the order of the stream.
    pub sections: Vec<SnapshotSection>,
    /// Live devices other than memory.
    pub live: Vec<LiveSummary>,
    /// The guest's memory.
    pub memory: MemoryDigest,
}

/// A section with a device's state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotSection {
    /// The version in its header.
    pub version: u32,
    /// The payload.
    pub section: DecodedSection,
}

/// The positions of live devices in their list, by name and instance id.
type Places = HashMap<(String, u32), usize>;

impl SnapshotSection {
    pub(super) fn as_version(&self) -> VersionedSection<'_> {
        VersionedSection { section: &self.section, version: Some(self.version) }
    }
}

/// All sections of a live device other than memory (block migration, dirty bitmaps, ...). Their contents are unknown,
/// so they are compared by a digest.
#[derive(Debug, Clone)]
pub struct LiveSummary {
    /// The idstr of the sections.
    pub name: String,
    /// Their instance id.
    pub instance_id: u32,
    /// Their version.
    pub version: u32,
    /// The number of sections.
    pub sections: u64,
    /// The size of all payloads.
    pub bytes: u64,
    digest: DefaultHasher,
}

impl PartialEq for LiveSummary {
    fn eq(&self, other: &Self) -> bool {
        let key = |live: &Self| (live.version, live.sections, live.bytes, live.digest.finish());
        self.name == other.name && self.instance_id == other.instance_id && key(self) == key(other)
    }
}

impl Snapshot {
    /// Reads a whole stream, with the description at its end.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read), and an error if the description is malformed.
    pub fn from_stream(stream: &[u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::from_slice(stream);
        Self::read(&mut StreamDecoder::new(&mut reader, Document::from_stream(stream)?)?)
    }

    /// Saves `machine` into memory and decodes the result, for a [comparison](super) with a stream or with another
    /// machine, field by field. The machine must be stopped.
    ///
    /// ```
    /// use vmstate::dynamic::diff::{StateDifference, Snapshot, compare};
    /// use vmstate::prelude::*;
    ///
    /// #[derive(VmState)]
    /// #[vmstate(name = "timer")]
    /// struct Clock {
    ///     ticks: u64,
    /// }
    ///
    /// fn snapshot(clock: &mut Clock) -> Result<Snapshot, Box<dyn std::error::Error>> {
    ///     let mut machine = Machine::with_type("board");
    ///     machine.register("timer", clock)?;
    ///     Ok(Snapshot::from_machine(&mut machine)?)
    /// }
    ///
    /// let (before, after) = (snapshot(&mut Clock { ticks: 1 })?, snapshot(&mut Clock { ticks: 2 })?);
    /// let Some(StateDifference::Section(timer)) = compare(&before, &after).next() else { panic!() };
    /// assert_eq!((&*timer.name, &*timer.fields[0].path), ("timer", "ticks"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a device cannot be saved.
    pub fn from_machine<T: Threading>(machine: &mut Machine<'_, T>) -> Result<Self, SaveError> {
        let mut out = Writer::new();
        machine.save_into(&mut out, SaveOptions::new())?;
        // Our own streams decode, unless a device's description does not match its bytes: `laws` finds that.
        Self::from_stream(out.pending())
            .map_err(|error| SaveError::misuse(format!("cannot decode the saved stream: {error}")))
    }

    /// Reads the rest of a stream from `walk`.
    ///
    /// # Errors
    /// Returns the errors of [`StreamDecoder::next_event`], and an error if the file positions of mapped-ram pages
    /// contradict each other.
    pub fn read(walk: &mut StreamDecoder<'_, '_>) -> Result<Self, LoadError> {
        let configuration = walk.configuration().map(DecodedSection::from_configuration).transpose()?;
        let memory = MemoryDigest::new(walk.page_size());
        let mut snapshot = Self { configuration, memory, ..Self::default() };
        let mut places = HashMap::new();
        while let Some(event) = walk.next_event()? {
            match event {
                StreamEvent::Section { header, section, .. } => snapshot.section(&header, section, &mut places),
                StreamEvent::Ram(header) => snapshot.memory.begin(&header),
                StreamEvent::Record(record) => snapshot.memory.record(&record, walk)?,
                StreamEvent::Command(_) | StreamEvent::PackageEnd { .. } => {}
            }
        }
        Ok(snapshot)
    }

    /// Adds a section with a device's state after the others.
    pub fn add(&mut self, version: u32, section: DecodedSection) {
        self.sections.push(SnapshotSection { version, section });
    }

    fn section(&mut self, header: &SectionHeader, section: DecodedSection, places: &mut Places) {
        match header.kind {
            SectionKind::Full => self.add(header.version, section),
            SectionKind::Start | SectionKind::Part | SectionKind::End => self.live(header, &section, places),
        }
    }

    fn live(&mut self, header: &SectionHeader, section: &DecodedSection, places: &mut Places) {
        let place = *places.entry((header.name.clone(), header.instance_id)).or_insert_with(|| {
            self.live.push(LiveSummary::new(header));
            self.live.len() - 1
        });
        if let (Some(live), Some((_, bytes))) = (self.live.get_mut(place), section.opaque()) {
            live.add(header.kind, bytes);
        }
    }
}

impl LiveSummary {
    fn new(header: &SectionHeader) -> Self {
        Self {
            name: header.name.clone(),
            instance_id: header.instance_id,
            version: header.version,
            sections: 0,
            bytes: 0,
            digest: super::memory::hasher(),
        }
    }

    fn add(&mut self, kind: SectionKind, bytes: &[u8]) {
        self.sections += 1;
        self.bytes += bytes.len() as u64;
        // The kind and length keep different splits of the same bytes apart.
        self.digest.write_u8(kind.tag());
        self.digest.write_usize(bytes.len());
        self.digest.write(bytes);
    }
}
