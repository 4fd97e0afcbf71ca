//! Parses values of edits into bytes.

use super::super::{DecodedValue, Scalar, ScalarKind, Scalars};
use super::Rejection;

/// Returns the bytes of the value `text`, of the given kind.
pub(super) fn scalar(kind: ScalarKind, text: &str) -> Result<Vec<u8>, Rejection> {
    let bits = match kind {
        ScalarKind::Bool => flag(text)?,
        ScalarKind::Double => text.parse().map(f64::to_bits).map_err(|_| Rejection::because("a float", text))?,
        ScalarKind::Timer => timer(text)?,
        ScalarKind::Marker => {
            return Err(Rejection::because("a value", "the marker of a pointer"));
        }
        _ => integer(kind, text)?,
    };
    let mut bytes = Vec::new();
    Scalar::new(kind, bits).with_bytes(|own| bytes.extend_from_slice(own));
    Ok(bytes)
}

fn flag(text: &str) -> Result<u64, Rejection> {
    match text {
        "true" | "1" => Ok(1),
        "false" | "0" => Ok(0),
        _ => Err(Rejection::because("`true` or `false`", text)),
    }
}

/// Parses nanoseconds, or `disarmed`: QEMU writes -1 for a timer that is not pending (`timer_put` in
/// migration/savevm.c).
fn timer(text: &str) -> Result<u64, Rejection> {
    match text {
        "disarmed" => Ok(u64::MAX),
        _ => integer(ScalarKind::Uint64, text.strip_suffix(" ns").unwrap_or(text)),
    }
}

/// Returns the bits of an integer in the range of `kind`.
fn integer(kind: ScalarKind, text: &str) -> Result<u64, Rejection> {
    let width = 8 * kind.width();
    let (least, greatest) = if kind.is_signed() {
        (-(1_i128 << (width - 1)), (1_i128 << (width - 1)) - 1)
    } else {
        (0, (1_i128 << width) - 1)
    };
    let value = parse(text).filter(|value| (least..=greatest).contains(value));
    let value = value.ok_or_else(|| Rejection::because(format!("an integer from {least} to {greatest}"), text))?;
    // The low bits of an i128 are the value's two's complement.
    Ok(u64::try_from(value & i128::from(u64::MAX)).unwrap_or_default())
}

fn parse(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let plain = digits.starts_with(|first: char| first.is_ascii_hexdigit());
    let value = match digits.strip_prefix("0x") {
        Some(hex) if hex.starts_with(|first: char| first.is_ascii_hexdigit()) => i128::from_str_radix(hex, 16).ok()?,
        Some(_) => return None,
        None if plain => digits.parse().ok()?,
        None => return None,
    };
    Some(sign * value)
}

/// Returns the bytes of the value `text`, which replaces `old`.
pub(super) fn whole(old: &DecodedValue, text: &str) -> Result<Vec<u8>, Rejection> {
    match old {
        DecodedValue::Scalar(value) => scalar(value.kind, text),
        DecodedValue::Scalars(values) => array(values, text),
        DecodedValue::Bytes(old) => bytes(text, old.len()),
        DecodedValue::ByteArray(old) => {
            let length = u32::try_from(old.len()).unwrap_or(u32::MAX);
            Ok([length.to_be_bytes().as_slice(), &bytes(text, old.len())?].concat())
        }
        DecodedValue::Capability(old) => {
            let length = u8::try_from(old.len()).unwrap_or(u8::MAX);
            Ok([[length].as_slice(), &bytes(text, old.len())?].concat())
        }
        DecodedValue::Bitmap(words) => elements(text, words.len(), |text| scalar(ScalarKind::Uint64, text)),
        DecodedValue::Struct(_) | DecodedValue::List(_) | DecodedValue::Tree(_) | DecodedValue::Array(_) => {
            Err(Rejection::because("one value, or an array of them", "a struct, or several")
                .or_advice("set its fields one by one"))
        }
    }
}

fn array(values: &Scalars, text: &str) -> Result<Vec<u8>, Rejection> {
    elements(text, values.len(), |text| scalar(values.kind(), text))
}

/// Parses `[1, 2, 3]` with `count` elements.
fn elements(
    text: &str,
    count: usize,
    element: impl Fn(&str) -> Result<Vec<u8>, Rejection>,
) -> Result<Vec<u8>, Rejection> {
    let inner = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.ok_or_else(|| Rejection::because(format!("{count} elements, as `[1, 2, ...]`"), text))?;
    let elements = inner.split(',').map(|text| element(text.trim())).collect::<Result<Vec<_>, _>>()?;
    if elements.len() != count {
        let expected = format!("{count} elements: the length of an array cannot change");
        return Err(Rejection::because(expected, elements.len()));
    }
    Ok(elements.concat())
}

/// Parses `length` bytes: `hex:00ff`, `"text"`, which is padded with zeros, or a number if an integer has this length.
pub(super) fn bytes(text: &str, length: usize) -> Result<Vec<u8>, Rejection> {
    if let Some(number) = number(text, length) {
        return Ok(number);
    }
    let mut bytes = literal(text)?;
    if text.starts_with('"') && bytes.len() < length {
        bytes.resize(length, 0);
    }
    if bytes.len() != length {
        let expected = format!("{length} bytes: the length of a buffer cannot change");
        return Err(Rejection::because(expected, bytes.len()));
    }
    Ok(bytes)
}

/// Parses an unsigned number of `length` bytes.
fn number(text: &str, length: usize) -> Option<Vec<u8>> {
    let kind = match length {
        1 => ScalarKind::Uint8,
        2 => ScalarKind::Uint16,
        4 => ScalarKind::Uint32,
        8 => ScalarKind::Uint64,
        _ => return None,
    };
    scalar(kind, text).ok()
}

/// Parses `hex:00 ff` or `"text"`.
pub(super) fn literal(text: &str) -> Result<Vec<u8>, Rejection> {
    let rejection = || Rejection::because("bytes, as `hex:00ff` or as text in quotes", text);
    if let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Ok(quoted.as_bytes().to_vec());
    }
    let digits = text.strip_prefix("hex:").ok_or_else(rejection)?.replace([' ', '_'], "");
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(rejection());
    }
    let pair = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..digits.len()).step_by(2).map(|at| pair(at).ok_or_else(rejection)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_out_of_range_is_rejected() {
        for (kind, text, bytes) in [
            (ScalarKind::Uint8, "255", vec![0xff]),
            (ScalarKind::Uint8, "0xff", vec![0xff]),
            (ScalarKind::Int8, "-128", vec![0x80]),
            (ScalarKind::Int16, "-0x1", vec![0xff, 0xff]),
            (ScalarKind::Uint64, "0xffffffffffffffff", vec![0xff; 8]),
            (ScalarKind::Int64, "-9223372036854775808", vec![0x80, 0, 0, 0, 0, 0, 0, 0]),
            (ScalarKind::Bool, "true", vec![1]),
            (ScalarKind::Timer, "disarmed", vec![0xff; 8]),
            (ScalarKind::Timer, "7 ns", vec![0, 0, 0, 0, 0, 0, 0, 7]),
            (ScalarKind::Double, "-0.5", vec![0xbf, 0xe0, 0, 0, 0, 0, 0, 0]),
        ] {
            assert_eq!(scalar(kind, text).unwrap(), bytes, "{text}");
        }
        for (kind, text) in [
            (ScalarKind::Uint8, "256"),
            (ScalarKind::Uint8, "-1"),
            (ScalarKind::Int8, "128"),
            (ScalarKind::Uint64, "0x10000000000000000"),
            (ScalarKind::Uint32, ""),
            (ScalarKind::Uint32, "0x"),
            (ScalarKind::Uint32, "0x-1"),
            (ScalarKind::Uint32, "--1"),
            (ScalarKind::Uint32, "+1"),
            (ScalarKind::Uint32, "1e3"),
            (ScalarKind::Bool, "2"),
            (ScalarKind::Timer, "-1"),
            (ScalarKind::Marker, "0x30"),
        ] {
            assert!(scalar(kind, text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_keep_their_number() {
        assert_eq!(bytes("\"ab\"", 4).unwrap(), b"ab\0\0");
        assert_eq!(bytes("hex:00 ff", 2).unwrap(), [0, 0xff]);
        assert_eq!(bytes("0x1ff", 2).unwrap(), [1, 0xff]);
        assert!(bytes("0x1ff", 1).is_err() && bytes("0", 3).is_err());
        for (text, length) in [("\"abc\"", 2), ("hex:00", 2), ("hex:0", 1), ("hex:zz", 1), ("hex:+f", 1), ("ab", 2)] {
            assert!(bytes(text, length).is_err(), "{text}");
        }
        let words = DecodedValue::Bitmap(vec![0; 2]);
        assert_eq!(whole(&words, "[1, 0xff]").unwrap(), [[0; 7].as_slice(), &[1], &[0; 7], &[0xff]].concat());
        assert!(whole(&words, "[1]").is_err() && whole(&words, "1, 2").is_err());
    }
}
