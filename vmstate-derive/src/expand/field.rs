//! One field: the statement that saves or loads it, and its conditions.

use proc_macro2::TokenStream;

use super::access::Access;
use super::direction::Direction;
use super::hygiene::tokens;
use super::parent::Parent;
use super::{form, hook};
use crate::model::Field;

/// The statement that saves `value`. Errors name the field.
pub(super) fn save(parent: Parent, field: &Field, index: usize, access: Access, value: &TokenStream) -> TokenStream {
    let name = &field.name;
    let binding = form::binding(field);
    let save = form::save(field, access, value, &tokens!(__vmstate::FieldRef::new(#parent, #index)));
    tokens!(#binding __vmstate::InField::in_field(#save, #name)?;)
}

/// The statement that loads into `value`. Errors name the field.
pub(super) fn load(field: &Field, value: &TokenStream) -> TokenStream {
    let name = &field.name;
    let binding = form::binding(field);
    let load = form::load(field, value);
    let hint = field.hint.as_ref().map(|hint| tokens!(.map_err(|error| error.with_peer_advice(#hint))));
    tokens!(#binding __vmstate::InField::in_field(#load #hint, #name)?;)
}

/// The statements that check the conditions before a field.
pub(super) fn conditions(parent: Parent, field: &Field, direction: Direction) -> TokenStream {
    field.conditions.iter().map(|condition| hook::must_exist(condition, parent, direction)).collect()
}
