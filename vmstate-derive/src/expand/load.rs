//! The statements that load the fields of a struct or of a subsection.

use std::ops::Range;

use proc_macro2::TokenStream;

use super::direction::Direction;
use super::hygiene::tokens;
use super::parent::Parent;
use super::{default, field, gate, place, run};
use crate::model::Field;

pub(super) fn fields(parent: Parent, fields: &[Field]) -> TokenStream {
    part(parent, fields, &(0..fields.len()))
}

/// The statements for a range of the fields.
pub(super) fn part(parent: Parent, fields: &[Field], range: &Range<usize>) -> TokenStream {
    run::split(fields, range).into_iter().map(|run| one(parent, fields, &run)).collect()
}

fn one(parent: Parent, fields: &[Field], run: &Range<usize>) -> TokenStream {
    let first = &fields[run.start];
    let last = &fields[run.end - 1];
    let code = if run::is_block(first, run) {
        run::load(parent, fields, run)
    } else {
        fields[run.clone()].iter().map(single).collect()
    };
    let conditions = field::conditions(parent, first, Direction::Load);
    let Some(condition) = gate::exists(&fields[run.clone()], &tokens!(reader)) else {
        return tokens!(#conditions #code);
    };
    // A run with a default has one field, because fields with defaults are not joined.
    let otherwise = last.default.is_some().then(|| default::assign(last)).map(|default| tokens!(else { #default }));
    tokens!(#conditions if #condition { #code } #otherwise)
}

fn single(field: &Field) -> TokenStream {
    field::load(field, &place::exclusive(field).unwrap_or_default())
}
