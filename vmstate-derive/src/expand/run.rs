//! Neighbouring fields of fixed size as one: a claim of bytes, and stores and loads one after the other in it.
//!
//! Which types of other structs have a fixed size only the compiler knows. So code for both stands in a run, and a constant
//! decides: the code that is not needed is not even compiled.

use std::ops::Range;

use proc_macro2::TokenStream;
use quote::ToTokens;

use super::form::{self, Size};
use super::hygiene::tokens;
use super::parent::Parent;
use super::{field, place};
use crate::model::Field;

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
    if form::binding(last).is_some() {
        return true;
    }
    let alike = last.gate.same(&next.gate) && last.default.is_none() && next.default.is_none();
    joins(last) && joins(next) && alike && next.conditions.is_empty()
}

/// Whether the field can be one of several in a run.
fn joins(field: &Field) -> bool {
    form::size(field) != Size::Varies
}

/// Whether a constant of its type decides if the field has a fixed size.
fn may_be_fixed(field: &Field) -> bool {
    form::size(field) == Size::ByType
}

/// Whether the fields of a run, by the first of them, are read and written at offsets in one block.
pub(super) fn is_block(first: &Field, run: &Range<usize>) -> bool {
    joins(first) && (run.len() > 1 || first.place.is_none())
}

/// Writes the fields of a run.
pub(super) fn save(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    if fields[run.clone()].iter().any(may_be_fixed) {
        return save_blocks(parent, fields, run);
    }
    let (first, end) = (run.start, run.end);
    let (size, puts) = (size(parent, run), puts(&fields[run.clone()]));
    tokens! {
        {
            let out = __vmstate::Sink::out(sink).reserve(#size);
            #puts
            __vmstate::Sink::fixed(sink, #parent, #first..#end);
        }
    }
}

/// Reads the fields of a run.
pub(super) fn load(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    if fields[run.clone()].iter().any(may_be_fixed) {
        return load_blocks(parent, fields, run);
    }
    let (first, end) = (run.start, run.end);
    let (size, gets) = (size(parent, run), gets(&fields[run.clone()]));
    tokens! {
        {
            let from = __vmstate::walk::load_run(reader, #size, #parent, #first..#end)?;
            #gets
        }
    }
}

/// Writes the fields of a run of which some may not have a fixed size: each of those ends a block.
fn save_blocks(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let (blocks, last) = (blocks(parent, fields, run), run.len() - 1);
    let saves = fields[run.clone()].iter().enumerate().map(|(index, field)| {
        let (put, next) = (put(field, Rest::Same), index + 1);
        let end = tokens!(__vmstate::walk::end_block(sink, #parent, &blocks[#index]););
        let done = (index == last).then_some(&end);
        if !may_be_fixed(field) {
            return tokens!(#put #done);
        }
        let value = place::exclusive(field);
        let save = field::save(parent, field, run.start + index, &tokens!(#value));
        let claim = (index < last).then(|| tokens!(out = __vmstate::Sink::out(sink).reserve(blocks[#next].size);));
        either(field, &tokens!(#put #done), &tokens!(#end #save #claim))
    });
    tokens! {
        {
            #blocks
            let mut out = __vmstate::Sink::out(sink).reserve(blocks[0].size);
            #(#saves)*
        }
    }
}

/// Reads the fields of a run of which some may not have a fixed size.
fn load_blocks(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let (blocks, last) = (blocks(parent, fields, run), run.len() - 1);
    let loads = fields[run.clone()].iter().enumerate().map(|(index, field)| {
        let (get, next) = (get(field, Rest::Same), index + 1);
        if !may_be_fixed(field) {
            return tokens!(#get);
        }
        let value = place::exclusive(field);
        let load = field::load(field, &tokens!(#value));
        let claim =
            (index < last).then(|| tokens!(from = __vmstate::walk::load_block(reader, #parent, &blocks[#next])?;));
        either(field, &tokens!(#get), &tokens!(#load #claim))
    });
    tokens! {
        {
            #blocks
            let mut from = __vmstate::walk::load_block(reader, #parent, &blocks[0])?;
            #(#loads)*
        }
    }
}

/// The code for a field of fixed size, or that for another, as the field's type is.
fn either(field: &Field, fixed: &TokenStream, other: &TokenStream) -> TokenStream {
    let form = form::provider(field);
    tokens! {
        if const { #form::FIXED.is_some() } {
            #fixed
        } else {
            #other
        }
    }
}

/// The blocks of a run's fields.
fn blocks(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let (first, length) = (run.start, run.len());
    let types =
        fields[run.clone()].iter().enumerate().filter(|(_, field)| may_be_fixed(field)).map(|(index, field)| {
            let form = form::provider(field);
            tokens!((#index, #form::FIXED))
        });
    tokens! {
        let blocks = const { __vmstate::walk::blocks::<#length>(#parent, #first, &[#(#types),*]) };
    }
}

/// The bytes of a run, a constant.
fn size(parent: Parent, run: &Range<usize>) -> TokenStream {
    let (first, count) = (run.start, run.len());
    tokens!(const { __vmstate::walk::run_size(#parent, #first, #count) })
}

/// Stores the fields one after the other into `out`.
pub(super) fn puts(fields: &[Field]) -> TokenStream {
    fields.iter().map(|field| put(field, Rest::New)).collect()
}

/// Loads the fields one after the other from `from`.
pub(super) fn gets(fields: &[Field]) -> TokenStream {
    fields.iter().map(|field| get(field, Rest::New)).collect()
}

/// Where the bytes for the next fields go: the local that held them before, or a new one of the same name.
#[derive(Clone, Copy)]
enum Rest {
    New,
    Same,
}

impl ToTokens for Rest {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        if let Self::New = self {
            tokens.extend(tokens!(let));
        }
    }
}

/// Stores a field, or the zeros that are in its place, into the front of `out`.
fn put(field: &Field, rest: Rest) -> TokenStream {
    let (form, value) = (form::provider(field), reference(field));
    tokens!(#rest out = #form::put_front(#value, out);)
}

fn reference(field: &Field) -> TokenStream {
    match &field.place {
        Some(place) => place::shared(place, &field.ty),
        None => tokens!(&__vmstate::Unused),
    }
}

/// Loads a field from the front of `from`, or passes over the bytes that are in its place.
fn get(field: &Field, rest: Rest) -> TokenStream {
    let (form, value) =
        (form::provider(field), place::exclusive(field).unwrap_or_else(|| tokens!(&mut __vmstate::Unused)));
    tokens!(#rest from = #form::get_front(#value, from);)
}
