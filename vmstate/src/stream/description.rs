//! The JSON description after the end of a stream, as text.

use vmstate_types::LoadError;

use super::decode::{Cursor, Stop};
use super::tag;

/// Parses the description; `None` at the end of the bytes.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<String>, Stop> {
    let start = cursor.offset();
    match cursor.peek()? {
        None => return Ok(None),
        Some(tag::DESCRIPTION) => cursor.u8()?,
        Some(found) => return Err(not_a_description(found).at_offset(start).into()),
    };
    let length = cursor.u32()?;
    let start = cursor.offset();
    let text = cursor.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    match std::str::from_utf8(text) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(error) => {
            let offset = start + error.valid_up_to() as u64;
            Err(LoadError::malformed("text in UTF-8", "other bytes").at_offset(offset).into())
        }
    }
}

fn not_a_description(found: u8) -> LoadError {
    LoadError::malformed(format!("{:#04x}, or the end of the stream", tag::DESCRIPTION), format!("{found:#04x}"))
        .with_qemu_message(format!("Expected vmdescription section, but got {found}"))
}
