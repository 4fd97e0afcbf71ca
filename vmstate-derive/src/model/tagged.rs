//! An enum whose variants have fields: a number on the wire, followed by the variant's fields.

use std::ops::Range;

use syn::ext::IdentExt;
use syn::{Ident, Variant};

use super::device::{Device, Skipped};
use super::field::Field;
use super::repr::repr;
use crate::parse::{self, InputVariant};

/// An enum that is saved as a struct: the tag, and the fields of all variants, which depend on it.
pub(crate) struct Tagged<'a> {
    /// The struct. Its first field is the tag.
    pub(crate) device: Device<'a>,
    pub(crate) variants: Vec<TaggedVariant<'a>>,
    /// The integer type of the tag.
    pub(crate) repr: Option<Ident>,
    /// Set if a load rejects another variant than the current one.
    pub(crate) fixed: bool,
}

/// A variant and its fields.
pub(crate) struct TaggedVariant<'a> {
    pub(crate) variant: &'a Variant,
    /// The indices of its fields in the struct.
    pub(crate) fields: Range<usize>,
    /// The members that are not migrated.
    pub(crate) skipped: Vec<Skipped>,
}

impl<'a> Tagged<'a> {
    pub(super) fn new(input: &'a parse::Input<'a>) -> Self {
        let mut device = Device::new(input);
        let repr = repr(input);
        // An enum without a `repr` has an error already; `u64` has room for any discriminant.
        let number = repr.clone().unwrap_or_else(|| Ident::new("u64", input.item.ident.span()));
        device.fields.insert(0, Field::tag(&number));
        device.sequences.clear();
        let variants = input.variants.iter().map(|variant| TaggedVariant::add(&mut device, variant)).collect();
        let fixed = input.attributes.variant.value().is_some_and(|variant| variant.fixed.is_set());
        Self { device, variants, repr, fixed }
    }
}

impl<'a> TaggedVariant<'a> {
    /// Adds the fields of a variant to the struct.
    fn add(device: &mut Device<'a>, input: &'a InputVariant<'a>) -> Self {
        let InputVariant { variant, members } = input;
        let name = variant.ident.unraw().to_string();
        let first = device.fields.len();
        let migrated = members.iter().filter(|member| !member.attributes.has("skip"));
        let fields = migrated.flat_map(Field::from_member).map(|field| field.in_variant(&name));
        device.fields.extend(fields);
        let fields = first..device.fields.len();
        device.sequences.push(fields.clone());
        Self { variant, fields, skipped: members.iter().filter_map(Skipped::new).collect() }
    }
}
