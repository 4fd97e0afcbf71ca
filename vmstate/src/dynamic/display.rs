//! Formats values as text.

use std::fmt::{self, Display, Formatter};

use vmstate_types::text::printable;

use super::{DecodedValue, FoundItem, Scalar, ScalarKind, Scalars};

/// The number of shown elements. The others are only counted.
const SHOWN: usize = 16;

impl Display for FoundItem<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(value) => value.fmt(f),
            Self::Struct(inner) => write!(f, "{} (version {})", printable(&inner.vmsd_name), inner.version),
            Self::Value(value) => value.fmt(f),
        }
    }
}

impl Display for DecodedValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(value) => value.fmt(f),
            Self::Scalars(values) => values.fmt(f),
            Self::Bytes(bytes) | Self::ByteArray(bytes) => Bytes(bytes).fmt(f),
            Self::Capability(name) => write!(f, "\"{}\"", name.escape_ascii()),
            Self::Bitmap(words) => bitmap(words, f),
            Self::Struct(inner) => FoundItem::Struct(inner).fmt(f),
            Self::List(elements) => counted(f, elements.len(), "element"),
            Self::Tree(tree) => counted(f, tree.len(), "node"),
            Self::Array(values) => counted(f, values.len(), "element"),
        }
    }
}

/// Formats integers in decimal, and also in hexadecimal if that differs.
impl Display for Scalar {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = self.integer();
        match (self.kind, self.bits) {
            (ScalarKind::Bool, 0) => f.write_str("false"),
            (ScalarKind::Bool, 1) => f.write_str("true"),
            (ScalarKind::Bool, bits) => write!(f, "true ({bits:#04x})"),
            (ScalarKind::Timer, u64::MAX) => f.write_str("disarmed"),
            (ScalarKind::Timer, nanoseconds) => write!(f, "{nanoseconds} ns"),
            (ScalarKind::Double, bits) => write!(f, "{:?} ({bits:#x})", f64::from_bits(bits)),
            (ScalarKind::Marker, 0x30) => f.write_str("NULL"),
            (ScalarKind::Marker, bits) => write!(f, "pointer ({bits:#04x})"),
            (_, bits) if (-9..10).contains(&value) && bits < 10 => write!(f, "{value}"),
            (_, bits) => write!(f, "{value} ({bits:#x})"),
        }
    }
}

impl Display for Scalars {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(first) = self.get(0) else { return f.write_str("[]") };
        if self.len() > 1 && self.iter().all(|value| value == first) {
            return write!(f, "{} x {first}", self.len());
        }
        f.write_str("[")?;
        for (index, value) in self.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            match self.kind() {
                ScalarKind::Bool | ScalarKind::Timer | ScalarKind::Double | ScalarKind::Marker => {
                    write!(f, "{separator}{value}")?;
                }
                _ => write!(f, "{separator}{:#x}", value.bits)?,
            }
        }
        if self.len() > SHOWN {
            return write!(f, ", ...] ({} elements)", self.len());
        }
        f.write_str("]")
    }
}

/// Formats a summary of bytes: as text if all are printable, as one value if all are equal, or the first ones in hex.
struct Bytes<'a>(&'a [u8]);

impl Display for Bytes<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(bytes) = self;
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        let is_text = text.len() > 2 && text.iter().all(|byte| (b' '..=b'~').contains(byte));
        counted(f, bytes.len(), "byte")?;
        match bytes {
            [] => Ok(()),
            [first, _, ..] if bytes.iter().all(|byte| byte == first) => write!(f, ", all {first:02x}"),
            _ if is_text && bytes.iter().skip(text.len()).all(|&byte| byte == 0) => {
                write!(f, ", \"{}\"", text.escape_ascii())
            }
            _ => {
                f.write_str(":")?;
                bytes.iter().take(2 * SHOWN).try_for_each(|byte| write!(f, " {byte:02x}"))?;
                f.write_str(if bytes.len() > 2 * SHOWN { " ..." } else { "" })
            }
        }
    }
}

fn bitmap(words: &[u64], f: &mut Formatter<'_>) -> fmt::Result {
    let set: u64 = words.iter().map(|word| u64::from(word.count_ones())).sum();
    write!(f, "{set} of {} bits set", 64 * words.len())?;
    let bits = words
        .iter()
        .zip((0_u64..).step_by(64))
        .flat_map(|(&word, first)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| first + bit));
    for (index, bit) in bits.take(SHOWN).enumerate() {
        write!(f, "{}{bit}", if index == 0 { ": " } else { ", " })?;
    }
    f.write_str(if set > SHOWN as u64 { ", ..." } else { "" })
}

fn counted(f: &mut Formatter<'_>, count: usize, noun: &str) -> fmt::Result {
    write!(f, "{count} {noun}{}", if count == 1 { "" } else { "s" })
}
