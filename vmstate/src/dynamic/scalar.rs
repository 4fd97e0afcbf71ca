//! Values of a fixed width: flags, integers, deadlines.

use crate::schema::scalar_kind::ScalarKind;

/// One value of a fixed width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scalar {
    /// The encoding of the value.
    pub kind: ScalarKind,
    /// The bits of the value, padded with zeros. Bits beyond the size of the kind are not written.
    pub bits: u64,
}

impl Scalar {
    /// Creates a value from its bits.
    #[must_use]
    pub const fn new(kind: ScalarKind, bits: u64) -> Self {
        Self { kind, bits }
    }

    /// Creates a value of `kind` from all its bytes.
    pub(super) fn from_bytes(kind: ScalarKind, bytes: &[u8]) -> Self {
        Self { kind, bits: bytes.iter().fold(0, |bits, &byte| bits << 8 | u64::from(byte)) }
    }

    /// Returns the value as an integer: the bits of a float, the byte of a flag or marker.
    #[must_use]
    pub fn integer(self) -> i128 {
        let value = i128::from(self.bits);
        let width = 8 * self.kind.width();
        if self.kind.is_signed() && self.bits >> (width - 1) & 1 == 1 { value - (1 << width) } else { value }
    }

    /// Returns the value in eight big-endian bytes, of which the last ones are on the wire.
    fn padded(self) -> [u8; 8] {
        self.bits.to_be_bytes()
    }

    /// Calls `to` with the bytes on the wire.
    pub(super) fn with_bytes<T>(self, to: impl FnOnce(&[u8]) -> T) -> T {
        to(self.padded().split_at(8 - self.kind.width()).1)
    }
}

/// An array of values of a fixed width, as compact as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scalars {
    kind: ScalarKind,
    /// Big-endian, one value after the other.
    bytes: Vec<u8>,
}

impl Scalars {
    /// Creates an array from big-endian values, and drops an incomplete one at the end.
    pub(crate) fn from_bytes(kind: ScalarKind, mut bytes: Vec<u8>) -> Self {
        bytes.truncate(bytes.len() / kind.width() * kind.width());
        Self { kind, bytes }
    }

    /// Returns the encoding of the values.
    #[must_use]
    pub const fn kind(&self) -> ScalarKind {
        self.kind
    }

    /// Returns the number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len() / self.kind.width()
    }

    /// Returns whether the array is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the value at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Scalar> {
        let start = index.checked_mul(self.kind.width())?;
        let bytes = self.bytes.get(start..start.checked_add(self.kind.width())?)?;
        Some(Scalar::from_bytes(self.kind, bytes))
    }

    /// Changes the value at `index`, and returns whether it exists.
    pub fn set(&mut self, index: usize, bits: u64) -> bool {
        let width = self.kind.width();
        match self.bytes.chunks_exact_mut(width).nth(index) {
            Some(place) => Scalar::new(self.kind, bits).with_bytes(|bytes| place.copy_from_slice(bytes)),
            None => return false,
        }
        true
    }

    /// Iterates over the values in order.
    pub fn iter(&self) -> impl Iterator<Item = Scalar> {
        self.bytes.chunks_exact(self.kind.width()).map(|bytes| Scalar::from_bytes(self.kind, bytes))
    }

    /// Returns the bytes on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [(ScalarKind, &str); 12] = [
        (ScalarKind::Bool, "bool"),
        (ScalarKind::Int8, "int8"),
        (ScalarKind::Int16, "int16"),
        (ScalarKind::Int32, "int32 le"),
        (ScalarKind::Int64, "int64"),
        (ScalarKind::Uint8, "uint8 equal"),
        (ScalarKind::Uint16, "uint16"),
        (ScalarKind::Uint32, "uint32"),
        (ScalarKind::Uint64, "int64 equal"),
        (ScalarKind::Double, "CPU_Double_U"),
        (ScalarKind::Timer, "timer"),
        (ScalarKind::Marker, "ptr-marker"),
    ];

    #[test]
    fn every_kind_keeps_its_bits() {
        for (kind, name) in KINDS {
            assert_eq!(ScalarKind::from_name(name), Some(kind));
            let mut values = Scalars::from_bytes(kind, vec![0x81; 3 * kind.width() + kind.width() - 1]);
            assert_eq!(values.len(), 3);
            let value = values.get(2).unwrap();
            assert_eq!(value.integer() < 0, kind.is_signed());
            value.with_bytes(|bytes| assert_eq!(bytes, vec![0x81; kind.width()]));
            assert!(values.set(1, 0xffff_ffff_ffff_ff01) && !values.set(3, 0));
            assert_eq!(values.iter().map(|value| value.bits & 0xff).collect::<Vec<_>>(), [0x81, 1, 0x81]);
            assert!(values.get(3).is_none());
        }
    }
}
