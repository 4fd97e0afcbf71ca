//! Where a section's payload ends, found by its footer.
//!
//! Only a device knows how long its payload is. From outside, two things tell: the stream's description, and that each
//! payload is followed by a footer with the section's id and then by something that a stream can have there.

use vmstate_types::{LoadError, Reader};

use super::tag;

/// The bytes of a footer: its tag and the section id.
const FOOTER: usize = 5;
/// Bytes that are looked at first. Sections of live devices come in thousands and are short.
const WINDOW: usize = 512;
/// Section ids are counted from 0. No stream has so many sections.
const MAX_SECTION_ID: u32 = 1 << 20;
/// The highest version of any section of any QEMU is below 100.
const MAX_VERSION: u32 = 1 << 16;
/// Commands are numbered from 1 (`enum qemu_vm_cmd`); there are 11 of them today.
const MAX_COMMAND: u16 = 32;

/// What the bytes after a place say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A section can end there.
    Plausible,
    /// It cannot.
    Impossible,
    /// More bytes are needed to say.
    More,
}

/// What a search for a section's end found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// The payload has so many bytes.
    Payload(usize),
    /// The payload has at least so many bytes; more are needed to say.
    More(usize),
    /// The section does not end in these bytes.
    Absent,
}

/// Finds the end of the payload that comes next, of the section with this id. `None` if no footer is found.
///
/// The `described` size is tried first. It needs only a footer behind it; where there is none, the first footer counts
/// that something plausible follows.
///
/// # Errors
/// When the source of the stream fails.
pub fn find_end(reader: &mut Reader<'_>, section_id: u32, described: Option<u64>) -> Result<Option<u64>, LoadError> {
    let start = reader.offset();
    if let Some(size) = described
        && has_footer_after(reader, section_id, size)?
    {
        return Ok(start.checked_add(size));
    }
    let (mut window, mut from) = (WINDOW, 0);
    loop {
        let bytes = reader.peek(window)?;
        match search(bytes, section_id, from, bytes.len() < window) {
            Search::Payload(size) => return Ok(start.checked_add(size as u64)),
            Search::More(passed) => from = passed,
            Search::Absent => return Ok(None),
        }
        window = window.saturating_mul(4);
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

/// Looks for the end of the payload that `bytes` begin with, of the section with this id, from byte `from` on.
///
/// `complete` says that the stream ends with `bytes`.
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

/// Whether `bytes` can follow the footer of a section. `complete` says that the stream ends with them.
#[must_use]
pub fn follows_a_section(bytes: &[u8], complete: bool) -> Verdict {
    let mut reader = Reader::from_slice(bytes);
    match next_item(&mut reader) {
        Ok(true) => Verdict::Plausible,
        Ok(false) => Verdict::Impossible,
        Err(_) if !complete => Verdict::More,
        // A stream that was cut between two sections.
        Err(_) if bytes.is_empty() => Verdict::Plausible,
        Err(_) => match bytes {
            [tag::EOF] => Verdict::Plausible,
            _ => Verdict::Impossible,
        },
    }
}

/// Whether something begins that can follow a section; an error if the bytes end before that can be said.
fn next_item(reader: &mut Reader<'_>) -> Result<bool, LoadError> {
    match reader.u8()? {
        tag::EOF => match reader.u8()? {
            tag::DESCRIPTION => Ok(reader.u32()? > 0 && reader.u8()? == b'{'),
            // It was the end of a package.
            tag => section_or_command(tag, reader),
        },
        tag => section_or_command(tag, reader),
    }
}

fn section_or_command(tag: u8, reader: &mut Reader<'_>) -> Result<bool, LoadError> {
    Ok(match tag {
        tag::SECTION_START | tag::SECTION_FULL => reader.u32()? < MAX_SECTION_ID && named_section(reader)?,
        tag::SECTION_PART | tag::SECTION_END => reader.u32()? < MAX_SECTION_ID,
        tag::COMMAND => (1..MAX_COMMAND).contains(&reader.u16()?),
        _ => false,
    })
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
    fn what_may_follow_a_section() {
        for (bytes, complete, verdict) in [
            (FULL, false, Verdict::Plausible),
            (&FULL[..FULL.len() - 1], false, Verdict::More),
            (&FULL[..FULL.len() - 1], true, Verdict::Impossible),
            (b"\x01\xff\0\0\x09", false, Verdict::Impossible),
            (b"\x04\0\0\0\x09\0", false, Verdict::Impossible),
            (b"\x04\0\0\0\x09\x02\x01\x02", false, Verdict::Impossible),
            (b"\x03\0\0\0\x02", false, Verdict::Plausible),
            (b"\x08\0\x03\0\0", false, Verdict::Plausible),
            (b"\x08\0\0\0\0", false, Verdict::Impossible),
            (b"\0\x06\0\0\0\x02{}", true, Verdict::Plausible),
            (b"\0\x06\0\0\0\x02[]", true, Verdict::Impossible),
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
    fn footers_inside_of_the_payload_are_passed_over() {
        let mut bytes = b"ab\x7e\0\0\0\x07\xffcd\x7e\x7e\0\0\0\x07".to_vec();
        let size = bytes.len() - FOOTER;
        bytes.extend_from_slice(FULL);
        assert_eq!(search(&bytes, 7, 0, false), Search::Payload(size));
        assert_eq!(search(&bytes, 8, 0, true), Search::Absent);
        assert_eq!(search(&bytes[..size + 3], 7, 0, false), Search::More(size));
        assert_eq!(search(&bytes[..size + FOOTER + 2], 7, 0, false), Search::More(size));
    }

    #[test]
    fn the_described_size_counts_first() {
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
    fn large_payloads_are_searched_in_windows() {
        let bytes = [&[0x7e; 50 * WINDOW + 3][..], b"\x7e\0\0\0\x07", FULL].concat();
        let mut reader = Reader::from_read(&bytes[..]);
        assert_eq!(find_end(&mut reader, 7, None).unwrap(), Some((50 * WINDOW + 3) as u64));
    }
}
