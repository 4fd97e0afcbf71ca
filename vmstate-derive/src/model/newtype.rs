//! A `transparent` struct: it has the wire form of its only field, and no description.

use syn::DeriveInput;

use crate::errors::Errors;
use crate::parse::{self, InputField};

/// A struct that is saved as its only field.
pub(crate) struct Newtype<'a> {
    pub(crate) item: &'a DeriveInput,
    pub(crate) attributes: &'a parse::Struct,
    pub(crate) field: &'a InputField<'a>,
}

impl<'a> Newtype<'a> {
    /// Returns `None`, after reporting it, if the struct does not have exactly one field.
    pub(super) fn new(input: &'a parse::Input<'a>, errors: &Errors) -> Option<Self> {
        let [field] = &input.members[..] else {
            let count = input.members.len();
            let message = format!("`transparent` requires a struct with one field; found {count}");
            errors.at(&input.item.ident, message);
            return None;
        };
        Some(Self { item: input.item, attributes: &input.attributes, field })
    }
}
