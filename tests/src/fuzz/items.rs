//! The decoder of a stream's parts, with bytes that arrive in pieces.

use vmstate::stream::{Decoded, ItemDecoder, StreamItem, StreamReader};
use vmstate::{LoadError, Reader};

use super::{Target, seeds};

/// The target.
pub const TARGET: Target = Target {
    name: "items",
    run,
    seeds: || seeds::streams().into_iter().map(|stream| [&[4], &stream[..]].concat()).collect(),
    fixed: 1 << 20,
    per_byte: 256,
};

/// The first byte is the size of the pieces, and the rest a stream.
fn run(bytes: &[u8]) {
    let Some((&size, stream)) = bytes.split_first() else { return };
    let whole = Decoding::run(stream, stream.len().max(1));
    assert_eq!(Decoding::run(stream, 1 + usize::from(size)), whole, "the size of pieces does not matter");
    let (items, outcome) = read(stream);
    match whole.end {
        End::Complete(text) => assert_eq!((items, outcome.map_err(refused)), (whole.items, Ok(text))),
        End::Failed(error) => assert_eq!((items, outcome.map_err(refused)), (whole.items, Err(error))),
        // A reader knows that the stream ends. Then a description may be absent, and footers, too.
        End::Starved => assert!(items.starts_with(&whole.items), "{items:?} and {:?}", whole.items),
    }
}

#[allow(clippy::needless_pass_by_value)] // `map_err` passes it by value
fn refused(error: LoadError) -> String {
    error.to_string()
}

/// The result of decoding a stream.
#[derive(Debug, PartialEq, Eq)]
struct Decoding {
    items: Vec<StreamItem>,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The stream ended, with a description.
    Complete(String),
    /// More bytes were needed than the stream has.
    Starved,
    Failed(String),
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Starved => Self::Starved,
            Stop::Failed(error) => Self::Failed(error.to_string()),
        }
    }
}

enum Stop {
    Starved,
    Failed(LoadError),
}

impl Decoding {
    fn run(stream: &[u8], size: usize) -> Self {
        let mut arriving = Arriving { decoder: ItemDecoder::new(), stream, size, at: 0, arrived: 0 };
        let mut items = Vec::new();
        let end = arriving.decode(&mut items).map_or_else(End::from, End::Complete);
        Self { items, end }
    }
}

/// A stream that arrives in pieces.
struct Arriving<'s> {
    decoder: ItemDecoder,
    stream: &'s [u8],
    /// The size of a piece.
    size: usize,
    /// The number of decoded bytes, and of bytes that have arrived.
    at: usize,
    arrived: usize,
}

impl Arriving<'_> {
    fn decode(&mut self, items: &mut Vec<StreamItem>) -> Result<String, Stop> {
        self.next(ItemDecoder::decode_header)?;
        while let Some(item) = self.next(ItemDecoder::decode_item)? {
            if let StreamItem::Section(header) = &item {
                let length = payload(self.stream.get(self.at..).unwrap_or_default(), header.section_id);
                self.at = self.stream.len().min(self.at + length);
                self.arrived = self.arrived.max(self.at);
            }
            items.push(item);
        }
        self.next(|decoder, bytes, offset| decoder.decode_description(bytes, offset))
    }

    /// Decodes one part. While bytes are missing, and after an error, the decoder is unchanged.
    fn next<T>(
        &mut self,
        decode: impl Fn(&mut ItemDecoder, &[u8], u64) -> Result<Decoded<T>, LoadError>,
    ) -> Result<T, Stop> {
        loop {
            let before = self.decoder.clone();
            match decode(&mut self.decoder, &self.stream[self.at..self.arrived], self.at as u64) {
                Ok(Decoded::Item(item, used)) => {
                    assert!(used <= self.arrived - self.at, "more is used than has arrived");
                    self.at += used;
                    return Ok(item);
                }
                Ok(Decoded::Need(_)) => {
                    assert_eq!(self.decoder, before);
                    if self.arrived == self.stream.len() {
                        return Err(Stop::Starved);
                    }
                    self.arrived = self.stream.len().min(self.arrived + self.size);
                }
                Err(error) => {
                    assert_eq!(self.decoder, before);
                    return Err(Stop::Failed(error));
                }
            }
        }
    }
}

/// Reads the stream with the blocking reader.
fn read(bytes: &[u8]) -> (Vec<StreamItem>, Result<String, LoadError>) {
    let mut items = Vec::new();
    let mut reader = Reader::from_slice(bytes);
    let outcome = read_items(&mut reader, bytes, &mut items);
    (items, outcome)
}

fn read_items(reader: &mut Reader<'_>, bytes: &[u8], items: &mut Vec<StreamItem>) -> Result<String, LoadError> {
    let mut stream = StreamReader::new(reader)?;
    while let Some(item) = stream.next_item()? {
        if let StreamItem::Section(header) = &item {
            let start = usize::try_from(header.payload).expect("an offset in a slice");
            let rest = bytes.get(start..).unwrap_or_default();
            let length = payload(rest, header.section_id).min(rest.len());
            items.push(item);
            stream.payload().skip(length as u64)?;
        } else {
            items.push(item);
        }
    }
    Ok(stream.description()?.unwrap_or_default())
}

/// The bytes before the first footer of this section, or one byte.
fn payload(rest: &[u8], section_id: u32) -> usize {
    let [a, b, c, d] = section_id.to_be_bytes();
    rest.windows(5).position(|window| window == [0x7e, a, b, c, d]).unwrap_or(1)
}
