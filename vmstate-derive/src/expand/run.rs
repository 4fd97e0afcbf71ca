//! Neighbouring fields of fixed size as one: a claim of bytes, and stores and loads at constant offsets in it.

use std::ops::Range;

use proc_macro2::TokenStream;

use super::{Parent, place, tokens};
use crate::model::{Codec, Field};

/// The fields split into runs: those that are there together and have fixed sizes are one, a hidden count
/// and what it counts are one, all others are alone.
pub(super) fn split(fields: &[Field]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if continues(&fields[run.end - 1], field) => run.end = index + 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs
}

fn continues(last: &Field, next: &Field) -> bool {
    if matches!(last.codec, Codec::HiddenCount { .. }) {
        return true;
    }
    let alike = last.gate.same(&next.gate) && last.default.is_none() && next.default.is_none();
    last.is_plain() && next.is_plain() && alike && next.conditions.is_empty()
}

/// Whether the fields of a run, by the first of them, are read and written at offsets in one block.
pub(super) fn is_block(first: &Field, run: &Range<usize>) -> bool {
    first.is_plain() && (run.len() > 1 || first.place.is_none())
}

/// Writes the fields of a run.
pub(super) fn save(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let (first, end) = (run.start, run.end);
    let (offsets, size) = offsets(parent, run);
    let puts = puts(&fields[run.clone()]);
    tokens! {
        {
            #offsets
            let out = __vmstate::Sink::out(sink).claim(#size);
            #puts
            __vmstate::Sink::fixed(sink, #parent, #first..#end);
        }
    }
}

/// Reads the fields of a run.
pub(super) fn load(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let (first, end) = (run.start, run.end);
    let (offsets, size) = offsets(parent, run);
    let gets = gets(&fields[run.clone()]);
    tokens! {
        {
            #offsets
            let from = __vmstate::walk::load_run(reader, #size, #parent, #first..#end)?;
            #gets
        }
    }
}

/// The offsets of a run's fields, and the expression of its size.
pub(super) fn offsets(parent: Parent, run: &Range<usize>) -> (TokenStream, TokenStream) {
    let (first, count) = (run.start, run.len());
    let length = count + 1;
    let offsets = tokens! {
        let offsets = const { __vmstate::walk::offsets::<#length>(#parent, #first) };
    };
    (offsets, tokens!(offsets[#count]))
}

/// Stores each field at its offset in `out`.
pub(super) fn puts(fields: &[Field]) -> TokenStream {
    let puts = fields.iter().enumerate().filter_map(|(index, field)| {
        let (value, form, next) = (place::shared(field)?, field.codec(), index + 1);
        Some(tokens!(#form::put(#value, &mut out[offsets[#index]..offsets[#next]]);))
    });
    tokens!(#(#puts)*)
}

/// Loads each field from its offset in `from`.
pub(super) fn gets(fields: &[Field]) -> TokenStream {
    let gets = fields.iter().enumerate().filter_map(|(index, field)| {
        let (value, form, next) = (place::exclusive(field)?, field.codec(), index + 1);
        Some(tokens!(#form::get(#value, &from[offsets[#index]..offsets[#next]]);))
    });
    tokens!(#(#gets)*)
}
