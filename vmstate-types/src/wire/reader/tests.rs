//! Tests of readers over slices and over sources of all sizes.

use alloc::vec;

use super::*;
use crate::wire::{BUFFER, ByteSource};

/// Delivers a byte pattern in bites of a given size, and optionally skips.
struct Bites {
    next: u64,
    end: u64,
    bite: usize,
    skips: bool,
}

impl ByteSource for Bites {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, LoadError> {
        let count = into.len().min(self.bite).min(usize::try_from(self.end - self.next).unwrap());
        for byte in &mut into[..count] {
            *byte = pattern(self.next);
            self.next += 1;
        }
        Ok(count)
    }

    fn skip(&mut self, count: u64) -> Result<u64, LoadError> {
        let count = if self.skips { count.min(self.end - self.next) } else { 0 };
        self.next += count;
        Ok(count)
    }
}

fn pattern(offset: u64) -> u8 {
    (offset % 251) as u8
}

fn bites(end: u64, bite: usize, skips: bool) -> Reader<'static> {
    Reader::from_source(Bites { next: 0, end, bite, skips })
}

#[test]
fn all_methods_read_the_same_bytes() {
    // Miri would need minutes for that many reads.
    let (bite, other) = if cfg!(miri) { (5001, 7000) } else { (1, 7) };
    for (bite, skips) in [(bite, false), (other, true), (1 << 20, false), (1 << 20, true)] {
        let mut reader = bites(300_000, bite, skips);
        assert_eq!(reader.peek(257).unwrap(), (0..257).map(pattern).collect::<Vec<_>>());
        assert_eq!(reader.u8().unwrap(), 0);
        assert_eq!(reader.u16().unwrap(), 0x0102);
        let mut filled = vec![0; 1000];
        reader.fill(&mut filled).unwrap();
        assert_eq!(filled, (3..1003).map(pattern).collect::<Vec<_>>());
        reader.skip(100_000).unwrap();
        assert_eq!(reader.offset(), 101_003);
        assert_eq!(reader.take(150_000).unwrap(), (101_003..251_003).map(pattern).collect::<Vec<_>>());
        reader.skip(48_996).unwrap();
        assert_eq!(reader.u8().unwrap(), pattern(299_999));
        assert!(reader.at_end().unwrap());
    }
}

#[test]
#[cfg_attr(miri, ignore = "reads 100 KB two bytes at a time")]
fn buffer_shrinks_after_large_request() {
    let mut reader = bites(300_000, 8, false);
    reader.peek(150_000).unwrap();
    reader.take(149_999).unwrap();
    // Each read of the source leaves one byte, until far beyond the size that the buffer shrinks to.
    while reader.offset() < 220_000 || reader.buffered().len() > 1 {
        reader.u16().unwrap();
    }
    reader.u8().unwrap();
    assert_eq!(reader.u8().unwrap(), pattern(reader.offset() - 1));
    assert_eq!(reader.stream.as_ref().map(|stream| stream.buffer().len()), Some(BUFFER));
}

#[test]
fn truncated_fill_counts_from_its_first_byte() {
    for buffered in [0, 2] {
        let mut reader = bites(10, 3, false);
        reader.skip(4).unwrap();
        reader.peek(buffered).unwrap();
        let error = reader.fill(&mut [0; 8]).unwrap_err();
        assert_eq!((error.offset(), error.expected(), error.is_truncated()), (Some(4), "8 bytes", true));
        assert_eq!(error.found(), "the end of the stream after 6");
    }
}

#[test]
fn truncated_stream_is_error_with_offset() {
    let mut reader = bites(10, 3, false);
    reader.skip(4).unwrap();
    let error = reader.u64().unwrap_err();
    assert_eq!((error.offset(), error.is_truncated()), (Some(4), true));
    assert_eq!(reader.take(6).unwrap().len(), 6, "a failed `take` consumes nothing");
    assert_eq!(reader.skip(1).unwrap_err().offset(), Some(10));
    assert!(bites(10, 3, true).skip(11).is_err());
    assert!(bites(10, 3, false).fill(&mut [0; 11]).is_err());
}

#[test]
fn oversized_length_does_not_allocate() {
    let mut reader = bites(1000, 100, false);
    assert!(reader.take(usize::MAX).unwrap_err().is_truncated());
    assert!(reader.stream.is_some_and(|stream| stream.buffer().capacity() <= BUFFER));
}

#[test]
fn counted_str_checks_length_and_encoding() {
    assert_eq!(Reader::from_slice(b"\x03ram").counted_str().unwrap(), "ram");
    assert!(Reader::from_slice(b"\x04ram").counted_str().unwrap_err().is_truncated());
    assert!(Reader::from_slice(b"\x01\xff").counted_str().is_err());
}
