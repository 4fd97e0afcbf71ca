//! A type whose attribute selects the wire form of all its values: `bits`, `wire` or `with` on the type.

use syn::{DeriveInput, Ident, Type};

use crate::parse::{self, InputField};

/// A type with a form that is not made of its fields, and without a description.
pub(crate) struct Encoded<'a> {
    pub(crate) input: &'a parse::Input<'a>,
    pub(crate) encoding: Encoding<'a>,
    /// The attribute, to point at.
    pub(crate) key: &'a Ident,
}

/// The form of the values.
pub(crate) enum Encoding<'a> {
    /// A set of flags, as an integer of this type.
    Bits(&'a Type),
    /// The only field, as an integer of the first type.
    Wire(&'a Type, Option<&'a InputField<'a>>),
    /// An info for the whole value.
    With(&'a Type),
}

impl<'a> Encoded<'a> {
    /// Returns `None` if the type does not have such an attribute.
    pub(super) fn new(input: &'a parse::Input<'a>) -> Option<Self> {
        let attributes = &input.attributes;
        let field = match &input.members[..] {
            [field] => Some(field),
            _ => None,
        };
        let bits = attributes.bits.entry().map(|(key, ty)| (key, Encoding::Bits(ty)));
        let wire = || attributes.wire.entry().map(|(key, ty)| (key, Encoding::Wire(ty, field)));
        let with = || attributes.with.entry().map(|(key, ty)| (key, Encoding::With(ty)));
        bits.or_else(wire).or_else(with).map(|(key, encoding)| Self { input, encoding, key })
    }

    pub(crate) fn item(&self) -> &'a DeriveInput {
        self.input.item
    }
}
