//! The parts of a stream, and the pages in them.

use crate::stream::{Command, SectionHeader};

/// A part of a stream that was transferred completely.
#[derive(Debug)]
pub(in crate::migration) enum Seen {
    /// The header and the configuration, with the machine type.
    Header(Option<String>),
    /// The header of a section.
    Section(SectionHeader),
    Command(Command),
    PackageEnd,
    /// The size of all guest memory.
    Memory(u64),
    Page(PageKind, Position),
    /// The data channels synchronize.
    Flush,
    /// The end mark.
    End,
    /// The description after the end mark.
    Description,
}

/// The place of a page in guest memory: the index of the block, and the offset in it.
pub(in crate::migration) type Position = (usize, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migration) enum PageKind {
    Content,
    Zero,
    Delta,
    Compressed,
}
