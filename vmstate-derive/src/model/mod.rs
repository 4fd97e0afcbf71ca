//! The input as the macro understands it: fields in wire order with their gates, subsections and hooks.
//!
//! Attributes that can be written in several ways have one representation here. Nothing is rejected yet unless it
//! cannot be represented.

mod bound;
mod device;
mod encoded;
mod enumeration;
mod field;
mod form;
mod gate;
mod info;
mod newtype;
mod place;
mod repr;
mod subsection;
mod tagged;
mod ty;
mod version;

use syn::{Data, Fields, Type};

pub(crate) use self::bound::generics;
pub(crate) use self::device::{Device, Skipped};
pub(crate) use self::encoded::{Encoded, Encoding};
pub(crate) use self::enumeration::Enumeration;
pub(crate) use self::field::{Field, UNUSED, member_name};
pub(crate) use self::form::{
    Bitmap, Bits, Counted, CountedUnused, Elements, Form, Inline, LengthPrefix, List, Optional, Part, Pointers,
    Prefixed, Presence, Removed, Temporary, Through, Tree, Typed, Unused, Versioned,
};
pub(crate) use self::gate::Gate;
pub(crate) use self::info::{Info, InfoKind};
pub(crate) use self::newtype::Newtype;
pub(crate) use self::place::Place;
pub(crate) use self::repr::INTEGERS;
pub(crate) use self::subsection::{Absent, Body, Subsection};
pub(crate) use self::tagged::{Tagged, TaggedVariant};
pub(crate) use self::ty::{
    arguments, array_element, bare, bits_field, builtin, holds_primitives, innermost, is_named, lengths, option_inner,
    primitive, source,
};
pub(crate) use self::version::Version;
use crate::errors::Errors;
use crate::parse;

/// The kinds of input.
pub(crate) enum Input<'a> {
    /// A struct with a description.
    Device(Device<'a>),
    /// A struct that describes the type of another crate.
    Remote(Device<'a>, &'a Type),
    /// An enum without fields.
    Enumeration(Enumeration<'a>),
    /// An enum with fields.
    Tagged(Tagged<'a>),
    /// A type with the form of an attribute.
    Encoded(Encoded<'a>),
    /// A `transparent` struct.
    Newtype(Newtype<'a>),
}

impl<'a> Input<'a> {
    /// Returns `None`, after reporting it, if the input has no model.
    pub(crate) fn new(input: &'a parse::Input<'a>, errors: &Errors) -> Option<Self> {
        if let Some(encoded) = Encoded::new(input) {
            return Some(Self::Encoded(encoded));
        }
        match &input.item.data {
            Data::Enum(data) if data.variants.iter().any(|variant| !matches!(variant.fields, Fields::Unit)) => {
                Some(Self::Tagged(Tagged::new(input)))
            }
            Data::Enum(data) => Some(Self::Enumeration(Enumeration::new(input, data))),
            Data::Struct(_) if input.attributes.transparent.is_set() => Newtype::new(input, errors).map(Self::Newtype),
            Data::Struct(_) => Some(Self::from_struct(input)),
            Data::Union(data) => {
                errors
                    .at(data.union_token, "unions are not supported, because the valid field is unknown: use a struct");
                None
            }
        }
    }

    fn from_struct(input: &'a parse::Input<'a>) -> Self {
        let device = Device::new(input);
        match input.attributes.remote.value() {
            Some(ty) => Self::Remote(device.in_foreign(), ty),
            None => Self::Device(device),
        }
    }
}
