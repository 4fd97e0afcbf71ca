//! Code that loads fields.

use std::ops::Range;

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Type;

use super::{Parent, codec, hook, located, place, run, save, tokens};
use crate::model::Field;
use crate::parse::Make;

/// Reads the fields of the device or of a subsection.
pub(super) fn fields(parent: Parent, fields: &[Field]) -> TokenStream {
    let runs = run::split(fields).into_iter().map(|run| one(parent, fields, &run));
    tokens!(#(#runs)*)
}

fn one(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let (first, last) = (&fields[run.start], &fields[run.end - 1]);
    let code = match run::is_block(first, run) {
        true => run::load(parent, fields, run),
        false => {
            let value = place::exclusive(last);
            let (count, load) = (codec::load_count(first), field(last, &tokens!(#value)));
            tokens!(#count #load)
        }
    };
    let conditions = conditions(parent, first);
    let Some(condition) = save::exists(&fields[run.clone()], &tokens!(reader)) else {
        return tokens!(#conditions #code);
    };
    let otherwise = last.default.is_some().then(|| default(last)).map(|default| tokens!(else { #default }));
    tokens!(#conditions if #condition { #code } #otherwise)
}

/// What must hold before a field.
pub(super) fn conditions(parent: Parent, field: &Field) -> TokenStream {
    field.conditions.iter().map(|condition| hook::must_exist(condition, parent, "loading")).collect()
}

/// Reads one field into `value`.
pub(super) fn field(field: &Field, value: &TokenStream) -> TokenStream {
    let name = &field.name;
    let load = codec::load(field, value);
    let hint = field.hint.as_ref().map(|hint| tokens!(.map_err(|error| error.with_peer_advice(#hint))));
    tokens!(__vmstate::InField::in_field(#load #hint, #name)?;)
}

/// Makes a field what it becomes when it is not in the stream.
pub(super) fn default(field: &Field) -> Option<TokenStream> {
    let value = match &field.default {
        Some(Some(value)) => make(value),
        _ => type_default(&field.ty),
    };
    place::assign(field, &value)
}

/// What the user's function makes, or the user's value. If that is not what it should be, the mistake shows there.
pub(super) fn make(value: &Make) -> TokenStream {
    match value {
        Make::Call(path) => quote_spanned!(located(path)=> #path()),
        Make::Value(value) => tokens!(#value),
    }
}

/// The type's default. If it has none, that shows at the type.
pub(super) fn type_default(ty: &Type) -> TokenStream {
    quote_spanned!(located(ty)=> <#ty as __vmstate::core::default::Default>::default())
}
