//! The list of descriptors that precedes a migration in the mode `cpr-transfer`.
//!
//! Each entry ends with a byte that carries the descriptor as ancillary data (`SCM_RIGHTS`). The sender ends its direction
//! after the list.
//! (QEMU: `CprState` in `migration/cpr.c`.)

use vmstate_types::{LoadError, Reader, Writer};

/// The beginning of the list (`QEMU_CPR_FILE_MAGIC`).
const MAGIC: [u8; 4] = *b"QCPR";
/// The version (`QEMU_CPR_FILE_VERSION`).
const VERSION: u32 = 1;
/// The byte that carries a descriptor.
pub(super) const CARRIER: u8 = 0x20;
/// The byte before an entry.
const ENTRY: u8 = 1;
/// The byte after the last entry.
const END: u8 = 0;
/// The first byte of a subsection.
const SUBSECTION: u8 = 5;
/// The subsection of QEMU 11.1. The devices of a list that is empty need no descriptor.
const VFIO_DEVICES: &str = "CprState/vfio devices";
/// The most entries, and the longest name. The largest machines have a few hundred blocks, whose names have 255 bytes.
pub(super) const MAX_ENTRIES: usize = 4096;
const MAX_NAME: u32 = 1024;

/// Writes the beginning of the list.
pub(super) fn begin(out: &mut Writer) {
    out.bytes(&MAGIC);
    out.u32(VERSION);
}

/// Writes an entry, except for the byte that carries the descriptor.
pub(super) fn entry(out: &mut Writer, name: &str) {
    out.u8(ENTRY);
    out.u32(u32::try_from(name.len() + 1).unwrap_or(u32::MAX));
    out.bytes(name.as_bytes());
    out.u8(0);
    // QEMU numbers descriptors of the same name. Blocks have different names.
    out.u32(0);
}

/// Writes the end of the list.
pub(super) fn end(out: &mut Writer) {
    out.u8(END);
}

/// Returns the names and numbers of a complete list, in the order of their descriptors.
pub(super) fn parse(list: &[u8]) -> Result<Vec<(String, u32)>, LoadError> {
    let mut reader = Reader::from_slice(list);
    let mut entries = Vec::new();
    let magic = reader.take(4)?;
    if magic != MAGIC {
        return Err(LoadError::malformed("a list of descriptors (`QCPR`)", format!("{magic:02x?}"))
            .or_advice("connect the channel `cpr` here, and the channel `main` to the address of the stream"));
    }
    let version = reader.u32()?;
    if version != VERSION {
        return Err(LoadError::incompatible(format!("version {VERSION} of the list"), version.to_string()));
    }
    loop {
        let start = reader.offset();
        match reader.u8()? {
            ENTRY if entries.len() < MAX_ENTRIES => entries.push(parse_entry(&mut reader)?),
            ENTRY => {
                return Err(LoadError::malformed(format!("at most {MAX_ENTRIES} entries"), "more").at_offset(start));
            }
            END => break,
            other => {
                return Err(LoadError::malformed("an entry (1) or the end (0)", other.to_string()).at_offset(start));
            }
        }
    }
    match reader.offset() == list.len() as u64 {
        true => Ok(entries),
        false => parse_devices(&mut reader, list.len()).map(|()| entries),
    }
}

fn parse_entry(reader: &mut Reader<'_>) -> Result<(String, u32), LoadError> {
    let start = reader.offset();
    let length = reader.u32()?;
    let expected = || format!("a name of 1 to {MAX_NAME} bytes with a final zero");
    if !(1..=MAX_NAME).contains(&length) {
        return Err(LoadError::malformed(expected(), format!("{length} bytes")).at_offset(start));
    }
    let bytes = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    let name = bytes.strip_suffix(&[0]).and_then(|name| std::str::from_utf8(name).ok());
    let name = name.ok_or_else(|| LoadError::malformed(expected(), "other bytes").at_offset(start))?.to_owned();
    let number = reader.u32()?;
    let start = reader.offset();
    match reader.u8()? {
        CARRIER => Ok((name, number)),
        other => Err(LoadError::malformed("the byte of a descriptor (0x20)", format!("{other:#x}")).at_offset(start)),
    }
}

/// Reads the subsection with devices that are passed to the destination, which must be none. A QEMU without such devices, for
/// example for RISC-V, does not even write the end of their list.
fn parse_devices(reader: &mut Reader<'_>, length: usize) -> Result<(), LoadError> {
    let start = reader.offset();
    let known = reader.u8()? == SUBSECTION && reader.counted_str()? == VFIO_DEVICES && reader.u32()? == 1;
    let is_end = |reader: &Reader<'_>| reader.offset() == length as u64;
    match known && (is_end(reader) || (reader.u8()? == END && is_end(reader))) {
        true => Ok(()),
        false => Err(LoadError::incompatible("a list without devices (VFIO)", "another subsection")
            .at_offset(start)
            .or_advice("detach the devices that are passed through to the guest")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list of a QEMU 10.0 with the blocks `m` and `b`, and the subsection of a QEMU 11.1.
    const LIST: &[u8] = b"QCPR\0\0\0\x01\x01\0\0\0\x02b\0\0\0\0\0\x20\x01\0\0\0\x02m\0\0\0\0\0\x20\0";
    const DEVICES: &[u8] = b"\x05\x15CprState/vfio devices\0\0\0\x01\0";

    #[test]
    fn list_equals_qemus() {
        let mut out = Writer::new();
        begin(&mut out);
        for name in ["b", "m"] {
            entry(&mut out, name);
            out.u8(CARRIER);
        }
        end(&mut out);
        assert_eq!(out.pending(), LIST);
        let expected = [("b".to_owned(), 0), ("m".to_owned(), 0)];
        assert_eq!(parse(LIST).unwrap(), expected);
        let with_devices = [LIST, DEVICES].concat();
        for list in [&with_devices[..], with_devices.strip_suffix(&[0]).unwrap()] {
            assert_eq!(parse(list).unwrap(), expected);
        }
    }

    #[test]
    fn malformed_lists_are_rejected() {
        for end in 0..LIST.len() {
            parse(&LIST[..end]).unwrap_err();
        }
        let changed = |at: usize, byte: u8| {
            let mut list = [LIST, DEVICES].concat();
            list[at] = byte;
            parse(&list).unwrap_err().to_string()
        };
        for (at, byte, expected) in [
            (0, b'X', "a list of descriptors"),
            (7, 2, "version 1"),
            (8, 2, "an entry (1) or the end (0)"),
            (12, 0, "a name of 1 to 1024 bytes"),
            (10, 1, "a name of 1 to 1024 bytes"),
            (14, b'x', "a name of 1 to 1024 bytes"),
            (19, 0x21, "the byte of a descriptor"),
            (LIST.len(), 6, "a list without devices"),
            (LIST.len() + DEVICES.len() - 1, 1, "a list without devices"),
        ] {
            let error = changed(at, byte);
            assert!(error.contains(expected), "{at}: {error}");
        }
        let many = [&LIST[..8], &LIST[8..20].repeat(MAX_ENTRIES + 1), &[0]].concat();
        assert!(parse(&many).unwrap_err().to_string().contains("at most 4096 entries"));
        let most = [&LIST[..8], &LIST[8..20].repeat(MAX_ENTRIES), &[0]].concat();
        assert_eq!(parse(&most).unwrap().len(), MAX_ENTRIES);
    }
}
