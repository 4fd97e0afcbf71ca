//! Conditions that a stream must meet: `must_exist`.

use syn::LitStr;

use super::entry::{Entry, Value, split_name};
use super::function::Function;
use crate::errors::Errors;

/// `must_exist("description", path)`
#[derive(Clone)]
pub(crate) struct Condition {
    pub(crate) text: LitStr,
    pub(crate) holds: Function,
}

impl Condition {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let example = "expected a description and a predicate, as in `must_exist(\"fifo fits\", Self::fifo_fits)`";
        let Value::List(tokens) = &entry.value else {
            errors.at(&entry.key, example);
            return None;
        };
        match split_name(tokens.clone()) {
            (Some(text), rest) if !rest.is_empty() => match syn::parse2(rest.clone()) {
                Ok(holds) => return Some(Self { text, holds }),
                Err(_) => errors.at(rest, example),
            },
            _ => errors.at(tokens, example),
        }
        None
    }
}
