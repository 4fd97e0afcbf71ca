//! The messages of the return path, with bytes that arrive in pieces.

use vmstate::stream::{Decoded, ReceivedBitmap, ReturnPathMessage};
use vmstate::{LoadError, Reader, Writer};

use super::bites::Bites;
use super::{Target, seeds};

/// The target.
pub const TARGET: Target = Target {
    name: "return_path",
    run,
    seeds: || seeds::return_paths().into_iter().map(|messages| [&[4], &messages[..]].concat()).collect(),
    fixed: 1 << 20,
    per_byte: 64,
};

/// The first byte is the size of the pieces, and the rest are messages, each of which can be written again.
fn run(bytes: &[u8]) {
    let Some((&size, mut rest)) = bytes.split_first() else { return };
    let size = 1 + usize::from(size);
    let mut reader = Reader::from_read(Bites::new(rest, size));
    while let Some(message) = next(&mut rest, size, |bytes| ReturnPathMessage::decode(bytes, 0)) {
        let read = ReturnPathMessage::read(&mut reader).expect("it was decoded from the same bytes");
        assert_eq!(read, message);
        again(&message);
        if let ReturnPathMessage::RecvBitmap(block) = &message {
            let Some(()) = bitmap(&mut rest, &mut reader, size, block) else { return };
        }
    }
}

/// Decodes an item at the front of `bytes`, which arrive in pieces. Returns `None` at an error or at the end.
fn next<T: PartialEq + std::fmt::Debug>(
    bytes: &mut &[u8],
    size: usize,
    decode: impl Fn(&[u8]) -> Result<Decoded<T>, LoadError>,
) -> Option<T> {
    let mut arrived = 0;
    let decoded = loop {
        let decoded = decode(&bytes[..arrived]);
        if arrived == bytes.len() || !matches!(decoded, Ok(Decoded::Need(_))) {
            break decoded.map_err(|error| error.to_string());
        }
        arrived = bytes.len().min(arrived + size);
    };
    assert_eq!(decode(bytes).map_err(|error| error.to_string()), decoded, "the size of pieces does not matter");
    match decoded {
        Ok(Decoded::Item(item, used)) => {
            *bytes = &bytes[used..];
            Some(item)
        }
        _ => None,
    }
}

/// A message is written with the length that it has, and read again as the same.
fn again(message: &ReturnPathMessage) {
    let mut out = Writer::new();
    message.encode(&mut out);
    let length = out.pending().len();
    assert_eq!(ReturnPathMessage::decode(out.pending(), 0).ok(), Some(Decoded::Item(message.clone(), length)));
}

/// Decodes the bitmap of a block, and skips it in the reader.
fn bitmap(rest: &mut &[u8], reader: &mut Reader<'_>, size: usize, block: &str) -> Option<()> {
    // The target pages of the blocks in the recordings.
    let pages = if block == "microvm.ram" { 1024 } else { 64 };
    let bitmap = next(rest, size, |bytes| ReceivedBitmap::decode(bytes, 0, pages))?;
    let mut out = Writer::new();
    bitmap.encode(&mut out);
    let same = reader.take(out.pending().len()).expect("it was decoded from the same bytes");
    assert_eq!(same, out.pending());
    Some(())
}
