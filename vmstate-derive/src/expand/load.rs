//! Code that loads fields.

use std::ops::Range;

use proc_macro2::TokenStream;
use syn::ExprPath;

use super::{Parent, run, save, tokens};
use crate::model::{Codec, Field};

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
            element(first, &tokens!(&mut self.#member))
        }
    };
    let Some(condition) = save::exists(&first.gate) else { return code };
    let otherwise = first.default.as_ref().map(|default| {
        let (member, value) = (&first.member, default_value(default.as_ref()));
        tokens!(else { self.#member = #value; })
    });
    tokens!(if #condition { #code } #otherwise)
}

/// Reads one field into `value`.
pub(super) fn element(field: &Field, value: &TokenStream) -> TokenStream {
    let (form, name) = (field.form(), &field.name);
    let load = match &field.codec {
        Codec::Type { .. } | Codec::Unused(_) => tokens!(load_elements),
        Codec::Info(_) => tokens!(load),
    };
    let hint = field.hint.as_ref().map(|hint| tokens!(.hint(#hint)));
    tokens! {
        #form::#load(#value, reader).map_err(|error| error #hint .in_field(#name))?;
    }
}

/// What a field becomes that is not in the stream.
pub(super) fn default_value(path: Option<&ExprPath>) -> TokenStream {
    match path {
        Some(path) => tokens!(#path()),
        None => tokens!(__vmstate::core::default::Default::default()),
    }
}
