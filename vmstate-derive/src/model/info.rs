//! Infos that attributes choose: QEMU's `VMStateInfo`s other than the field type's own.

use syn::{Expr, Type};

use super::ty::{dimensions, lengths, literal};
use crate::parse;

/// The longest buffer that joins its neighbours in a run.
///
/// A longer one is read directly into its array instead of through the reader's buffer.
const SHORT: usize = 4096;

/// An info, and the number of array dimensions whose elements it applies to one by one.
pub(crate) struct Info {
    pub(crate) kind: InfoKind,
    pub(crate) dimensions: usize,
}

/// The infos that have an attribute.
pub(crate) enum InfoKind {
    Buffer,
    Equal,
    LessOrEqual,
    Timer,
    ByteArray(Box<Expr>),
    As(Box<Type>),
    /// The value of an `Option` that must be `Some`.
    Present,
    Custom(Box<Type>),
}

impl Info {
    pub(super) fn new(kind: InfoKind, ty: &Type) -> Self {
        let dimensions = match kind {
            InfoKind::Timer | InfoKind::As(_) => dimensions(ty),
            // A buffer is an array itself.
            InfoKind::Buffer => dimensions(ty).saturating_sub(1),
            _ => 0,
        };
        Self { kind, dimensions }
    }

    /// Returns whether all values have the same size, by the info or by the array's length, and any bytes are valid.
    pub(crate) fn is_fixed(&self, ty: &Type) -> bool {
        match self.kind {
            InfoKind::Timer => true,
            InfoKind::Buffer => {
                matches!(&lengths(ty)[..], [length] if literal(length).is_some_and(|length| length <= SHORT))
            }
            _ => false,
        }
    }
}

impl InfoKind {
    /// Returns the info that an attribute chooses for a whole field.
    pub(crate) fn new(attributes: &parse::Field) -> Option<Self> {
        if attributes.buffer.is_set() {
            return Some(Self::Buffer);
        }
        if attributes.equal.is_set() {
            return Some(Self::Equal);
        }
        if attributes.le.is_set() {
            return Some(Self::LessOrEqual);
        }
        if let Some(max) = attributes.byte_array.value().and_then(|bytes| bytes.max.value()) {
            return Some(Self::ByteArray(Box::new(max.clone())));
        }
        Self::for_element(attributes)
    }

    /// Returns the info that an attribute chooses for the elements of a collection.
    pub(super) fn for_element(attributes: &parse::Field) -> Option<Self> {
        if attributes.timer.is_set() {
            return Some(Self::Timer);
        }
        if let Some(wire) = attributes.wire.value() {
            return Some(Self::As(Box::new(wire.clone())));
        }
        attributes.with.value().map(|info| Self::Custom(Box::new(info.clone())))
    }
}
