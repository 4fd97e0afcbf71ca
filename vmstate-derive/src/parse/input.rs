//! The input of the macro, with all of its attributes read.

use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Index, Member, Type, Variant};

use super::field::Field;
use super::levels::LEVELS;
use super::structure::Struct;
use crate::errors::Errors;

/// A struct, enum or union and its attributes.
pub(crate) struct Input<'a> {
    pub(crate) item: &'a DeriveInput,
    pub(crate) attributes: Struct,
    /// The fields of a struct.
    pub(crate) members: Vec<InputField<'a>>,
    /// The variants of an enum.
    pub(crate) variants: Vec<InputVariant<'a>>,
}

/// A variant of an enum and its fields.
pub(crate) struct InputVariant<'a> {
    pub(crate) variant: &'a Variant,
    pub(crate) members: Vec<InputField<'a>>,
}

/// A field of a struct and its attributes.
pub(crate) struct InputField<'a> {
    pub(crate) member: Member,
    pub(crate) ty: &'a Type,
    pub(crate) attributes: Field,
}

impl<'a> Input<'a> {
    pub(crate) fn parse(item: &'a DeriveInput, errors: &Errors) -> Self {
        let attributes = Struct::parse(&item.attrs, LEVELS, errors);
        let (mut members, mut variants) = (Vec::new(), Vec::new());
        match &item.data {
            Data::Struct(data) => members = parse_fields(&data.fields, errors),
            Data::Enum(data) => variants.extend(data.variants.iter().map(|variant| parse_variant(variant, errors))),
            Data::Union(_) => {}
        }
        Self { item, attributes, members, variants }
    }

    /// Returns the fields of the struct, or of all variants.
    pub(crate) fn all_members(&self) -> impl Iterator<Item = &InputField<'a>> {
        self.members.iter().chain(self.variants.iter().flat_map(|variant| &variant.members))
    }
}

fn parse_variant<'a>(variant: &'a Variant, errors: &Errors) -> InputVariant<'a> {
    InputVariant { variant, members: parse_fields(&variant.fields, errors) }
}

fn parse_fields<'a>(fields: &'a Fields, errors: &Errors) -> Vec<InputField<'a>> {
    (0..).zip(fields).map(|(index, field)| InputField::parse(index, field, errors)).collect()
}

impl<'a> InputField<'a> {
    fn parse(index: u32, field: &'a syn::Field, errors: &Errors) -> Self {
        let unnamed = || Member::Unnamed(Index { index, span: field.ty.span() });
        Self {
            member: field.ident.clone().map_or_else(unnamed, Member::Named),
            ty: &field.ty,
            attributes: Field::parse(&field.attrs, LEVELS, errors),
        }
    }
}
