//! The recorded conversations, and the parts of their streams.

use std::collections::VecDeque;

use vmstate::migration::QemuRelease::{self, V7_2, V10_0, V11_1};
use vmstate::migration::{Capabilities, Capability};
use vmstate::prelude::*;
use vmstate::ram::{Record, RecordReader};
use vmstate::stream::{Command, SectionKind, StreamItem, StreamReader};
use vmstate::{LoadError, memory::PageSize};
use vmstate_tests::conversations::source;

/// A recorded migration between two QEMUs.
#[derive(Debug, Clone)]
pub(super) struct Recording {
    pub(super) name: &'static str,
    /// The releases of the source and of the destination.
    pub(super) source: QemuRelease,
    pub(super) destination: QemuRelease,
    /// The capabilities of both sides, in addition to `return-path`.
    pub(super) capability: Option<Capability>,
    /// Everything that the destination has sent.
    pub(super) answer: &'static [u8],
    pub(super) guest_runs: bool,
    /// The states of the source, from the recorded events MIGRATION.
    pub(super) states: &'static str,
}

/// PONG 1.
const PONG: [u8; 8] = *b"\0\x02\0\x04\0\0\0\x01";
/// PONG 1 and SHUT 0.
pub(super) const COMPLETED: &[u8] = b"\0\x02\0\x04\0\0\0\x01\0\x01\0\x04\0\0\0\0";
/// PONG 1 and SHUT 1.
pub(super) const REFUSED: &[u8] = b"\0\x02\0\x04\0\0\0\x01\0\x01\0\x04\0\0\0\x01";
/// SWITCHOVER_ACK, PONG 1 and SHUT 0.
const APPROVED: &[u8] = b"\0\x07\0\0\0\x02\0\x04\0\0\0\x01\0\x01\0\x04\0\0\0\0";

const fn stopped(name: &'static str, release: QemuRelease, answer: &'static [u8], states: &'static str) -> Recording {
    Recording { name, source: release, destination: release, capability: None, answer, guest_runs: false, states }
}

const fn running(name: &'static str, release: QemuRelease, answer: &'static [u8], states: &'static str) -> Recording {
    Recording { guest_runs: true, ..stopped(name, release, answer, states) }
}

/// The table.
pub(super) const RECORDINGS: &[Recording] = &[
    stopped("qemu-7.2-precopy", V7_2, COMPLETED, "setup active completed"),
    stopped("qemu-7.2-silent", V7_2, &[], "setup active completed"),
    stopped("qemu-10.0-precopy", V10_0, COMPLETED, "setup active device completed"),
    Recording {
        capability: Some(Capability::ValidateUuid),
        ..stopped("qemu-10.0-uuid", V10_0, COMPLETED, "setup active device completed")
    },
    stopped("qemu-10.0-refused", V10_0, REFUSED, "setup active device failed"),
    running("qemu-10.0-passes", V10_0, COMPLETED, "setup active device completed"),
    Recording {
        capability: Some(Capability::PauseBeforeSwitchover),
        ..running("qemu-10.0-pause", V10_0, COMPLETED, "setup active pre-switchover device completed")
    },
    Recording {
        capability: Some(Capability::SwitchoverAck),
        ..running("qemu-10.0-switchover-ack", V10_0, APPROVED, "setup active device completed")
    },
    running("qemu-10.0-cancelled", V10_0, REFUSED, "setup active cancelling cancelled"),
    Recording { destination: V11_1, ..stopped("qemu-10.0-to-11.1", V10_0, COMPLETED, "setup active device completed") },
    stopped("qemu-11.1-precopy", V11_1, COMPLETED, "setup active device completed"),
    stopped("qemu-11.1-refused", V11_1, REFUSED, "setup active device failing failed"),
    running("qemu-11.1-passes", V11_1, COMPLETED, "setup active device completed"),
    Recording {
        capability: Some(Capability::SwitchoverAck),
        ..stopped("qemu-11.1-switchover-ack", V11_1, COMPLETED, "setup active device completed")
    },
    Recording {
        capability: Some(Capability::Xbzrle),
        ..running("qemu-10.0-xbzrle", V10_0, &[], "setup active device completed")
    },
    Recording {
        capability: Some(Capability::Xbzrle),
        ..running("qemu-11.1-xbzrle", V11_1, &[], "setup active device completed")
    },
    running("qemu-11.1-cancelled", V11_1, REFUSED, "setup active cancelling cancelled"),
];

impl Recording {
    pub(super) fn has_return_path(&self) -> bool {
        !self.answer.is_empty()
    }

    /// Returns whether the stream ends in the middle of a section.
    pub(super) fn is_cut(&self) -> bool {
        self.states.ends_with("cancelled")
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.set(Capability::ReturnPath, self.has_return_path());
        self.capability.into_iter().for_each(|capability| capabilities.set(capability, true));
        capabilities
    }

    /// Returns the bytes of the source.
    pub(super) fn stream(&self) -> Vec<u8> {
        source(self.name, 0)
    }

    /// Returns the answers to the first commands, and the last message.
    pub(super) fn answers(&self) -> (&'static [u8], &'static [u8]) {
        self.answer.split_at(self.answer.len().saturating_sub(PONG.len()))
    }
}

/// A part of a recorded stream, as an action of the engine produces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// The header, the configuration, the first commands, and the start of the memory.
    Begin,
    Iterate,
    Command(Command),
    /// The end of the memory.
    CompleteLive,
    Devices,
    /// The end mark and the description.
    End,
    /// An incomplete section.
    Cut,
}

/// Splits a stream into its parts.
pub(super) fn parts(stream: &[u8]) -> VecDeque<(Part, Vec<u8>)> {
    let mut parts = VecDeque::new();
    let mut reader = Reader::from_slice(stream);
    let mut items = StreamReader::new(&mut reader).unwrap();
    let mut records = RecordReader::new(PageSize::DEFAULT, Default::default());
    let mut start = 0;
    while parts.back().is_none_or(|(part, _)| *part != Part::CompleteLive) {
        let part = next_part(&mut items, &mut records).unwrap_or(Some(Part::Cut));
        let end = if part == Some(Part::Cut) { stream.len() } else { usize::try_from(items.offset()).unwrap() };
        let Some(part) = part else { continue };
        let is_cut = part == Part::Cut;
        parts.push_back((part, stream[start..end].to_vec()));
        start = end;
        if is_cut {
            return parts;
        }
    }
    let end = end_mark(stream);
    parts.push_back((Part::Devices, stream[start..end].to_vec()));
    parts.push_back((Part::End, stream[end..].to_vec()));
    parts
}

/// Reads the next part. Returns `None` for a command that belongs to the beginning.
fn next_part(items: &mut StreamReader<'_, '_>, records: &mut RecordReader) -> Result<Option<Part>, LoadError> {
    let section = match items.next_item()? {
        Some(StreamItem::Section(section)) => section,
        Some(StreamItem::Command(command @ Command::SwitchoverStart)) => return Ok(Some(Part::Command(command))),
        Some(StreamItem::Command(_)) => return Ok(None),
        other => panic!("unexpected {other:?}"),
    };
    loop {
        match records.next_record(items.payload())? {
            Record::EndOfSection => break,
            Record::Page { .. } => items.payload().skip(PageSize::DEFAULT.bytes())?,
            Record::Xbzrle { length, .. } => items.payload().skip(length.into())?,
            _ => {}
        }
    }
    items.end_section()?;
    Ok(Some(match section.kind {
        SectionKind::Start => Part::Begin,
        SectionKind::Part => Part::Iterate,
        SectionKind::End => Part::CompleteLive,
        other => panic!("unexpected {other:?}"),
    }))
}

/// Returns the offset of the end mark, which the description with its length follows.
fn end_mark(stream: &[u8]) -> usize {
    let is_end = |at: &usize| {
        let Some([0, 6, length @ ..]) = stream.get(*at..*at + 6) else { return false };
        let length = u32::from_be_bytes(length.try_into().unwrap());
        usize::try_from(length).unwrap() == stream.len() - at - 6
    };
    (0..stream.len()).rev().find(is_end).expect("a description")
}
