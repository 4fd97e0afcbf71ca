//! Conditions under which fields are on the wire.

use proc_macro2::TokenStream;

use super::hook;
use super::hygiene::tokens;
use crate::model::Field;
use crate::parse::Number;

/// The condition of a run of fields, which share a gate; `None` if they are always on the wire.
///
/// A checkpoint in `medium` also has the fields that the current version lacks, because a load of an older version may
/// change them and a rollback has to restore them.
pub(super) fn exists(run: &[Field], medium: &TokenStream) -> Option<TokenStream> {
    let first = run.first()?;
    let last = run.last()?;
    if let Some(when) = &first.gate.when {
        return Some(hook::holds(when, &tokens!(version)));
    }
    let version = |number: &Option<Number>| number.as_ref().map(|number| number.value);
    let condition = match (version(&first.gate.since), version(&first.gate.until)) {
        (None, None) => return None,
        // The current version has the field, so every checkpoint has it as well.
        (Some(since), None) => return Some(tokens!(version >= #since)),
        (None, Some(until)) => tokens!(version <= #until),
        (Some(since), Some(until)) => tokens!((#since..=#until).contains(&version)),
    };
    let kept = (last.place.is_some() && !last.superseded).then(|| tokens!(|| #medium.is_checkpoint()));
    Some(tokens!(#condition #kept))
}
