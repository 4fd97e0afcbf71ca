//! Code that saves fields.

use std::ops::Range;

use proc_macro2::TokenStream;

use super::{Parent, codec, hook, place, run, tokens};
use crate::model::Field;

/// Writes the fields of the device or of a subsection.
pub(super) fn fields(parent: Parent, fields: &[Field]) -> TokenStream {
    let runs = run::split(fields).into_iter().map(|run| one(parent, fields, &run));
    tokens!(#(#runs)*)
}

fn one(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let first = &fields[run.start];
    let code = match run::is_block(first, run) {
        true => run::save(parent, fields, run),
        false => {
            let (index, last) = (run.end - 1, &fields[run.end - 1]);
            let value = place::exclusive(last);
            let shared = place::shared(last);
            let count = codec::save_count(first, &tokens!(#shared), &at(parent, run.start));
            let save = field(parent, last, index, &tokens!(#value));
            tokens!(#count #save)
        }
    };
    let code = match exists(&fields[run.clone()], &tokens!(__vmstate::Sink::out(sink))) {
        Some(condition) => tokens!(if #condition { #code }),
        None => code,
    };
    let conditions = conditions(parent, first);
    tokens!(#conditions #code)
}

/// What must hold before a field.
pub(super) fn conditions(parent: Parent, field: &Field) -> TokenStream {
    field.conditions.iter().map(|condition| hook::must_exist(condition, parent, "saving")).collect()
}

/// Writes one field, whose value is `value`.
pub(super) fn field(parent: Parent, field: &Field, index: usize, value: &TokenStream) -> TokenStream {
    let name = &field.name;
    let at = at(parent, index);
    let save = codec::save(field, value, &at);
    tokens!(__vmstate::InField::in_field(#save, #name)?;)
}

fn at(parent: Parent, index: usize) -> TokenStream {
    tokens!(__vmstate::At::new(#parent, #index))
}

/// The condition under which a run of fields, which share a gate, is on the wire; none if it always is.
///
/// A checkpoint in `medium` has what only older versions have too, for a load may change it.
pub(super) fn exists(run: &[Field], medium: &TokenStream) -> Option<TokenStream> {
    let (first, last) = (run.first()?, run.last()?);
    if let Some(when) = &first.gate.when {
        return Some(hook::holds(when, &tokens!(version)));
    }
    let version = |number: &Option<crate::parse::Number>| number.as_ref().map(|number| number.value);
    let condition = match (version(&first.gate.since), version(&first.gate.until)) {
        (None, None) => return None,
        (Some(since), None) => return Some(tokens!(version >= #since)),
        (None, Some(until)) => tokens!(version <= #until),
        (Some(since), Some(until)) => tokens!((#since..=#until).contains(&version)),
    };
    let kept = last.place.is_some().then(|| tokens!(|| #medium.is_checkpoint()));
    Some(tokens!(#condition #kept))
}
