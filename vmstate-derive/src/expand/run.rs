//! Runs: adjacent fields of fixed size, which are read and written at offsets in one block of bytes.
//!
//! Generated code is fast because it checks bounds once per run instead of once per field. A macro does not see whether the
//! type of a field is a struct of fixed size. The code of such a field has both branches, and a constant of the type
//! selects one; the compiler does not even instantiate the other.

use std::ops::Range;

use proc_macro2::TokenStream;
use quote::ToTokens;

use super::access::Access;
use super::form::{self, Size};
use super::hygiene::tokens;
use super::parent::Parent;
use super::{field, place};
use crate::model::Field;

/// Splits fields into runs: fields of fixed size with the same gate, or a length prefix and its array, or a single field.
pub(super) fn split(fields: &[Field], range: &Range<usize>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for index in range.clone() {
        let field = &fields[index];
        match runs.last_mut() {
            Some(run) if continues(&fields[run.end - 1], field) => run.end = index + 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs
}

fn continues(last: &Field, next: &Field) -> bool {
    // The length is a local variable, which must be in the scope of the array.
    if form::binding(last).is_some() {
        return true;
    }
    // A default applies to one field, and a condition is checked right before its field, so neither can be in a block.
    let alike = last.gate.same(&next.gate) && last.default.is_none() && next.default.is_none();
    joins(last) && joins(next) && alike && next.conditions.is_empty()
}

/// Returns whether the field can be one of several in a run.
fn joins(field: &Field) -> bool {
    form::size(field) != Size::Varies
}

/// Returns whether only a constant of its type tells if the field has a fixed size.
fn may_be_fixed(field: &Field) -> bool {
    form::size(field) == Size::ByType
}

/// Returns whether a run, given its first field, is a block.
///
/// A single value is not: its own `save_elements` and `load_elements` check the bounds once as well.
pub(super) fn is_block(first: &Field, run: &Range<usize>) -> bool {
    joins(first) && (run.len() > 1 || first.place.is_none())
}

/// The statements that save a block.
pub(super) fn save(parent: Parent, fields: &[Field], run: &Range<usize>, access: Access) -> TokenStream {
    if fields[run.clone()].iter().any(may_be_fixed) {
        return save_blocks(parent, fields, run, access);
    }
    let first = run.start;
    let end = run.end;
    let size = size(parent, run);
    let puts = puts(&fields[run.clone()]);
    tokens! {
        {
            let out = __vmstate::Sink::reserve(sink, #size);
            #puts
            __vmstate::Sink::fixed(sink, #parent, #first..#end);
        }
    }
}

/// The statements that load a block.
pub(super) fn load(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    if fields[run.clone()].iter().any(may_be_fixed) {
        return load_blocks(parent, fields, run);
    }
    let first = run.start;
    let end = run.end;
    let size = size(parent, run);
    let gets = gets(&fields[run.clone()]);
    tokens! {
        {
            let from = __vmstate::walk::load_run(reader, #size, #parent, #first..#end)?;
            #gets
        }
    }
}

/// The statements that save a run in which a type may turn out to have no fixed size. Such a field ends a block.
fn save_blocks(parent: Parent, fields: &[Field], run: &Range<usize>, access: Access) -> TokenStream {
    let blocks = blocks(parent, fields, run);
    let last = run.len() - 1;
    let saves = fields[run.clone()].iter().enumerate().map(|(index, field)| {
        let put = put(field, Rest::Same);
        let next = index + 1;
        let end = tokens!(__vmstate::walk::end_block(sink, #parent, &blocks[#index]););
        let done = (index == last).then_some(&end);
        if !may_be_fixed(field) {
            return tokens!(#put #done);
        }
        let value = place::reference(field, access);
        let save = field::save(parent, field, run.start + index, access, &tokens!(#value));
        let claim = (index < last).then(|| tokens!(out = __vmstate::Sink::reserve(sink, blocks[#next].size);));
        either(field, &tokens!(#put #done), &tokens!(#end #save #claim))
    });
    tokens! {
        {
            #blocks
            let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
            #(#saves)*
        }
    }
}

/// The statements that load such a run.
fn load_blocks(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let blocks = blocks(parent, fields, run);
    let last = run.len() - 1;
    let loads = fields[run.clone()].iter().enumerate().map(|(index, field)| {
        let get = get(field, Rest::Same);
        let next = index + 1;
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

/// Selects the code for a field by whether its type has a fixed size.
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

/// The sizes of the blocks in a run, which the compiler evaluates.
fn blocks(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let first = run.start;
    let length = run.len();
    let types =
        fields[run.clone()].iter().enumerate().filter(|(_, field)| may_be_fixed(field)).map(|(index, field)| {
            let form = form::provider(field);
            tokens!((#index, #form::FIXED))
        });
    tokens! {
        let blocks = const { __vmstate::walk::blocks::<#length>(#parent, #first, &[#(#types),*]) };
    }
}

/// The size of a run, a constant.
fn size(parent: Parent, run: &Range<usize>) -> TokenStream {
    let first = run.start;
    let count = run.len();
    tokens!(const { __vmstate::walk::run_size(#parent, #first, #count) })
}

/// The statements that store fields into `out`.
pub(super) fn puts(fields: &[Field]) -> TokenStream {
    fields.iter().map(|field| put(field, Rest::New)).collect()
}

/// The statements that load fields from `from`.
pub(super) fn gets(fields: &[Field]) -> TokenStream {
    fields.iter().map(|field| get(field, Rest::New)).collect()
}

/// The local for the remaining bytes: a new one, or the one of the previous field.
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

/// The statement that stores a field, or the zeros of padding, at the front of `out`.
fn put(field: &Field, rest: Rest) -> TokenStream {
    let form = form::provider(field);
    let value = reference(field);
    tokens!(#rest out = #form::put_front(#value, out);)
}

fn reference(field: &Field) -> TokenStream {
    match &field.place {
        Some(place) => place::shared(place, &field.ty),
        None => tokens!(&__vmstate::Unused),
    }
}

/// The statement that loads a field from the front of `from`, or skips padding.
fn get(field: &Field, rest: Rest) -> TokenStream {
    let form = form::provider(field);
    let value = place::exclusive(field).unwrap_or_else(|| tokens!(&mut __vmstate::Unused));
    tokens!(#rest from = #form::get_front(#value, from);)
}
