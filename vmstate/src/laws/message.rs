//! Texts of broken laws.

use std::any::Any;
use std::fmt::Write;

use vmstate_types::VmState;

use super::leaves;
use crate::dynamic::DecodedSection;

/// The number of bytes that are shown around a place.
const SHOWN: usize = 16;

pub(super) fn name<T: VmState>() -> &'static str {
    T::DESCRIPTION.name
}

pub(super) fn seed(seed: Option<u64>) -> String {
    seed.map_or_else(String::new, |seed| format!(" (seed {seed})"))
}

/// Describes the first difference of two payloads that should be equal. `section` is the first one, decoded.
pub(super) fn difference(section: &DecodedSection, before: &[u8], after: &[u8]) -> String {
    let place = before.iter().zip(after).position(|(before, after)| before != after);
    let place = place.unwrap_or(before.len().min(after.len()));
    let mut text = format!("\n  first difference at byte {place} of {} of the section", before.len());
    if let Some(field) = field_at(section, place) {
        // Writing to a String cannot fail.
        let _ = write!(text, ", field `{field}`");
    }
    let _ = write!(text, "\n  before  {}\n  after   {}", hex(before, place), hex(after, place));
    text
}

/// Describes the bytes that a device has loaded. `place` is the position of a changed byte.
pub(super) fn input(bytes: &[u8], place: Option<usize>, section: Option<&DecodedSection>) -> String {
    let mut text = String::new();
    if let Some((place, byte)) = place.and_then(|place| Some((place, bytes.get(place)?))) {
        let field = section.and_then(|section| field_at(section, place));
        let field = field.map_or_else(String::new, |field| format!("field `{field}`, "));
        let _ = write!(text, "\n  cause   {field}byte {place} of {} of the section: {byte:#04x}", bytes.len());
    }
    let more = if bytes.len() > 4 * SHOWN { " ..." } else { "" };
    let shown: Vec<_> = bytes.iter().take(4 * SHOWN).map(|byte| format!("{byte:02x}")).collect();
    let _ = write!(text, "\n  loaded  {}{more}", shown.join(" "));
    text
}

/// Returns the text of a panic.
pub(super) fn of_panic(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without text")
}

fn field_at(section: &DecodedSection, place: usize) -> Option<String> {
    leaves::leaves(section).find(|leaf| leaf.bytes.contains(&place)).map(|leaf| leaf.path)
}

/// Formats some bytes from `place` on.
fn hex(bytes: &[u8], place: usize) -> String {
    let shown: Vec<_> = bytes.iter().skip(place).take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    if shown.is_empty() { "the end".to_owned() } else { shown.join(" ") }
}
