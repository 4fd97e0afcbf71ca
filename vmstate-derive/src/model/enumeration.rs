//! An enum without fields: an integer on the wire, of which only the variants' values are accepted.

use syn::{DataEnum, DeriveInput, Ident};

use super::repr::repr;
use crate::parse;

/// An enum that is saved as its discriminant.
pub(crate) struct Enumeration<'a> {
    pub(crate) item: &'a DeriveInput,
    pub(crate) attributes: &'a parse::Struct,
    pub(crate) data: &'a DataEnum,
    /// The integer type of the discriminant on the wire.
    pub(crate) repr: Option<Ident>,
}

impl<'a> Enumeration<'a> {
    pub(super) fn new(input: &'a parse::Input<'a>, data: &'a DataEnum) -> Self {
        Self { item: input.item, attributes: &input.attributes, data, repr: repr(input) }
    }

    pub(crate) fn variants(&self) -> Vec<&'a Ident> {
        self.data.variants.iter().map(|variant| &variant.ident).collect()
    }
}
