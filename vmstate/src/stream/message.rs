//! Messages with a 16-bit number, a 16-bit length and data: commands and return-path messages.

use vmstate_types::{LoadError, Reader};

use super::decode::not_utf8;
use super::wire_enum::alternatives;

/// The length of a message's data.
#[derive(Clone, Copy)]
pub(super) enum DataLength {
    /// One of these lengths.
    Exactly(&'static [u16]),
    /// Any length: the data contain a name or a list.
    Any,
}

impl DataLength {
    /// Checks the length that the message `name` has on the wire.
    ///
    /// # Errors
    /// Returns an error if messages of this kind never have that length.
    pub(super) fn check(self, name: &str, found: u16) -> Result<(), LoadError> {
        match self {
            Self::Exactly(lengths) if !lengths.contains(&found) => {
                Err(LoadError::malformed(format!("{} bytes of data for `{name}`", alternatives(lengths)), found))
            }
            _ => Ok(()),
        }
    }

    /// Returns the length that QEMU's errors mention, the smallest one.
    pub(super) fn smallest(self) -> u16 {
        match self {
            Self::Exactly([first, ..]) => *first,
            Self::Exactly([]) | Self::Any => 0,
        }
    }
}

/// The first number of this library's extensions.
const EXTENSIONS: u16 = 0x7600;

/// Returns `a command between 1 and 11`, of the ascending `numbers` of all messages. Extensions are left out.
pub(super) fn known_range(what: &str, numbers: &[u16]) -> String {
    let end = numbers.partition_point(|number| *number < EXTENSIONS);
    match numbers.split_at(end).0 {
        [first, .., last] => format!("{what} between {first} and {last}"),
        _ => what.to_owned(),
    }
}

/// The maximum length of a reason: with a state it fits into the 512 bytes of a return-path message.
const MAX_REASON: usize = 500;

/// Decodes the reason at the end of a message's data.
pub(super) fn decode_reason(data: &mut Reader<'_>) -> Result<String, LoadError> {
    let (start, length) = (data.offset(), data.buffered().len());
    if length > MAX_REASON {
        return Err(LoadError::malformed(format!("a reason of at most {MAX_REASON} bytes"), length).at_offset(start));
    }
    let bytes = data.take(length)?;
    let text = std::str::from_utf8(bytes).map_err(|_| not_utf8("a reason", bytes).at_offset(start))?;
    Ok(text.to_owned())
}

/// Returns as much of a reason as fits into a message.
pub(super) fn short_reason(reason: &str) -> &str {
    let end = (0..=MAX_REASON.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end));
    reason.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// Decodes all the data of the message `name`, the first byte of which is at `offset` of the stream.
///
/// # Errors
/// Returns the error of `decode`, or an error if the data are longer or shorter than their content.
pub(super) fn decode_data<T>(
    name: &'static str,
    data: &[u8],
    offset: u64,
    decode: impl FnOnce(&mut Reader<'_>) -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    let mut reader = Reader::from_slice_at(data, offset);
    let message = decode(&mut reader).map_err(|error| too_short(error, data.len()).in_field(name))?;
    if reader.buffered().is_empty() {
        return Ok(message);
    }
    Err(LoadError::malformed("the end of the data", "more data").at_offset(reader.offset()).in_field(name))
}

/// Turns the end of the data into an error about the data: the stream itself goes on.
fn too_short(error: LoadError, length: usize) -> LoadError {
    match (error.is_truncated(), error.offset()) {
        (true, Some(offset)) => {
            let expected = format!("{} more of the data", error.expected());
            LoadError::malformed(expected, format!("the end of its {length} bytes")).at_offset(offset)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_leave_extensions_out() {
        assert_eq!(known_range("a command", &[1, 5, EXTENSIONS - 1]), "a command between 1 and 30207");
        assert_eq!(known_range("a command", &[1, 5, EXTENSIONS, 0x7601]), "a command between 1 and 5");
        assert_eq!(known_range("a command", &[EXTENSIONS]), "a command");
    }
}
