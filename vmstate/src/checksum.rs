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

use vmstate_types::LoadError;

/// The first bytes of the trailer.
const MAGIC: [u8; 8] = *b"vmcrc32\0";
/// The size of the trailer.
const SIZE: usize = MAGIC.len() + size_of::<u32>();

/// Appends the checksum of all bytes in `file`.
pub fn append(file: &mut Vec<u8>) {
    let checksum = crc32(file);
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
    let found = crc32(contents);
    if found != expected {
        let error = LoadError::malformed(format!("the checksum {expected:08x}"), format!("{found:08x}"));
        return Err(error.or_advice("the file is damaged: use another copy"));
    }
    Ok(contents)
}

/// Returns the contents of a file and their checksum, if the file ends with one.
fn split(file: &[u8]) -> Option<(&[u8], u32)> {
    let (contents, trailer) = file.split_last_chunk::<SIZE>()?;
    let (checksum, magic) = trailer.split_last_chunk::<4>().map(|(magic, checksum)| (checksum, magic))?;
    (magic == MAGIC).then(|| (contents, u32::from_be_bytes(*checksum)))
}

/// The CRC-32 of all values of a byte, with the polynomial of Ethernet and zlib, least significant bit first.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u32;
    while byte < 256 {
        let mut remainder = byte;
        let mut bit = 0;
        while bit < 8 {
            remainder = if remainder & 1 == 1 { remainder >> 1 ^ 0xedb8_8320 } else { remainder >> 1 };
            bit += 1;
        }
        // `From` is not available in constants.
        table[byte as usize] = remainder;
        byte += 1;
    }
    table
};

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let [lowest, ..] = crc.to_le_bytes();
        TABLE[usize::from(lowest ^ byte)] ^ crc >> 8
    };
    !bytes.iter().fold(!0, step)
}

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
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(with_checksum(b"123456789"), *b"123456789vmcrc32\0\xcb\xf4\x39\x26");
        assert_eq!(crc32(&[]), 0);
    }

    #[test]
    fn verify_returns_the_contents() {
        for contents in [&b""[..], b"state", &[0; 5000], &with_checksum(b"twice")] {
            assert_eq!(verify(&with_checksum(contents)).unwrap(), contents);
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
