//! Conditions under which fields are on the wire.

use proc_macro2::TokenStream;

use super::hook;
use super::hygiene::tokens;
use crate::model::Field;
use crate::parse::Number;

/// The condition of a run of fields, which share a gate; `None` if they are always on the wire.
///
/// A checkpoint in `medium` has all fields, regardless of predicates and versions: a load may change them, and a rollback
/// has to restore them. Padding and removed fields have nothing to restore, and the former forms of a field are lossy.
pub(super) fn exists(run: &[Field], medium: &TokenStream) -> Option<TokenStream> {
    let first = run.first()?;
    let condition = condition(first)?;
    // Predicates last, because a checkpoint must not call them: their results may differ when it is restored. Versions
    // first, because the current version has most fields.
    if run.iter().any(|field| field.superseded) || run.iter().all(|field| field.place.is_none()) {
        return Some(tokens!(!#medium.is_checkpoint() && #condition));
    }
    Some(match first.gate.when {
        Some(_) => tokens!(#medium.is_checkpoint() || #condition),
        None => tokens!(#condition || #medium.is_checkpoint()),
    })
}

/// The condition on the value and the version.
fn condition(field: &Field) -> Option<TokenStream> {
    if let Some(when) = &field.gate.when {
        return Some(hook::holds(when, &tokens!(version)));
    }
    let version = |number: &Option<Number>| number.as_ref().map(|number| number.value);
    Some(match (version(&field.gate.since), version(&field.gate.until)) {
        (None, None) => return None,
        (Some(since), None) => tokens!(version >= #since),
        (None, Some(until)) => tokens!(version <= #until),
        (Some(since), Some(until)) => tokens!((#since..=#until).contains(&version)),
    })
}
