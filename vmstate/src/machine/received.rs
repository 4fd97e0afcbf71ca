//! The sections that a load has received.

use vmstate_types::walk::PostLoad;

use crate::registry::{Entry, Threading};
use crate::stream::SectionHeader;

/// The part of an entry's state that a load has received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    Nothing,
    /// A live section has started.
    Started,
    All,
}

/// The received section of a device.
#[derive(Debug)]
pub(super) struct Section {
    /// The index of the entry.
    pub(super) entry: usize,
    /// The name in the stream, if it is not the entry's own.
    old_name: Option<Box<str>>,
    instance_id: u32,
    section_id: u32,
    pub(super) version: u32,
    offset: u64,
    /// The offset of the first byte of the payload.
    pub(super) payload: u64,
    /// The number of bytes that the device has read; `None` if it failed.
    pub(super) read: Option<u64>,
    pub(super) post_load: PostLoad,
}

impl Section {
    pub(super) fn new<T: Threading>(index: usize, entry: &Entry<'_, T>, header: &SectionHeader) -> Self {
        // The name is copied only if the stream contains an alias, which is rare.
        let renamed = entry.has_old_name() && entry.header.name != header.name;
        Self {
            entry: index,
            old_name: renamed.then(|| header.name.as_str().into()),
            instance_id: header.instance_id,
            section_id: header.section_id,
            version: header.version,
            offset: header.offset,
            payload: header.payload,
            read: None,
            post_load: PostLoad::None,
        }
    }

    /// Returns the section's header in the stream. `entry` is the entry that received it.
    pub(super) fn header<T: Threading>(&self, entry: &Entry<'_, T>) -> SectionHeader {
        let name = self.old_name.as_deref().unwrap_or(&entry.header.name);
        let header = SectionHeader::full(self.section_id, name, self.instance_id, self.version);
        SectionHeader { offset: self.offset, payload: self.payload, ..header }
    }
}
