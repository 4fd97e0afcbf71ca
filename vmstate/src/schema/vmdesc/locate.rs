//! Finds the description from the end of a stream, without reading the stream.

use std::io::{self, Read, Seek, SeekFrom};

use super::MAX_TEXT;
use crate::checksum;
use crate::stream::tag;

/// The result of searching the end of a stream for a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Located {
    /// The text begins at this index of the given bytes and extends to their end.
    At(usize),
    /// The stream has no description.
    Absent,
    /// A longer tail is required.
    More,
}

/// Searches a description at the end of `tail`, which is the end of a stream or a whole stream.
///
/// A description is printable ASCII, and follows its length and the byte `06`, so only the last run of printable bytes
/// is examined.
///
/// ```
/// use vmstate::schema::vmdesc::{Located, locate};
///
/// assert_eq!(locate(b"\x00\x06\x00\x00\x00\x02{}"), Located::At(6));
/// assert_eq!(locate(b"QEVM\x00\x00\x00\x03\x00"), Located::Absent);
/// assert_eq!(locate(b"\"size\": 4}]}]}"), Located::More);
/// ```
#[must_use]
pub fn locate(tail: &[u8]) -> Located {
    let printable = tail.iter().rev().take_while(|byte| (b' '..=b'~').contains(byte)).count();
    let first = tail.len() - printable;
    // Bytes of the length may be printable too.
    match (first..=first + 4).find(|&start| begins_at(tail, start)) {
        Some(start) => Located::At(start),
        None if first < HEADER && printable <= MAX_TEXT => Located::More,
        None => Located::Absent,
    }
}

/// The number of bytes before the text: tag and length.
const HEADER: usize = 5;

fn begins_at(tail: &[u8], start: usize) -> bool {
    let Some((before, text)) = tail.split_at_checked(start) else { return false };
    let Some([tag::DESCRIPTION, length @ ..]) = before.last_chunk::<HEADER>() else { return false };
    text.first() == Some(&b'{') && usize::try_from(u32::from_be_bytes(*length)).is_ok_and(|length| length == text.len())
}

/// Searches a description at the end of `file`, before the [checksum] if the file has one, and returns its offset and
/// its text. Reads only the end of the file: a stream can have many GiB of RAM.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub fn locate_in(file: &mut (impl Read + Seek)) -> io::Result<Option<(u64, Vec<u8>)>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut goal = 64 * 1024;
    loop {
        let start = length.saturating_sub(goal);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        file.take(goal).read_to_end(&mut tail)?;
        tail.truncate(checksum::contents(&tail).len());
        match locate(&tail) {
            Located::At(at) => return Ok(Some((start + at as u64, tail.split_off(at)))),
            Located::More if start > 0 => goal *= 4,
            Located::More | Located::Absent => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn stream(before: &[u8], text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap();
        [before, &[0, tag::DESCRIPTION], &length.to_be_bytes(), text.as_bytes()].concat()
    }

    #[test]
    fn printable_length_is_not_part_of_the_text() {
        for count in [1, 0x20, 0x7e, 0x2020, 0x412041, 100_000] {
            let text = format!("{{{}", "x".repeat(count - 1));
            let bytes = stream(b"{\"{{{", &text);
            assert_eq!(locate(&bytes), Located::At(bytes.len() - count), "{count:#x}");
            let found = locate_in(&mut Cursor::new(&bytes)).unwrap().unwrap();
            assert_eq!(found, ((bytes.len() - count) as u64, text.into_bytes()), "{count:#x}");
        }
    }

    #[test]
    fn checksum_is_not_part_of_the_text() {
        for count in [1, 0x7e, 64 << 10, (64 << 10) - 17, 100_000] {
            let text = format!("{{{}", "x".repeat(count - 1));
            let mut bytes = stream(b"", &text);
            let start = (bytes.len() - count) as u64;
            checksum::append(&mut bytes);
            let found = locate_in(&mut Cursor::new(&bytes)).unwrap().unwrap();
            assert_eq!(found, (start, text.into_bytes()), "{count:#x}");
        }
    }

    #[test]
    fn stream_without_description_is_recognized() {
        let wrong_length = b"\x00\x06\x00\x00\x00\x03{}";
        for bytes in [&b""[..], b"\x00", b"QEVM\x00\x00\x00\x03\x00", &stream(b"x", "[]"), wrong_length, b"{}"] {
            assert_eq!(locate_in(&mut Cursor::new(bytes)).unwrap(), None, "{bytes:?}");
        }
        assert_eq!(locate(&stream(b"", &"x".repeat(1 << 16))), Located::Absent);
        assert_eq!(locate(&[b'x'; 1 << 16]), Located::More);
    }
}
