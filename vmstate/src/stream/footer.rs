//! The end of a section: the footer, if the stream has footers.

use vmstate_types::LoadError;

use super::decode::{Cursor, Stop};
use super::{SectionHeader, SectionKind, tag};

/// The bytes of a footer: its tag and the section id.
const FOOTER_SIZE: usize = 5;

/// Parses the footer of `section` (`check_section_footer` in QEMU's `migration/savevm.c`).
#[inline]
pub(super) fn parse(cursor: &mut Cursor<'_>, section: &SectionHeader) -> Result<(), Stop> {
    let start = cursor.offset();
    match cursor.peek()? {
        Some(tag::FOOTER) => cursor.u8()?,
        Some(other) => return Err(missing(section, other).at_offset(start).into()),
        None => return Err(LoadError::truncated(start, FOOTER_SIZE, 0).into()),
    };
    match cursor.u32()? {
        found if found == section.section_id => Ok(()),
        found => Err(mismatched(section, found).at_offset(start + 1).into()),
    }
}

/// Returns whether a stream has footers, from the byte after its first section; `None` if neither form of stream can
/// have that byte there.
///
/// The stream itself does not specify it. A source that sends a configuration also sends footers, unless
/// `send-section-footer` is off: QEMU 2.4 introduced both. So a stream with a configuration does not end after a section
/// without a footer; the section was misread.
pub(super) fn detect(next: Option<u8>, has_configuration: bool) -> Option<bool> {
    match next {
        Some(tag::FOOTER) => Some(true),
        Some(tag::EOF) if has_configuration => None,
        Some(tag::EOF | tag::COMMAND) => Some(false),
        Some(other) if SectionKind::from_tag(other).is_some() => Some(false),
        _ => None,
    }
}

fn missing(section: &SectionHeader, found: u8) -> LoadError {
    let expected = format!("the footer {:#04x} of section {}", tag::FOOTER, section.section_id);
    LoadError::malformed(expected, format!("{found:#04x}"))
        .or_advice("the payload was not read to its end, or beyond: source and destination disagree on its layout")
        .with_qemu_message(format!("Missing section footer for {}", section.name))
}

fn mismatched(section: &SectionHeader, found: u32) -> LoadError {
    let SectionHeader { section_id, name, .. } = section;
    LoadError::malformed(format!("section id {section_id} in the footer"), format!("section id {found}"))
        .with_qemu_message(format!(
            "Mismatched section id in footer for {name} - read 0x{found:x} expected 0x{section_id:x}"
        ))
}
