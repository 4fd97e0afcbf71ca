//! The statements that save the fields of a struct or of a subsection.

use std::ops::Range;

use proc_macro2::TokenStream;

use super::access::Access;
use super::direction::Direction;
use super::hygiene::tokens;
use super::parent::Parent;
use super::{field, gate, place, run};
use crate::model::Field;

pub(super) fn fields(parent: Parent, fields: &[Field], access: Access) -> TokenStream {
    part(parent, fields, &(0..fields.len()), access)
}

/// The statements for a range of the fields.
pub(super) fn part(parent: Parent, fields: &[Field], range: &Range<usize>, access: Access) -> TokenStream {
    run::split(fields, range).into_iter().map(|run| one(parent, fields, &run, access)).collect()
}

fn one(parent: Parent, fields: &[Field], run: &Range<usize>, access: Access) -> TokenStream {
    let first = &fields[run.start];
    let code = if run::is_block(first, run) {
        run::save(parent, fields, run, access)
    } else {
        singly(parent, fields, run, access)
    };
    let code = match gate::exists(&fields[run.clone()], &tokens!(__vmstate::Sink::out(sink))) {
        Some(condition) => tokens!(if #condition { #code }),
        None => code,
    };
    let conditions = field::conditions(parent, first, Direction::Save);
    tokens!(#conditions #code)
}

fn singly(parent: Parent, fields: &[Field], run: &Range<usize>, access: Access) -> TokenStream {
    let save = |index| {
        let value = place::reference(&fields[index], access).unwrap_or_default();
        field::save(parent, &fields[index], index, access, &value)
    };
    run.clone().map(save).collect()
}
