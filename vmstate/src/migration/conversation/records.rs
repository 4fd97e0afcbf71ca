//! Records of guest memory in a conversation.

use super::seen::{PageKind, Seen};
use crate::memory::PageSize;
use crate::ram::Record;

/// Returns the number of bytes that follow a record.
pub(super) fn content_of(record: &Record, page_size: PageSize) -> u64 {
    match record {
        Record::Page { .. } => page_size.bytes(),
        Record::Xbzrle { length, .. } => u64::from(*length),
        Record::Compressed { length, .. } => u64::from(*length),
        Record::Space(bytes) => *bytes,
        _ => 0,
    }
}

/// Reports a record of guest memory.
pub(super) fn report(record: &Record, block: Option<usize>, seen: &mut dyn FnMut(Seen)) {
    let block = block.unwrap_or(usize::MAX);
    match record {
        Record::BlockList(total) => seen(Seen::Memory(*total)),
        Record::Page { offset, .. } => seen(Seen::Page(PageKind::Content, (block, *offset))),
        Record::Zero { offset, .. } => seen(Seen::Page(PageKind::Zero, (block, *offset))),
        Record::Xbzrle { offset, .. } => seen(Seen::Page(PageKind::Delta, (block, *offset))),
        Record::Compressed { offset, .. } => seen(Seen::Page(PageKind::Compressed, (block, *offset))),
        Record::MultifdFlush => seen(Seen::Flush),
        Record::Block(_) | Record::Space(_) | Record::EndOfSection => {}
    }
}
