//! An enum without fields: an integer on the wire, of which only the variants' values are accepted.

use syn::{Attribute, DataEnum, DeriveInput, Ident};

use crate::parse;

/// The types that `#[repr(...)]` may name: the integers that have the same size on every target.
const INTEGERS: [&str; 8] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];

/// An enum that is saved as its discriminant.
pub(crate) struct Enumeration<'a> {
    pub(crate) item: &'a DeriveInput,
    pub(crate) attributes: &'a parse::Struct,
    pub(crate) data: &'a DataEnum,
    /// The integer type of the discriminant, from `#[repr(u8)]`.
    pub(crate) repr: Option<Ident>,
}

impl<'a> Enumeration<'a> {
    pub(super) fn new(input: &'a parse::Input<'a>, data: &'a DataEnum) -> Self {
        let reprs = input.item.attrs.iter().filter(|attribute| attribute.path().is_ident("repr"));
        Self { item: input.item, attributes: &input.attributes, data, repr: reprs.filter_map(integer).next() }
    }

    pub(crate) fn variants(&self) -> Vec<&'a Ident> {
        self.data.variants.iter().map(|variant| &variant.ident).collect()
    }
}

/// Returns the integer type in a `#[repr(...)]` attribute.
fn integer(repr: &Attribute) -> Option<Ident> {
    let mut integer = None;
    // A malformed `repr` is the compiler's to report.
    let _ = repr.parse_nested_meta(|meta| {
        let known = meta.path.get_ident().filter(|name| INTEGERS.iter().any(|known| name == known));
        integer = integer.take().or(known.cloned());
        Ok(())
    });
    integer
}
