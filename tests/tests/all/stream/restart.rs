//! Restartable decoding: any split of the bytes decodes like all bytes at once.

use vmstate::memory::PageSize;
use vmstate::ram::{RamOptions, Record, RecordReader};
use vmstate::stream::{Decoded, ItemDecoder, section_end};
use vmstate_tests::streams;

use super::*;

/// The bytes of a stream that have arrived, more of which arrive when a decoder asks for them.
struct Arriving<'b> {
    bytes: &'b [u8],
    position: usize,
    arrived: usize,
    /// The number of bytes that arrive of each 16 that are needed.
    share: usize,
    /// The remaining calls that are checked to leave the decoder unchanged: copying it takes most of the time.
    checks: usize,
}

impl<'b> Arriving<'b> {
    fn new(bytes: &'b [u8], share: usize) -> Self {
        Self { bytes, position: 0, arrived: 0, share, checks: 1000 }
    }

    /// Decodes an item, and checks that a decoder that needs more bytes is unchanged.
    #[track_caller]
    fn decode<D: Clone + PartialEq + std::fmt::Debug, T>(
        &mut self,
        decoder: &mut D,
        decode: impl Fn(&mut D, &[u8], u64) -> Result<Decoded<T>, LoadError>,
    ) -> Result<T, LoadError> {
        let offset = self.position as u64;
        loop {
            self.checks = self.checks.saturating_sub(1);
            let before = (self.checks > 0).then(|| decoder.clone());
            let is_unchanged = |decoder: &D| before.as_ref().is_none_or(|before| before == decoder);
            match decode(decoder, &self.bytes[self.position..self.arrived], offset) {
                Ok(Decoded::Item(item, used)) => {
                    self.skip(used);
                    return Ok(item);
                }
                Ok(Decoded::Need(more)) => {
                    assert!(is_unchanged(decoder), "{decoder:?} has changed without an item");
                    let end = self.arrived + more.get();
                    assert!(end <= self.bytes.len(), "asks for {more} bytes that the item does not have");
                    self.arrived += (more.get() * self.share).div_ceil(16);
                }
                Err(error) => {
                    assert!(is_unchanged(decoder), "{decoder:?} has changed after an error");
                    return Err(error);
                }
            }
        }
    }

    /// Consumes bytes, which arrive if they have not.
    fn skip(&mut self, count: usize) {
        self.position += count;
        self.arrived = self.arrived.max(self.position);
    }
}

/// Items and records with their offsets, in order.
type Found = Vec<(u64, String)>;

/// Walks through a stream with a blocking reader.
fn read(bytes: &[u8], page_size: PageSize) -> Found {
    let mut found = Found::new();
    let mut reader = Reader::from_read(bytes);
    let mut stream = StreamReader::new(&mut reader).unwrap();
    found.push((stream.offset(), format!("{:?}", stream.configuration())));
    let mut records = RecordReader::new(page_size, RamOptions::default());
    while let Some(item) = stream.next_item().unwrap() {
        found.push((stream.offset(), format!("{item:?}")));
        let StreamItem::Section(section) = item else { continue };
        if section.name == "ram" {
            read_records(&mut records, stream.payload(), page_size, &mut found);
        } else {
            let end = payload_end(bytes, &section);
            stream.payload().skip(end - section.payload).unwrap();
        }
    }
    found.push((stream.offset(), "the end".to_owned()));
    found.push((0, stream.description().unwrap().unwrap()));
    found
}

fn read_records(records: &mut RecordReader, reader: &mut Reader<'_>, page_size: PageSize, found: &mut Found) {
    loop {
        let record = records.next_record(reader).unwrap();
        found.push((reader.offset(), format!("{record:?}")));
        match record {
            Record::Page { .. } => reader.skip(page_size.bytes()).unwrap(),
            Record::EndOfSection => return,
            _ => {}
        }
    }
}

/// Walks through a stream whose bytes arrive piece by piece.
fn decode(bytes: &[u8], page_size: PageSize, share: usize) -> Found {
    let mut found = Found::new();
    let mut input = Arriving::new(bytes, share);
    let mut items = ItemDecoder::new();
    input.decode(&mut items, ItemDecoder::decode_header).unwrap();
    found.push((input.position as u64, format!("{:?}", items.configuration())));
    let mut records = RecordReader::new(page_size, RamOptions::default());
    while let Some(item) = input.decode(&mut items, ItemDecoder::decode_item).unwrap() {
        found.push((input.position as u64, format!("{item:?}")));
        let StreamItem::Section(section) = item else { continue };
        if section.name == "ram" {
            decode_records(&mut records, &mut input, page_size, &mut found);
        } else {
            let end = payload_end(bytes, &section);
            input.skip(usize::try_from(end - section.payload).unwrap());
        }
        // The footer may be decoded alone or with the next item.
        if section.section_id % 2 == 0 {
            input.decode(&mut items, ItemDecoder::decode_section_end).unwrap();
        }
    }
    found.push((input.position as u64, "the end".to_owned()));
    found.push((0, input.decode(&mut items, |items, bytes, offset| items.decode_description(bytes, offset)).unwrap()));
    assert_eq!(input.position, bytes.len());
    found
}

fn decode_records(records: &mut RecordReader, input: &mut Arriving<'_>, page_size: PageSize, found: &mut Found) {
    loop {
        let record = input.decode(records, RecordReader::decode).unwrap();
        found.push((input.position as u64, format!("{record:?}")));
        match record {
            Record::Page { .. } => input.skip(usize::try_from(page_size.bytes()).unwrap()),
            Record::EndOfSection => return,
            _ => {}
        }
    }
}

fn payload_end(bytes: &[u8], section: &SectionHeader) -> u64 {
    let payload = &bytes[usize::try_from(section.payload).unwrap()..];
    let mut reader = Reader::from_slice_at(payload, section.payload);
    section_end::find_end(&mut reader, section.section_id, None).unwrap().expect("a footer")
}

#[test]
fn committed_streams_decode_the_same_in_pieces() {
    for stream in streams::all() {
        let page_size = PageSize::new(page_size_of(&stream.name)).unwrap();
        let expected = read(&stream.bytes, page_size);
        assert!(expected.len() > 3, "{}", stream.name);
        for share in [1, 7, 16] {
            assert!(decode(&stream.bytes, page_size, share) == expected, "{}: differs with {share}", stream.name);
        }
    }
}

fn page_size_of(name: &str) -> u64 {
    match name.rsplit('-').next() {
        Some("uno") => 256,
        Some("lm3s811evb") => 1024,
        _ => 4096,
    }
}

/// Walks through the framing of a stream whose sections have [`PAYLOAD`]; all bytes arrive at once without a share.
fn decode_framing(bytes: &[u8], share: Option<usize>) -> Result<Vec<StreamItem>, LoadError> {
    let mut padded = bytes.to_vec();
    // No complete item needs more bytes, but a truncated one may need the removed ones.
    padded.resize(bytes.len() + (1 << 17), 0xee);
    let mut input = Arriving::new(&padded, share.unwrap_or(16));
    if share.is_none() {
        input.arrived = padded.len();
    }
    let mut decoder = ItemDecoder::new();
    input.decode(&mut decoder, ItemDecoder::decode_header)?;
    let mut items = Vec::new();
    while let Some(item) = input.decode(&mut decoder, ItemDecoder::decode_item)? {
        if let StreamItem::Section(_) = &item {
            input.skip(PAYLOAD.len());
        }
        items.push(item);
    }
    Ok(items)
}

proptest! {
    #[test]
    fn damaged_framing_decodes_the_same_in_pieces(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        share in 1_usize..=16,
    ) {
        let mut bytes = whole_stream(true, true, true);
        // Past the configuration, whose lengths could ask for more than there is.
        let at = 32 + at.index(bytes.len() - 32);
        bytes[at] = byte;
        let text = |result: Result<Vec<StreamItem>, LoadError>| result.map_err(|error| error.to_string());
        let (pieces, whole) = (decode_framing(&bytes, Some(share)), decode_framing(&bytes, None));
        prop_assert_eq!(text(pieces), text(whole));
    }
}

#[test]
fn needed_bytes_are_counted_exactly() {
    let mut decoder = ItemDecoder::new();
    let need = |decoded: Decoded<Option<StreamItem>>| match decoded {
        Decoded::Need(more) => more.get(),
        Decoded::Item(item, _) => panic!("{item:?}"),
    };
    let ping = [8, 0, 2, 0, 4, 0, 0, 0, 1];
    for (arrived, needed) in [(0, 1), (1, 2), (2, 1), (3, 2), (4, 1), (5, 4), (8, 1)] {
        assert_eq!(need(decoder.decode_item(&ping[..arrived], 0).unwrap()), needed, "after {arrived}");
    }
}

#[test]
fn wrong_bytes_are_reported_before_the_rest_arrives() {
    let mut decoder = ItemDecoder::new();
    assert_eq!(decoder.decode_header(b"QEVN", 0).unwrap_err().offset(), Some(0));
    assert_eq!(decoder.decode_item(b"\x09", 8).unwrap_err().offset(), Some(8));
    // An unknown command of 60,000 bytes.
    assert_eq!(decoder.decode_item(b"\x08\0\x63\xea\x60", 8).unwrap_err().offset(), Some(9));
}

#[test]
fn footer_decodes_before_the_next_item_arrives() {
    let mut decoder = ItemDecoder::new();
    let bytes = [full(9), footer(9)].concat();
    assert!(matches!(decoder.decode_item(&bytes[..20], 0), Ok(Decoded::Item(Some(StreamItem::Section(_)), 17))));
    let before = decoder.clone();
    assert!(matches!(decoder.decode_item(&bytes[21..], 21), Ok(Decoded::Need(_))));
    assert_eq!(decoder, before);
    assert_eq!(decoder.decode_section_end(&bytes[21..], 21).unwrap(), Decoded::Item((), 5));
    assert_eq!(decoder.has_footers(), Some(true));
    assert_eq!(decoder.decode_section_end(&[], 26).unwrap(), Decoded::Item((), 0));
}

#[test]
fn wrong_record_leaves_the_list_open() {
    let mut records = RecordReader::new(PageSize::DEFAULT, RamOptions::default());
    let list = [&0x1004_u64.to_be_bytes()[..], b"\x01a", &0x2000_u64.to_be_bytes()].concat();
    assert_eq!(records.decode(&list, 0).unwrap(), Decoded::Item(Record::BlockList(0x1000), 8));
    let before = records.clone();
    assert!(records.decode(&list[8..], 8).is_err());
    assert!(matches!(records.decode(&list[8..12], 8), Ok(Decoded::Need(_))));
    assert_eq!(records, before);
}

#[test]
fn oversized_length_is_only_reported() {
    let decoder = ItemDecoder::new();
    let decoded = decoder.decode_description(b"\x06\xff\xff\xff\xff{", 0).unwrap();
    assert!(matches!(decoded, Decoded::Need(more) if more.get() == 0xffff_fffe), "{decoded:?}");
    // A machine name of 4 GiB.
    let mut decoder = ItemDecoder::new();
    let decoded = decoder.decode_header(b"QEVM\0\0\0\x03\x07\xff\xff\xff\xff", 0).unwrap();
    assert!(matches!(decoded, Decoded::Need(more) if more.get() == 0xffff_ffff), "{decoded:?}");
}
