//! The search for the end of a payload whose device is unknown.
//!
//! Payloads have no length: only the device can tell where its payload ends. Without the device there are two clues. The
//! stream's description contains sizes, and each payload is followed by a footer with the section's id and then by
//! another item. Tools and rules for unknown sections use this search; loading known devices does not.

use vmstate_types::{LoadError, Reader};

use super::tag;

/// The size of a footer: its tag and the section id.
const FOOTER: usize = 5;
/// Upper bound on the payload of an unknown section, which is buffered until its end is found. The devices
/// of QEMU have at most a few MiB, and the memory of a network card or a graphics card is sent as guest memory.
const MAX_PAYLOAD: usize = 64 << 20;
/// The number of plausible section ids, which QEMU counts from 0, and this library in snapshots from 2^30.
const SECTION_IDS: u32 = 1 << 20;
/// The bit of the ids in snapshots.
const HIGH: u32 = super::HIGH_SECTION_IDS;
/// Upper bound on plausible versions. The highest one in any QEMU is below 100.
const MAX_VERSION: u32 = 1 << 16;
/// Upper bound on plausible commands, with room for new ones (`enum qemu_vm_cmd`).
const MAX_COMMAND: u16 = 32;

/// The result of a check whether a section can end at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A section can end there.
    Plausible,
    /// A section cannot end there.
    Impossible,
    /// More bytes are needed to decide.
    More,
}

/// The result of a search for the end of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// The length of the payload.
    Payload(usize),
    /// A lower bound on the length of the payload. More bytes are needed to decide.
    More(usize),
    /// The section does not end in these bytes.
    Absent,
}

/// Returns the offset at which the payload of this section, which comes next, ends, or `None` if no footer is found.
///
/// The `described` size is tried first, and is right if a footer follows. Otherwise the payload ends at the first footer
/// that is followed by another item. A payload of more than 64 MiB is not searched to its end.
///
/// # Errors
/// Returns an error if the source of the stream fails.
pub fn find_end(reader: &mut Reader<'_>, section_id: u32, described: Option<u64>) -> Result<Option<u64>, LoadError> {
    let start = reader.offset();
    if let Some(size) = described
        && has_footer_after(reader, section_id, size)?
    {
        return Ok(start.checked_add(size));
    }
    let (mut from, mut complete) = (0, false);
    loop {
        match search(reader.buffered(), section_id, from, complete) {
            Search::Payload(size) => return Ok(start.checked_add(size as u64)),
            Search::More(passed) if passed <= MAX_PAYLOAD => from = passed,
            Search::More(_) | Search::Absent => return Ok(None),
        }
        // A source that waits for an answer at the end of its stream sends nothing more, so only one byte is waited for.
        complete = !reader.read_ahead()?;
    }
}

fn has_footer_after(reader: &mut Reader<'_>, section_id: u32, size: u64) -> Result<bool, LoadError> {
    let Some(end) = usize::try_from(size).ok().and_then(|size| size.checked_add(FOOTER)) else { return Ok(false) };
    let bytes = reader.peek(end)?;
    Ok(bytes.len() == end && bytes.ends_with(&footer(section_id)))
}

fn footer(section_id: u32) -> [u8; FOOTER] {
    let [a, b, c, d] = section_id.to_be_bytes();
    [tag::FOOTER, a, b, c, d]
}

/// Searches for the end of the payload with which `bytes` begin, from index `from` on.
///
/// `complete` means that the stream ends with `bytes`.
#[must_use]
pub fn search(bytes: &[u8], section_id: u32, from: usize, complete: bool) -> Search {
    let footer = footer(section_id);
    let mut place = from;
    while let Some(rest) = bytes.get(place..)
        && let Some(skipped) = rest.iter().position(|&byte| byte == tag::FOOTER)
    {
        place += skipped;
        let candidate = bytes.get(place..).unwrap_or_default();
        let verdict = match candidate.strip_prefix(&footer) {
            Some(after) => follows_a_section(after, complete),
            None if footer.starts_with(candidate) && !complete => Verdict::More,
            None => Verdict::Impossible,
        };
        match verdict {
            Verdict::Plausible => return Search::Payload(place),
            Verdict::More => return Search::More(place),
            Verdict::Impossible => place += 1,
        }
    }
    if complete { Search::Absent } else { Search::More(bytes.len()) }
}

/// Checks whether `bytes` can follow the footer of a section. `complete` means that the stream ends with them.
#[must_use]
pub fn follows_a_section(bytes: &[u8], complete: bool) -> Verdict {
    let mut reader = Reader::from_slice(bytes);
    match next_item(&mut reader) {
        Ok(true) => Verdict::Plausible,
        Ok(false) => Verdict::Impossible,
        Err(_) if !complete => Verdict::More,
        // The stream was cut between two sections.
        Err(_) if bytes.is_empty() => Verdict::Plausible,
        Err(_) => match bytes {
            [tag::EOF] => Verdict::Plausible,
            _ => Verdict::Impossible,
        },
    }
}

/// Returns whether an item begins that can follow a section, or an error if more bytes are needed to decide.
fn next_item(reader: &mut Reader<'_>) -> Result<bool, LoadError> {
    match reader.u8()? {
        tag::EOF => match reader.u8()? {
            tag::DESCRIPTION => Ok(reader.u32()? > 0 && reader.u8()? == b'{'),
            // The end mark of a package, after which the outer stream continues.
            tag => section_or_command(tag, reader),
        },
        tag => section_or_command(tag, reader),
    }
}

fn section_or_command(tag: u8, reader: &mut Reader<'_>) -> Result<bool, LoadError> {
    Ok(match tag {
        tag::SECTION_START | tag::SECTION_FULL => is_section_id(reader.u32()?) && named_section(reader)?,
        tag::SECTION_PART | tag::SECTION_END => is_section_id(reader.u32()?),
        tag::COMMAND => (1..MAX_COMMAND).contains(&reader.u16()?),
        _ => false,
    })
}

fn is_section_id(id: u32) -> bool {
    id & !HIGH < SECTION_IDS
}

fn named_section(reader: &mut Reader<'_>) -> Result<bool, LoadError> {
    let length = usize::from(reader.u8()?);
    if length == 0 || !reader.take(length)?.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        return Ok(false);
    }
    reader.u32()?;
    Ok(reader.u32()? < MAX_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &[u8] = b"\x04\0\0\0\x09\x05timer\0\0\0\0\0\0\0\x02";

    #[test]
    fn items_after_a_section_are_plausible() {
        for (bytes, complete, verdict) in [
            (FULL, false, Verdict::Plausible),
            (&FULL[..FULL.len() - 1], false, Verdict::More),
            (&FULL[..FULL.len() - 1], true, Verdict::Impossible),
            (b"\x01\xff\0\0\x09", false, Verdict::Impossible),
            (b"\x04\x40\0\0\x09\x01t\0\0\0\0\0\0\0\x01", false, Verdict::Plausible),
            (b"\x04\x20\0\0\x09\x01t\0\0\0\0\0\0\0\x01", false, Verdict::Impossible),
            (b"\x04\0\0\0\x09\0", false, Verdict::Impossible),
            (b"\x04\0\0\0\x09\x02\x01\x02", false, Verdict::Impossible),
            (b"\x04\0\0\0\x09\x01t\0\0\0\0\0\0\xff\xff", false, Verdict::Plausible),
            (b"\x04\0\0\0\x09\x01t\0\0\0\0\0\x01\0\0", false, Verdict::Impossible),
            (b"\x03\0\0\0\x02", false, Verdict::Plausible),
            (b"\x03\0\x0f\xff\xff", false, Verdict::Plausible),
            (b"\x03\0\x10\0\0", false, Verdict::Impossible),
            (b"\x08\0\x03\0\0", false, Verdict::Plausible),
            (b"\x08\0\0\0\0", false, Verdict::Impossible),
            (b"\0\x06\0\0\0\x02{}", true, Verdict::Plausible),
            (b"\0\x06\0\0\0\x02[]", true, Verdict::Impossible),
            (b"\0\x06\0\0\0\0{}", true, Verdict::Impossible),
            (b"\0\x07", false, Verdict::Impossible),
            (b"\0\x08\0\x03", false, Verdict::Plausible),
            (b"\0\0", true, Verdict::Impossible),
            (b"\0", true, Verdict::Plausible),
            (b"\0", false, Verdict::More),
            (b"", true, Verdict::Plausible),
            (b"", false, Verdict::More),
            (b"\x7e", false, Verdict::Impossible),
        ] {
            assert_eq!(follows_a_section(bytes, complete), verdict, "{bytes:?} {complete}");
        }
    }

    #[test]
    fn footers_within_the_payload_are_skipped() {
        let mut bytes = b"ab\x7e\0\0\0\x07\xffcd\x7e\x7e\0\0\0\x07".to_vec();
        let size = bytes.len() - FOOTER;
        bytes.extend_from_slice(FULL);
        assert_eq!(search(&bytes, 7, 0, false), Search::Payload(size));
        assert_eq!(search(&bytes, 8, 0, true), Search::Absent);
        assert_eq!(search(&bytes[..size + 3], 7, 0, false), Search::More(size));
        assert_eq!(search(&bytes[..size + FOOTER + 2], 7, 0, false), Search::More(size));
    }

    #[test]
    fn described_size_is_tried_first() {
        let bytes = [b"ab\x7e\0\0\0\x07", FULL, b"\x7e\0\0\0\x07\0"].concat();
        let end = |described| find_end(&mut Reader::from_slice_at(&bytes, 100), 7, described).unwrap();
        let outer = 2 + FOOTER + FULL.len();
        assert_eq!(end(Some(outer as u64)), Some(100 + outer as u64));
        assert_eq!(end(Some(5)), Some(102));
        assert_eq!(end(Some(u64::MAX)), Some(102));
        assert_eq!(end(None), Some(102));
        assert_eq!(find_end(&mut Reader::from_slice(&bytes), 9, None).unwrap(), None);
    }

    #[test]
    fn large_payloads_are_searched_in_parts() {
        const SIZE: usize = 300_003;
        let bytes = [&[0x7e; SIZE][..], b"\x7e\0\0\0\x07", FULL].concat();
        let mut reader = Reader::from_read(&bytes[..]);
        assert_eq!(find_end(&mut reader, 7, None).unwrap(), Some(SIZE as u64));
    }

    /// A source that fails where a connection would wait forever.
    struct Waiting<'b>(&'b [u8]);

    impl std::io::Read for Waiting<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(std::io::ErrorKind::TimedOut.into()),
                count => Ok(count),
            }
        }
    }

    #[test]
    fn no_more_bytes_are_awaited_than_needed() {
        for size in [0, 100, 511, 512, 3000, 40_000, 200_000] {
            let bytes = [&vec![1; size][..], b"\x7e\0\0\0\x07", b"\0\x06\0\0\0\x02{}"].concat();
            let mut reader = Reader::from_read(Waiting(&bytes));
            assert_eq!(find_end(&mut reader, 7, None).unwrap(), Some(size as u64));
        }
    }

    #[test]
    fn endless_payload_is_not_buffered() {
        let mut reader = Reader::from_read(std::io::repeat(1));
        assert_eq!(find_end(&mut reader, 7, None).unwrap(), None);
        assert!(reader.buffered().len() <= 2 * MAX_PAYLOAD, "{}", reader.buffered().len());
    }
}
