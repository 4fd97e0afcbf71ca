//! Checksums of saved files, which detect damage before anything is loaded.
//!
//! A stream has no checksum: a changed byte in a value is a valid value. [`append`] adds a trailer of 12 bytes to a
//! complete file, and [`verify`] returns the file without it. The trailer follows the stream's description, where QEMU no
//! longer reads (`qemu_loadvm_state` in `migration/savevm.c`), so that QEMU and `vmstate` load the file with or without it.
//!
//! ```
//! use vmstate::checksum;
//! use vmstate::prelude::*;
//!
//! #[derive(VmState, Default)]
//! #[vmstate(name = "console")]
//! struct Console {
//!     frame: u32,
//! }
//!
//! let mut machine = Machine::with_type("my-console");
//! machine.register("console", Console { frame: 7 })?;
//! let mut file = Vec::new();
//! machine.save(&mut file)?;
//! checksum::append(&mut file);
//!
//! machine.load(Reader::from_slice(checksum::verify(&file)?))?;
//!
//! file[40] ^= 1;
//! let error = checksum::verify(&file).unwrap_err();
//! assert_eq!(error.advice(), Some("the file is damaged: use another copy"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A checksum detects accidents, and not manipulation: anyone can compute it. The format is the text `vmcrc32` and a zero,
//! followed by the CRC-32 of all bytes before the trailer, in big-endian order.

use crc32fast::{Hasher, hash};
use vmstate_types::{LoadError, Reader};

/// The first bytes of the trailer.
const MAGIC: [u8; 8] = *b"vmcrc32\0";
/// The size of the trailer.
pub(crate) const SIZE: usize = MAGIC.len() + size_of::<u32>();

/// Appends the checksum of all bytes in `file`.
pub fn append(file: &mut Vec<u8>) {
    let checksum = hash(file);
    file.extend(MAGIC);
    file.extend(checksum.to_be_bytes());
}

/// Returns whether the file ends with a checksum, which may be wrong.
///
/// It tells files with a checksum from files of releases that did not append one.
#[must_use]
pub fn is_present(file: &[u8]) -> bool {
    split(file).is_some()
}

/// Compares the checksum at the end of `file`, and returns the bytes before it.
///
/// # Errors
/// Returns an error if the checksum is missing or differs.
pub fn verify(file: &[u8]) -> Result<&[u8], LoadError> {
    let Some((contents, expected)) = split(file) else {
        let error = LoadError::malformed("a checksum at the end", "none");
        return Err(error.or_advice("the file is truncated, or was saved without a checksum"));
    };
    let found = hash(contents);
    if found != expected {
        let error = LoadError::malformed(format!("the checksum {expected:08x}"), format!("{found:08x}"));
        return Err(error.or_advice("the file is damaged: use another copy"));
    }
    Ok(contents)
}

/// Returns the contents of a file or of its end, without a checksum.
pub(crate) fn contents(file: &[u8]) -> &[u8] {
    split(file).map_or(file, |(contents, _)| contents)
}

/// Returns the contents of a file and their checksum, if the file ends with one.
fn split(file: &[u8]) -> Option<(&[u8], u32)> {
    let (contents, trailer) = file.split_last_chunk::<SIZE>()?;
    let (checksum, magic) = trailer.split_last_chunk::<4>().map(|(magic, checksum)| (checksum, magic))?;
    (magic == MAGIC).then(|| (contents, u32::from_be_bytes(*checksum)))
}

/// The checksum at the end of a file, and the checksum of its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileChecksum {
    /// The checksum at the end of the file.
    pub expected: u32,
    /// The checksum of the bytes before the trailer.
    pub found: u32,
}

impl FileChecksum {
    /// The size of the trailer in bytes.
    pub const SIZE: u64 = SIZE as u64;

    /// Reads the `length` bytes of a file in blocks, and returns its trailer; `None` if it has no checksum.
    ///
    /// # Errors
    /// Returns an error if the file has fewer bytes, or cannot be read.
    pub fn read(file: &mut Reader<'_>, length: u64) -> Result<Option<Self>, LoadError> {
        let Some(contents) = length.checked_sub(Self::SIZE) else { return Ok(None) };
        let mut hasher = Hasher::new();
        let mut rest = contents;
        while rest > 0 {
            let block = usize::try_from(rest).unwrap_or(usize::MAX).min(BLOCK);
            hasher.update(file.take(block)?);
            rest -= block as u64;
        }
        let trailer = split(file.take(SIZE)?);
        Ok(trailer.map(|(_, expected)| Self { expected, found: hasher.finalize() }))
    }

    /// Returns whether the checksum matches the contents.
    #[must_use]
    pub const fn is_right(self) -> bool {
        self.expected == self.found
    }
}

/// The number of bytes that are read at once.
const BLOCK: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn with_checksum(contents: &[u8]) -> Vec<u8> {
        let mut file = contents.to_vec();
        append(&mut file);
        file
    }

    #[test]
    fn checksum_equals_the_catalogs() {
        // The check value of CRC-32 in its catalogs.
        assert_eq!(hash(b"123456789"), 0xcbf4_3926);
        assert_eq!(with_checksum(b"123456789"), *b"123456789vmcrc32\0\xcb\xf4\x39\x26");
        assert_eq!(hash(&[]), 0);
    }

    #[test]
    fn verify_returns_the_contents() {
        for contents in [&b""[..], b"state", &[0; 5000], &with_checksum(b"twice")] {
            assert_eq!(verify(&with_checksum(contents)).unwrap(), contents);
        }
    }

    #[test]
    fn trailer_is_read_in_blocks() {
        let read = |file: &[u8]| FileChecksum::read(&mut Reader::from_slice(file), file.len() as u64).unwrap();
        let mut file = with_checksum(&[7; 2 * BLOCK + 1]);
        let trailer = read(&file).unwrap();
        assert!(trailer.is_right(), "{trailer:?}");
        file[BLOCK] ^= 1;
        let changed = read(&file).unwrap();
        assert_eq!((changed.expected, changed.is_right()), (trailer.expected, false));
        for file in [&b""[..], b"state", &[0; 5000]] {
            assert_eq!(read(file), None);
        }
    }

    #[test]
    fn every_changed_bit_is_detected() {
        let file = with_checksum(b"QEVM and a state");
        for bit in 0..file.len() * 8 {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&changed).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_truncation_is_detected() {
        let file = with_checksum(b"QEVM and a state");
        for length in 0..file.len() {
            assert!(!is_present(&file[..length]), "{length} bytes");
            let error = verify(&file[..length]).unwrap_err();
            assert_eq!((error.expected(), error.found()), ("a checksum at the end", "none"));
        }
    }
}
