//! The file format of recorded conversations.
//!
//! A file begins with [`MAGIC`] and a version. Entries follow, each with a head of 17 bytes and a payload. All numbers are
//! big endian.
//!
//! | bytes | content of an entry's head |
//! |---|---|
//! | 1 | kind: 0 started, 1 connected, 2 bytes, 3 end, 4 lost |
//! | 1 | side that the entry is about: 0 source, 1 destination |
//! | 3 | number of the connection, in the order of the connections |
//! | 8 | microseconds since the recording began |
//! | 4 | length of the payload |
//!
//! The payload of *started* is the time of day in microseconds since 1970, of *bytes* the bytes, and of *lost* a message
//! in UTF-8. The other payloads are empty. Entries of unknown kinds are skipped. A file may end anywhere: an incomplete
//! last entry was not forwarded, and is ignored.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::migration::Side;

/// The first bytes of a file.
const MAGIC: [u8; 8] = *b"vmstconv";
/// The version of the format.
const VERSION: u32 = 1;
const HEAD: usize = 17;
/// The longest payload. Longer ones are written as several entries.
const MAX_PAYLOAD: usize = 1 << 20;
/// The longest message of a lost connection.
const MAX_MESSAGE: usize = 4 << 10;
/// The highest number of a connection.
const MAX_CONNECTION: u32 = 0x00ff_ffff;

/// An observation of a recorder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The time since the recording began.
    pub at: Duration,
    /// The number of the connection, in the order of the connections.
    pub connection: u32,
    /// The observation.
    pub event: EntryEvent<'a>,
}

/// The content of an [`Entry`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryEvent<'a> {
    /// The recording begins, at this time since 1970.
    Started(Duration),
    /// The source has connected.
    Connected,
    /// A side has sent these bytes.
    Bytes(Side, &'a [u8]),
    /// A side sends nothing more: it has closed the connection, or this direction.
    End(Side),
    /// The connection to a side has failed, with this message of the system.
    Lost(Side, &'a str),
}

/// The error for a file that is not a conversation, or is damaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConversationError {
    /// The file cannot be read.
    #[error("cannot read the conversation: {0}")]
    Read(#[from] io::Error),
    /// The file has another format.
    #[error("expected a conversation that `vmstate record` has written, found another file")]
    Format,
    /// The file was written by a later release.
    #[error("unsupported version {0} of a conversation; use a later release of vmstate")]
    Version(u32),
    /// An entry is malformed.
    #[error("malformed conversation at offset {offset}: expected {expected}")]
    Malformed {
        /// The offset of the entry in the file.
        offset: u64,
        /// The expected content.
        expected: &'static str,
    },
}

/// Writes a conversation, entry by entry.
///
/// Each entry is one write, so that a file contains all entries that were written before the process is killed.
#[derive(Debug)]
pub struct ConversationWriter<W> {
    out: W,
    /// An entry that is being encoded.
    buffer: Vec<u8>,
}

impl<W: Write> ConversationWriter<W> {
    /// Begins a conversation.
    ///
    /// # Errors
    /// Returns the error of `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&[MAGIC.as_slice(), &VERSION.to_be_bytes()].concat())?;
        Ok(Self { out, buffer: Vec::new() })
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// Returns the error of the output.
    pub fn write(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        match entry.event {
            EntryEvent::Started(clock) => self.encode(entry, 0, Side::Source, &micros(clock).to_be_bytes()),
            EntryEvent::Connected => self.encode(entry, 1, Side::Source, &[]),
            // It has a time.
            EntryEvent::Bytes(side, []) => self.encode(entry, 2, side, &[]),
            EntryEvent::Bytes(side, bytes) => {
                bytes.chunks(MAX_PAYLOAD).try_for_each(|chunk| self.encode(entry, 2, side, chunk))
            }
            EntryEvent::End(side) => self.encode(entry, 3, side, &[]),
            EntryEvent::Lost(side, message) => {
                let end = (0..=MAX_MESSAGE.min(message.len())).rev().find(|end| message.is_char_boundary(*end));
                let message = message.get(..end.unwrap_or(0)).unwrap_or_default();
                self.encode(entry, 4, side, message.as_bytes())
            }
        }
    }

    fn encode(&mut self, entry: &Entry<'_>, kind: u8, side: Side, payload: &[u8]) -> io::Result<()> {
        let [_, connection @ ..] = entry.connection.min(MAX_CONNECTION).to_be_bytes();
        // The payload is at most 1 MiB.
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.buffer.clear();
        self.buffer.extend([kind, u8::from(side == Side::Destination)]);
        self.buffer.extend(connection);
        self.buffer.extend(micros(entry.at).to_be_bytes());
        self.buffer.extend(length.to_be_bytes());
        self.buffer.extend_from_slice(payload);
        self.out.write_all(&self.buffer)
    }

    /// Returns the output.
    pub fn into_inner(self) -> W {
        self.out
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Reads a conversation, entry by entry. It holds one entry of at most 1 MiB.
///
/// ```
/// use std::time::Duration;
/// use vmstate::migration::Side;
/// use vmstate::migration::conversation::{ConversationReader, ConversationWriter, Entry, EntryEvent};
///
/// let entry = Entry { at: Duration::from_micros(7), connection: 0, event: EntryEvent::Bytes(Side::Source, b"QEVM") };
/// let mut file = ConversationWriter::new(Vec::new())?;
/// file.write(&entry)?;
/// let file = file.into_inner();
/// let mut reader = ConversationReader::new(file.as_slice())?;
/// assert_eq!(reader.next_entry()?, Some(entry));
/// assert_eq!(reader.next_entry()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ConversationReader<R> {
    file: R,
    payload: Vec<u8>,
    offset: u64,
    truncated: bool,
}

/// The head of an entry.
struct Head {
    kind: u8,
    side: Side,
    connection: u32,
    at: Duration,
    length: usize,
}

impl<R: Read> ConversationReader<R> {
    /// Begins to read a conversation.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, is not a conversation, or has a later version.
    pub fn new(mut file: R) -> Result<Self, ConversationError> {
        let mut head = [0; MAGIC.len() + 4];
        if fill(&mut file, &mut head)? < head.len() || !head.starts_with(&MAGIC) {
            return Err(ConversationError::Format);
        }
        let [.., a, b, c, d] = head;
        match u32::from_be_bytes([a, b, c, d]) {
            VERSION => Ok(Self { file, payload: Vec::new(), offset: head.len() as u64, truncated: false }),
            version => Err(ConversationError::Version(version)),
        }
    }

    /// Reads the next entry; `None` at the end of the file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or the entry is malformed.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_>>, ConversationError> {
        loop {
            let Some(Head { kind, side, connection, at, length }) = self.read_head()? else { return Ok(None) };
            if kind > 4 {
                continue;
            }
            let payload = self.payload.get(..length).unwrap_or_default();
            let offset = self.offset - (HEAD + length) as u64;
            let event =
                event(kind, side, payload).map_err(|expected| ConversationError::Malformed { offset, expected });
            return event.map(|event| Some(Entry { at, connection, event }));
        }
    }

    /// Returns whether the file ends within an entry, as the file of a recorder that was killed.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Reads a head with its payload, or returns `None` at the end of the file.
    fn read_head(&mut self) -> Result<Option<Head>, ConversationError> {
        let mut bytes = [0; HEAD];
        let count = fill(&mut self.file, &mut bytes)?;
        if count < HEAD {
            self.truncated |= count > 0;
            return Ok(None);
        }
        let head =
            Head::parse(bytes).map_err(|expected| ConversationError::Malformed { offset: self.offset, expected })?;
        self.payload.resize(head.length, 0);
        if fill(&mut self.file, &mut self.payload)? < head.length {
            self.truncated = true;
            return Ok(None);
        }
        self.offset += (HEAD + head.length) as u64;
        Ok(Some(head))
    }
}

impl Head {
    fn parse(bytes: [u8; HEAD]) -> Result<Self, &'static str> {
        let [kind, side, c, d, e, t0, t1, t2, t3, t4, t5, t6, t7, l0, l1, l2, l3] = bytes;
        let side = match side {
            0 => Side::Source,
            1 => Side::Destination,
            _ => return Err("a side, 0 or 1"),
        };
        let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        if length > MAX_PAYLOAD {
            return Err("a payload of at most 1 MiB");
        }
        let connection = u32::from_be_bytes([0, c, d, e]);
        let at = Duration::from_micros(u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]));
        Ok(Self { kind, side, connection, at, length })
    }
}

fn event(kind: u8, side: Side, payload: &[u8]) -> Result<EntryEvent<'_>, &'static str> {
    Ok(match kind {
        0 => {
            let clock = payload.try_into().map_err(|_| "a time of day of 8 bytes")?;
            EntryEvent::Started(Duration::from_micros(u64::from_be_bytes(clock)))
        }
        1 => EntryEvent::Connected,
        2 => EntryEvent::Bytes(side, payload),
        3 => EntryEvent::End(side),
        _ => EntryEvent::Lost(side, std::str::from_utf8(payload).map_err(|_| "a message in UTF-8")?),
    })
}

/// Reads until `buffer` is full or the file ends, and returns the number of bytes.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry<'static>> {
        let at = |micros, connection, event| Entry { at: Duration::from_micros(micros), connection, event };
        vec![
            at(0, 0, EntryEvent::Started(Duration::from_micros(1_700_000_000_000_001))),
            at(1, 0, EntryEvent::Connected),
            at(2, 0, EntryEvent::Bytes(Side::Source, b"QEVM")),
            at(2, 0, EntryEvent::Bytes(Side::Source, b"")),
            at(3, MAX_CONNECTION, EntryEvent::Bytes(Side::Destination, b"\0\x01")),
            at(4, 0, EntryEvent::End(Side::Destination)),
            at(u64::MAX, 1, EntryEvent::Lost(Side::Source, "Connection reset by peer")),
        ]
    }

    fn file(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut file = ConversationWriter::new(Vec::new()).unwrap();
        entries.iter().for_each(|entry| file.write(entry).unwrap());
        file.into_inner()
    }

    /// Returns the number of entries that are read, and whether the file is truncated.
    fn read(file: &[u8]) -> Result<(usize, bool), ConversationError> {
        let mut reader = ConversationReader::new(file)?;
        let mut count = 0;
        while reader.next_entry()?.is_some() {
            count += 1;
        }
        Ok((count, reader.is_truncated()))
    }

    #[test]
    fn entries_are_read_as_written() {
        let (entries, file) = (entries(), file(&entries()));
        let mut reader = ConversationReader::new(file.as_slice()).unwrap();
        for entry in entries {
            assert_eq!(reader.next_entry().unwrap(), Some(entry));
        }
        assert_eq!(reader.next_entry().unwrap(), None);
        assert!(!reader.is_truncated());
    }

    #[test]
    fn file_may_end_anywhere() {
        let file = file(&entries());
        let (mut ends, mut end) = (vec![12], 12);
        for entry in &entries() {
            let mut writer = ConversationWriter::new(Vec::new()).unwrap();
            writer.write(entry).unwrap();
            end += writer.into_inner().len() - 12;
            ends.push(end);
        }
        for length in 12..=file.len() {
            let complete = ends.iter().filter(|end| **end <= length).count() - 1;
            assert_eq!(read(&file[..length]).unwrap(), (complete, !ends.contains(&length)), "{length}");
        }
        for length in 0..12 {
            assert!(matches!(read(&file[..length]), Err(ConversationError::Format)), "{length}");
        }
    }

    #[test]
    fn long_bytes_are_split() {
        let bytes = vec![7; 2 * MAX_PAYLOAD + 1];
        let entry = Entry { at: Duration::ZERO, connection: 0, event: EntryEvent::Bytes(Side::Source, &bytes) };
        assert_eq!(read(&file(&[entry])).unwrap(), (3, false));
    }

    #[test]
    fn malformed_files_are_rejected() {
        let good = file(&entries());
        let error = |at: usize, value: u8| {
            let mut bad = good.clone();
            bad[at] = value;
            read(&bad).unwrap_err().to_string()
        };
        assert_eq!(error(11, 2), "unsupported version 2 of a conversation; use a later release of vmstate");
        assert_eq!(error(13, 2), "malformed conversation at offset 12: expected a side, 0 or 1");
        assert_eq!(error(25, 1), "malformed conversation at offset 12: expected a payload of at most 1 MiB");
        assert_eq!(error(28, 7), "malformed conversation at offset 12: expected a time of day of 8 bytes");
        let at = good.len() - 1;
        assert!(error(at, 0xff).ends_with("expected a message in UTF-8"));
    }

    #[test]
    fn unknown_kinds_are_skipped() {
        let mut later = file(&entries());
        later[12] = 9;
        assert_eq!(read(&later).unwrap(), (6, false));
    }
}
