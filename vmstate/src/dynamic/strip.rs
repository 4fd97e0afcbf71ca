//! Removes the contents of RAM from a stream.

use std::collections::VecDeque;

use vmstate_types::{LoadError, Reader, Writer};

use super::stream::{StreamDecoder, StreamEvent};
use crate::checksum;
use crate::ram::{Record, write_record};
use crate::stream::Command;

/// The number of bytes that are copied at once.
const CHUNK: u64 = 64 * 1024;

/// Copies a stream with its RAM pages zeroed.
///
/// A page with contents, in any encoding, becomes a record of a zero page; pages at fixed file positions (mapped-ram)
/// become zeros. All other bytes are copied, except for the checksum of a file, and the result is a valid stream.
///
/// ```
/// use vmstate::dynamic::{Stripper, StreamDecoder};
/// use vmstate::{Reader, Writer};
///
/// let stream = b"QEVM\x00\x00\x00\x03\x00";
/// let mut reader = Reader::from_slice(stream);
/// let mut out = Writer::new();
/// let mut stripper = Stripper::new(StreamDecoder::new(&mut reader, None)?, Reader::from_slice(stream));
/// while stripper.step(&mut out)? {
///     // Here `out` can be flushed.
/// }
/// assert_eq!(out.pending(), stream);
/// # Ok::<(), vmstate::LoadError>(())
/// ```
#[derive(Debug)]
pub struct Stripper<'r, 'a, 'o> {
    walk: StreamDecoder<'r, 'a>,
    /// A second reader of the same stream, from which the result is copied. The decoder consumes an item before its
    /// edits are known.
    original: Reader<'o>,
    /// The edits of the original, up to the position of the decoder.
    edits: VecDeque<Edit>,
    /// The end of the last record, including its bytes.
    record_end: u64,
    /// The number of nested packages.
    packages: usize,
    pages: u64,
    /// Set once the result is shorter than the original.
    shifted: bool,
    ended: bool,
}

/// An edit of the original's bytes up to an offset.
#[derive(Debug)]
enum Edit {
    Copy(u64),
    Zero(u64),
    /// Replaces a record by another one.
    Replace(u64, Record),
    /// Copies the bytes after the stream, except for a checksum.
    Rest,
}

impl<'r, 'a, 'o> Stripper<'r, 'a, 'o> {
    /// Copies the stream that `walk` decodes from `original`, a second reader of the same bytes. Both must be at the
    /// beginning.
    #[must_use]
    pub fn new(walk: StreamDecoder<'r, 'a>, original: Reader<'o>) -> Self {
        let edits = VecDeque::new();
        Self { walk, original, edits, record_end: 0, packages: 0, pages: 0, shifted: false, ended: false }
    }

    /// Returns the number of pages that were zeroed so far.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Reads or writes the next part. Returns `false` at the end.
    ///
    /// # Errors
    /// Returns the errors of [`StreamDecoder::next_event`], and an error if removing pages would invalidate a length or
    /// a position: in packages, and before pages at fixed positions.
    pub fn step(&mut self, out: &mut Writer) -> Result<bool, LoadError> {
        match self.edits.pop_front() {
            Some(edit) => self.edit(edit, out)?,
            None if self.ended => return Ok(false),
            None => self.advance()?,
        }
        Ok(true)
    }

    fn edit(&mut self, edit: Edit, out: &mut Writer) -> Result<(), LoadError> {
        match edit {
            Edit::Copy(end) => {
                let count = self.original.peek(chunk(self.original.offset(), end))?.len();
                if count > 0 {
                    out.bytes(self.original.take(count)?);
                    self.edits.push_front(Edit::Copy(end));
                }
            }
            Edit::Zero(end) => {
                let count = chunk(self.original.offset(), end);
                if count > 0 {
                    out.zeros(count);
                    self.original.skip(count as u64)?;
                    self.edits.push_front(Edit::Zero(end));
                }
            }
            Edit::Replace(end, record) => {
                let ram = self.walk.ram();
                let block = ram.current_block().and_then(|index| ram.blocks().get(index));
                write_record(out, &record, block.map_or("", |block| &block.idstr));
                self.original.skip(end - self.original.offset())?;
            }
            Edit::Rest => {
                if !checksum::contents(self.original.peek(checksum::SIZE + 1)?).is_empty() {
                    self.edits.push_front(Edit::Copy(u64::MAX));
                }
            }
        }
        Ok(())
    }

    /// Decodes the next item, and plans the edits for it.
    fn advance(&mut self) -> Result<(), LoadError> {
        let start = self.walk.offset().max(self.record_end);
        match self.walk.next_event()? {
            Some(StreamEvent::Record(record)) => self.record(start, &record),
            Some(StreamEvent::Command(Command::Packaged { .. })) => {
                self.packages += 1;
                Ok(())
            }
            Some(StreamEvent::PackageEnd { .. }) => {
                self.packages = self.packages.saturating_sub(1);
                Ok(())
            }
            Some(_) => Ok(()),
            None => self.finish(),
        }
    }

    fn record(&mut self, start: u64, record: &Record) -> Result<(), LoadError> {
        self.record_end = self.walk.offset().saturating_add(self.walk.data_left());
        let (offset, same_block) = match *record {
            Record::Page { offset, same_block }
            | Record::Xbzrle { offset, same_block, .. }
            | Record::Compressed { offset, same_block, .. } => (offset, same_block),
            Record::Zero { offset, same_block, fill } if fill != 0 => (offset, same_block),
            Record::Space(_) => return self.mapped(start),
            _ => return Ok(()),
        };
        if self.packages > 0 {
            let error = LoadError::incompatible("RAM outside of packaged streams", "a page in one").at_offset(start);
            return Err(error.or_advice("the package's length would have to change"));
        }
        let zero = Record::Zero { offset, same_block, fill: 0 };
        self.edits.extend([Edit::Copy(start), Edit::Replace(self.record_end, zero)]);
        (self.pages, self.shifted) = (self.pages + 1, true);
        Ok(())
    }

    /// Zeroes the pages of a mapped block, which are at the end of its space.
    fn mapped(&mut self, start: u64) -> Result<(), LoadError> {
        // The block's header contains file positions, which replaced pages before it would make invalid.
        if self.shifted {
            return Err(LoadError::incompatible("either pages in the stream or pages at fixed positions", "both")
                .at_offset(start));
        }
        let size = self.walk.ram().blocks().last().map_or(0, |block| block.size);
        self.edits.extend([Edit::Copy(self.record_end.saturating_sub(size)), Edit::Zero(self.record_end)]);
        self.pages += size / self.walk.page_size().bytes();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), LoadError> {
        self.walk.trailer()?;
        self.edits.extend([Edit::Copy(self.walk.offset()), Edit::Rest]);
        self.ended = true;
        Ok(())
    }
}

/// Returns the number of bytes to copy at once, towards `end`.
fn chunk(offset: u64, end: u64) -> usize {
    usize::try_from(end.saturating_sub(offset).min(CHUNK)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ram::{BlockHeader, Mapped};
    use crate::stream::{Configuration, SectionHeader, SectionKind, StreamWriter};

    const PAGE: usize = 4096;

    fn ram(kind: SectionKind) -> SectionHeader {
        SectionHeader::full(2, "ram", 0, crate::ram::VERSION).of_kind(kind)
    }

    /// Writes records for pages, each followed by its bytes, after the list of a block of four pages.
    fn payload(records: &[(Record, Vec<u8>)], out: &mut Writer) {
        write_record(out, &Record::BlockList(4 * PAGE as u64), "");
        write_record(out, &Record::Block(BlockHeader::new("pc.ram", 4 * PAGE as u64)), "");
        for (record, data) in records {
            write_record(out, record, "pc.ram");
            out.bytes(data);
        }
        write_record(out, &Record::EndOfSection, "");
    }

    fn plain(records: &[(Record, Vec<u8>)]) -> Vec<u8> {
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out);
        stream.header();
        stream.begin_section(&ram(SectionKind::Start));
        payload(records, stream.payload());
        stream.eof();
        stream.description(r#"{"page_size": 4096, "devices": []}"#);
        out.take()
    }

    /// Returns a block whose bitmap and pages follow its header, and further records.
    fn mapped(page: u8, after: &[(Record, Vec<u8>)]) -> Vec<u8> {
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out);
        stream.header();
        let mut configuration = Configuration::new("none");
        configuration.capabilities = Some(vec!["mapped-ram".to_owned()]);
        stream.configuration(&configuration);
        stream.begin_section(&ram(SectionKind::Start));
        let payload = stream.payload();
        let mut header = BlockHeader::new("pc.ram", 2 * PAGE as u64);
        header.mapped = Some(Mapped { page_size: PAGE as u64, bitmap: 0x1000, pages: 0x2000 });
        write_record(payload, &Record::BlockList(header.size), "");
        write_record(payload, &Record::Block(header), "");
        payload.zeros(0x1000 - usize::try_from(payload.offset()).unwrap());
        payload.bytes(&[0xff; 0x1000]);
        payload.bytes(&[page; 2 * PAGE]);
        for (record, data) in after {
            write_record(payload, record, "pc.ram");
            payload.bytes(data);
        }
        write_record(payload, &Record::EndOfSection, "");
        stream.eof();
        out.take()
    }

    fn strip(stream: &[u8]) -> Result<(Vec<u8>, u64), LoadError> {
        let (mut reader, mut out) = (Reader::from_slice(stream), Writer::new());
        let mut stripper = Stripper::new(StreamDecoder::new(&mut reader, None)?, Reader::from_slice(stream));
        while stripper.step(&mut out)? {}
        Ok((out.take(), stripper.pages()))
    }

    fn zero(offset: u64, same_block: bool, fill: u8) -> (Record, Vec<u8>) {
        (Record::Zero { offset, same_block, fill }, Vec::new())
    }

    #[test]
    fn pages_in_all_forms_become_zero() {
        let with_pages = [
            (Record::Page { offset: 0, same_block: false }, vec![0x08; PAGE]),
            zero(0x1000, true, 0),
            (Record::Compressed { offset: 0x2000, same_block: false, length: 3 }, vec![1, 2, 3]),
            (Record::Page { offset: 0x3000, same_block: true }, vec![0xff; PAGE]),
            (Record::Xbzrle { offset: 0, same_block: true, length: 2 }, vec![1, 2]),
            zero(0x1000, true, 0xcc),
        ];
        let without = [(0, false), (0x1000, true), (0x2000, false), (0x3000, true), (0, true), (0x1000, true)];
        let without = plain(&without.map(|(offset, same_block)| zero(offset, same_block, 0)));
        assert_eq!(strip(&plain(&with_pages)).unwrap(), (without.clone(), 5));
        assert_eq!(strip(&without).unwrap(), (without, 0));
    }

    #[test]
    fn mapped_pages_become_zero_in_their_place() {
        assert_eq!(strip(&mapped(0x55, &[])).unwrap(), (mapped(0, &[]), 2));
    }

    #[test]
    fn lengths_and_positions_stay_valid() {
        let page = [(Record::Page { offset: 0, same_block: false }, vec![1; PAGE])];
        let mut package = Writer::new();
        let mut stream = StreamWriter::new(&mut package);
        stream.begin_section(&ram(SectionKind::Start));
        payload(&page, stream.payload());
        stream.end_section();
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out);
        stream.header();
        stream.command(&Command::Packaged { length: u32::try_from(package.pending().len()).unwrap() }).unwrap();
        out.bytes(package.pending());
        out.u8(crate::stream::tag::EOF);
        let error = strip(out.pending()).unwrap_err();
        assert!(error.expected().contains("outside of packaged"), "{error}");

        // A page in the stream, and after it another list of blocks at fixed places.
        let [page] = page;
        let mut again = BlockHeader::new("pc.ram", PAGE as u64);
        again.mapped = Some(Mapped { page_size: PAGE as u64, bitmap: 0x6000, pages: 0x7000 });
        let list = [page, (Record::BlockList(PAGE as u64), vec![]), (Record::Block(again), vec![0; 0x4000])];
        let error = strip(&mapped(0, &list)).unwrap_err();
        assert_eq!((error.offset().is_some(), error.found()), (true, "both"), "{error}");
    }
}
