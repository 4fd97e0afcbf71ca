//! Changes to the content of a decoded section.

use super::budget::Budget;
use super::field::{converted, decode_fields, encoded, from_hex, resized};
use super::{Action, Change, RulesError, SectionRule};
use crate::dynamic::{DecodedField, DecodedStruct, DecodedTree, DecodedValue, ScalarKind};

impl SectionRule {
    /// Changes the fields of a section.
    ///
    /// # Errors
    /// Returns an error if a change does not fit the section, or would lose a value.
    pub(super) fn change(&self, state: &mut DecodedStruct) -> Result<(), RulesError> {
        let mut budget = Budget::default();
        for change in &self.changes {
            change.apply_within(&change.within, state, &mut budget)?;
        }
        Ok(())
    }
}

impl Change {
    /// Checks the parts that do not depend on a section.
    pub(super) fn check(&self) -> Result<(), RulesError> {
        match &self.action {
            Action::Drop { only: Some(bytes), .. } => from_hex(bytes).map(drop),
            Action::Convert { type_name, .. } if ScalarKind::from_name(type_name).is_none() => {
                Err(RulesError::new(format!("unknown type {type_name:?}")))
            }
            Action::Insert { fields, bytes, .. } => decode_fields(fields, &from_hex(bytes)?).map(drop),
            _ => Ok(()),
        }
    }

    fn apply_within(&self, steps: &[String], state: &mut DecodedStruct, budget: &mut Budget) -> Result<(), RulesError> {
        let Some((step, rest)) = steps.split_first() else { return self.apply(state, budget) };
        let mut is_subsection = false;
        for subsection in state.subsections.iter_mut().filter(|inner| *inner.vmsd_name == **step) {
            self.apply_within(rest, subsection, budget).map_err(|error| error.within(step))?;
            is_subsection = true;
        }
        // A subsection is optional: its changes apply when it was sent.
        if is_subsection || step.contains('/') {
            return Ok(());
        }
        for field in named(state, step)? {
            self.apply_to_value(rest, &mut field.value, budget).map_err(|error| error.within(step))?;
        }
        Ok(())
    }

    fn apply_to_value(&self, rest: &[String], value: &mut DecodedValue, budget: &mut Budget) -> Result<(), RulesError> {
        match value {
            DecodedValue::Struct(inner) => self.apply_within(rest, inner, budget),
            DecodedValue::List(elements) => {
                elements.iter_mut().try_for_each(|inner| self.apply_within(rest, inner, budget))
            }
            DecodedValue::Array(values) => {
                values.iter_mut().try_for_each(|value| self.apply_to_value(rest, value, budget))
            }
            DecodedValue::Tree(DecodedTree::Direct(nodes)) => {
                nodes.iter_mut().try_for_each(|(_, inner)| self.apply_within(rest, inner, budget))
            }
            _ => Err(RulesError::new("expected a field with structs")),
        }
    }

    fn apply(&self, state: &mut DecodedStruct, budget: &mut Budget) -> Result<(), RulesError> {
        match &self.action {
            Action::Drop { field, only } => drop_field(state, field, only.as_deref()),
            Action::Convert { field, type_name } => each(state, field, |found| converted(found, type_name)),
            Action::Resize { field, count } => each(state, field, |found| resized(found, *count, budget)),
            Action::Move { field, after } => {
                let moved = take(state, field)?;
                insert(state, moved, after.as_deref())
            }
            Action::Rename { field, to } => each(state, field, |found| {
                found.name = to.as_str().into();
                Ok(())
            }),
            Action::Insert { fields, bytes, after } => {
                let fields = decode_fields(fields, &from_hex(bytes)?)?;
                fields.iter().try_for_each(|field| budget.take(&field.value, 1))?;
                insert(state, fields, after.as_deref())
            }
            Action::Version { version } => {
                state.version = *version;
                Ok(())
            }
            Action::DropSubsection { subsection } => {
                state.subsections.retain(|inner| *inner.vmsd_name != **subsection);
                Ok(())
            }
        }
    }
}

/// Returns the entries of a field.
fn named<'s>(state: &'s mut DecodedStruct, name: &str) -> Result<Vec<&'s mut DecodedField>, RulesError> {
    let fields: Vec<_> = state.fields.iter_mut().filter(|field| *field.name == *name).collect();
    if fields.is_empty() { Err(missing(name)) } else { Ok(fields) }
}

fn missing(name: &str) -> RulesError {
    RulesError::new(format!("missing field {name:?}"))
}

fn each(
    state: &mut DecodedStruct,
    name: &str,
    mut change: impl FnMut(&mut DecodedField) -> Result<(), RulesError>,
) -> Result<(), RulesError> {
    named(state, name)?.into_iter().try_for_each(|field| change(field).map_err(|error| error.within(name)))
}

/// Removes a field, and returns its entries.
fn take(state: &mut DecodedStruct, name: &str) -> Result<Vec<DecodedField>, RulesError> {
    let (taken, rest): (Vec<_>, Vec<_>) =
        std::mem::take(&mut state.fields).into_iter().partition(|field| *field.name == *name);
    state.fields = rest;
    if taken.is_empty() { Err(missing(name)) } else { Ok(taken) }
}

fn drop_field(state: &mut DecodedStruct, name: &str, only: Option<&str>) -> Result<(), RulesError> {
    let found = encoded(&take(state, name)?);
    match only {
        Some(only) if from_hex(only)? != found => {
            let reason =
                "the value would be lost: the rule drops only another one; change the rule if it is not needed";
            Err(RulesError::new(reason).within(name))
        }
        _ => Ok(()),
    }
}

fn insert(state: &mut DecodedStruct, fields: Vec<DecodedField>, after: Option<&str>) -> Result<(), RulesError> {
    let place = match after {
        None => 0,
        Some(name) => 1 + state.fields.iter().rposition(|field| *field.name == *name).ok_or_else(|| missing(name))?,
    };
    state.fields.splice(place..place, fields);
    Ok(())
}
