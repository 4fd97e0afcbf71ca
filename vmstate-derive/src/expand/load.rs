//! Code that loads fields.

use std::ops::Range;

use proc_macro2::TokenStream;
use syn::{ExprPath, Ident};

use super::{Parent, codec, run, save, tokens};
use crate::model::Field;

/// Reads the fields of the device or of a subsection.
pub(super) fn fields(parent: Parent, fields: &[Field]) -> TokenStream {
    let runs = run::split(fields).into_iter().map(|run| one(parent, fields, &run));
    tokens!(#(#runs)*)
}

fn one(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let first = &fields[run.start];
    let code = match first.is_plain() {
        true => run::load(parent, fields, run),
        false => {
            let member = &first.member;
            field(first, &tokens!(&mut self.#member))
        }
    };
    let Some(condition) = save::exists(&first.gate) else { return code };
    let otherwise = first.default.is_some().then(|| default(first)).map(|default| tokens!(else { #default }));
    tokens!(if #condition { #code } #otherwise)
}

/// Reads one field into `value`.
pub(super) fn field(field: &Field, value: &TokenStream) -> TokenStream {
    let name = &field.name;
    let load = codec::load(field, value);
    let hint = field.hint.as_ref().map(|hint| tokens!(.hint(#hint)));
    tokens!(#load.map_err(|error| error #hint .in_field(#name))?;)
}

/// Makes a field what it becomes when it is not in the stream.
pub(super) fn default(field: &Field) -> Option<TokenStream> {
    Some(set_default(field.member.as_ref()?, field.default.as_ref().and_then(Option::as_ref)))
}

/// Sets a member to what `path` makes, or to its type's default.
pub(super) fn set_default(member: &Ident, path: Option<&ExprPath>) -> TokenStream {
    match path {
        Some(path) => tokens!(self.#member = #path();),
        None => tokens!(self.#member = __vmstate::core::default::Default::default();),
    }
}
